"""Owns the reading of a gate by its causes: inputs that do nothing when they are switched are dropped, and the
formula is searched again.

A twin of the true cause predicts the output as well as the cause does, so no observation tells them apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from circuitlogic.features import FeatureId
from circuitlogic.logic.gate import Gate

ROUNDS = 4

Reread: TypeAlias = Callable[[frozenset[FeatureId]], Gate]
"""(inputs that no formula may use) -> the gate, as `read_gate` reads it."""
WithoutEffect: TypeAlias = Callable[[Gate], frozenset[FeatureId]]
"""Those inputs of a gate's formula that were switched and found to do nothing."""


@dataclass(frozen=True, slots=True)
class CausalReading:
    """A gate read from inputs that have an effect, as far as they were tested."""

    gate: Gate
    excluded: tuple[FeatureId, ...]
    """Inputs dropped for want of an effect; none: the gate is the one given."""
    rounds: int
    """Searches made again."""
    settled: bool
    """Whether no input of the last formula was found without effect."""


def read_by_causes(
    gate: Gate, reread: Reread, without_effect: WithoutEffect, rounds: int = ROUNDS
) -> CausalReading:
    """Drop inputs without effect and read again, until every input of the formula has one.

    Args:
        gate: As read from data alone.
        reread: Reads it again.
        without_effect: The test; it may be an oracle, or interventions on training samples.
        rounds: Most searches made again.
    """
    excluded: frozenset[FeatureId] = frozenset()
    for done in range(rounds + 1):
        idle = without_effect(gate) if gate.formula is not None else frozenset()
        if not idle or done == rounds:
            return CausalReading(gate, tuple(sorted(excluded)), done, not idle)
        excluded |= idle
        gate = reread(excluded)
    raise ValueError(f"{rounds} rounds: give 0 or more")
