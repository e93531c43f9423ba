"""Owns composition: a gate written over the inputs of its input gates, several layers back.

Errors multiply: each layer's formula was proven on the true features below it, and here they are predictions. The
product of the gates' F1 is a rule of thumb; what counts is the composed formula's own held-out score.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from circuitlogic.errors import ConfigError, unknown_name
from circuitlogic.features import FeatureId
from circuitlogic.logic.branches import CIRCLE, DEPTH, FIRST, LEVEL, SIZE, Branch, branches, cut_of
from circuitlogic.logic.composed_evidence import ComposedEvidence, composed_evidence
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, literals_of
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.simplify import simplified

MAX_GATES = 200
"""Gates that one expansion opens at most; a gate that is reached on two paths counts twice."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A gate, expanded."""

    tree: Branch
    layers: int
    """As asked for: 1 is the gate's own formula, 2 writes it over the inputs of its inputs."""
    formula: Formula
    """One formula over the literals that stay, simplified where that is cheap."""
    evidence: ComposedEvidence
    thresholds: Mapping[Literal, float]
    """Activation (raw units) above which each literal that stays is on, as the gate above it was read with."""

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates that were expanded, each once, those nearest the root first."""
        found = {b.gate.feature: b.gate for b in branches(self.tree) if b.gate is not None and not b.stop}
        return tuple(found.values())

    @property
    def kept(self) -> tuple[Branch, ...]:
        """The literals that stay, each once, nearest first."""
        found: dict[Literal, Branch] = {}
        for branch in branches(self.tree):
            if branch.stop:
                found.setdefault(branch.literal, branch)
        return tuple(found.values())


def compose(
    feature: FeatureId, gates: Mapping[FeatureId, Gate], layers: int, max_gates: int = MAX_GATES
) -> Composition:
    """Write the gate of `feature` over features up to `layers` edges back.

    Args:
        feature: Whose gate.
        gates: All gates of the study.
        layers: 1 gives the gate's own formula.
        max_gates: Gates to expand at most, nearest first; what is left stays a literal and says so.

    Raises:
        UnknownNameError: the feature has no gate.
        ConfigError: its gate claims no formula, or a number below 1.
        DataError: a formula names a literal that is no input of its gate.
    """
    if min(layers, max_gates) < 1:
        raise ConfigError(f"{layers} layers and {max_gates} gates: both are at least 1")
    if feature not in gates:
        raise unknown_name("gate", str(feature), map(str, gates))
    root = gates[feature]
    if _closed(root):
        raise ConfigError(f"{feature} is {root.kind}: it has no formula to expand")
    opened = _opened(root, gates, layers, max_gates)
    tree = _branch(opened, 0, 1.0)
    formula = simplified(_substituted(tree))
    thresholds: dict[Literal, float] = {}
    for branch in branches(tree):
        for part in branch.parts:
            if part.stop and branch.gate is not None:
                thresholds.setdefault(part.literal, cut_of(branch.gate, part.literal))
    used = {literal: thresholds[literal] for literal in literals_of(formula)}
    return Composition(tree, layers, formula, composed_evidence(tree), used)


def _closed(gate: Gate) -> bool:
    return gate.formula is None or isinstance(gate.formula, Const)


@dataclass(slots=True)
class _Place:
    """A branch in the making."""

    literal: Literal
    gate: Gate | None
    stop: str
    above: tuple[FeatureId, ...]
    parts: list[int]


def _opened(root: Gate, gates: Mapping[FeatureId, Gate], layers: int, max_gates: int) -> list[_Place]:
    """All branches as a list, root first, opened breadth first so that near gates are opened before far ones."""
    places = [_Place(Literal(root.feature), root, "", (), [])]
    waiting = deque([(0, 1)])
    left = max_gates
    while waiting:
        at, depth = waiting.popleft()
        place = places[at]
        if place.gate is None or place.stop or place.gate.formula is None:
            continue
        if left == 0:
            place.stop = SIZE
            continue
        left -= 1
        above = (*place.above, place.gate.feature)
        for literal in literals_of(place.gate.formula):
            stop = _stop(literal, gates.get(literal.feature), above, depth >= layers)
            place.parts.append(len(places))
            waiting.append((len(places), depth + 1))
            places.append(_Place(literal, gates.get(literal.feature), stop, above, []))
    return places


def _stop(literal: Literal, gate: Gate | None, above: tuple[FeatureId, ...], deep: bool) -> str:
    if gate is None:
        return FIRST
    if _closed(gate):
        return gate.kind
    if literal.level:
        return LEVEL
    if literal.feature in above:
        return CIRCLE
    return DEPTH if deep else ""


def _branch(places: list[_Place], at: int, above: float) -> Branch:
    place = places[at]
    evidence = None if place.stop or place.gate is None else place.gate.evidence
    product = above * (evidence.f1 if evidence is not None else 1.0)
    parts = tuple(_branch(places, part, product) for part in place.parts)
    return Branch(place.literal, place.gate, parts, place.stop, product)


def _substituted(branch: Branch) -> Formula:
    if branch.stop or branch.gate is None or branch.gate.formula is None:
        return branch.literal
    found = {part.literal: _substituted(part) for part in branch.parts}
    return _replaced(branch.gate.formula, found)


def _replaced(formula: Formula, by: Mapping[Literal, Formula]) -> Formula:
    match formula:
        case Literal():
            return by[formula]
        case Const():
            return formula
        case Not(operand):
            return Not(_replaced(operand, by))
        case Vote(operands, weights, threshold):
            return Vote(tuple(_replaced(f, by) for f in operands), weights, threshold)
        case And(operands) | Or(operands) | Xor(operands):
            return type(formula)(tuple(_replaced(f, by) for f in operands))
