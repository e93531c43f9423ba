"""Owns the readers that are compared: a registry of arms, each of which says what formula a row computes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, Row
from circuitlogic.logic.formula import Formula
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.reading import read_gate
from circuitlogic.registry import Registry

Read: TypeAlias = Callable[[Row, Activity, Activity], "Reading"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What an arm says about one row."""

    formula: Formula | None
    """None: no gate is claimed."""
    kind: str | None = None
    """The arm's own name for the kind, where it has one beyond the formula's."""
    brakes: tuple[FeatureId, ...] = ()
    """Inputs of which the arm says that they weaken or partly block the output."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One reader of rows."""

    name: str
    meaning: str
    """One sentence."""
    read: Read
    verifies: bool = False
    """Whether it decides on held-out samples itself what it claims; the benchmark does it for the others."""


_BRAKES = ("damped:", "partial:")

_ARMS: Registry[Arm] = Registry("arm")


def register(arm: Arm) -> Arm:
    """Add an arm.

    Raises:
        ConfigError: there is one of this name.
    """
    return _ARMS.add(arm.name, arm)


def arms_named(names: tuple[str, ...]) -> tuple[Arm, ...]:
    """The arms of these names; all, for none.

    Raises:
        UnknownNameError: there is none of such a name.
    """
    return _ARMS.chosen(names)


def _circuitlogic(row: Row, train: Activity, heldout: Activity) -> Reading:
    return reading_of(read_gate(row, train, heldout))


def reading_of(gate: Gate) -> Reading:
    """A gate of the product as a reading; a rejected formula is not one."""
    told = {flag.partition(":")[2].partition("=")[0] for flag in gate.flags if flag.startswith(_BRAKES)}
    brakes = tuple(put.feature for put in gate.inputs if str(put.feature) in told)
    return Reading(gate.formula, gate.kind, brakes)


OWN = register(
    Arm(
        "circuitlogic",
        "Proposes from weights, decides on the states in which the true output fires, verifies held out.",
        _circuitlogic,
        verifies=True,
    )
)
