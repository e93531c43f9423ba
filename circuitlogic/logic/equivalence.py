"""Owns the exact comparison of formulas: equal, implied, or a state in which they differ."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.decision_diagram import FALSE, DecisionDiagrams, SeenStates, TooLargeError
from circuitlogic.logic.formula import Formula, Literal, evaluate, literals_of
from circuitlogic.logic.gate import Gate

__all__ = [
    "Difference",
    "SeenStates",
    "TooLargeError",
    "are_equivalent",
    "difference",
    "implies",
    "seen_states",
]


@dataclass(frozen=True, slots=True)
class Difference:
    """A state that two formulas disagree on."""

    state: tuple[tuple[Literal, bool], ...]
    """Every literal of either formula and whether it is on; no feature is high without firing."""
    first: bool
    """What the first formula says there; the second says the opposite."""


def difference(first: Formula, second: Formula, seen: SeenStates | None = None) -> Difference | None:
    """A state in which the two differ, with as little on as the search finds; None: they are one function.

    Args:
        first: A formula.
        second: Another one.
        seen: The states that count; None: all states that features can be in.

    Raises:
        TooLargeError: the comparison needs too many decision nodes.
    """
    own = literals_of(first) + literals_of(second)
    diagrams = DecisionDiagrams((*own, *(seen.literals if seen else ())))
    found = diagrams.differing(diagrams.of(first), diagrams.of(second))
    if seen is not None and found != FALSE:
        found = diagrams.both(diagrams.seen(seen), found)
    state = diagrams.state_of(found)
    if state is None:
        return None
    shown = tuple((literal, state[literal]) for literal in dict.fromkeys(own))
    return Difference(shown, _holds(first, {literal for literal, on in state.items() if on}))


def are_equivalent(first: Formula, second: Formula, seen: SeenStates | None = None) -> bool:
    """Whether the two are one function; arguments and errors as `difference`."""
    return difference(first, second, seen) is None


def implies(first: Formula, second: Formula) -> bool:
    """Whether `second` is on wherever `first` is.

    Raises:
        TooLargeError: the comparison needs too many decision nodes.
    """
    diagrams = DecisionDiagrams(literals_of(first) + literals_of(second))
    return diagrams.both(diagrams.of(first), diagrams.negated(diagrams.of(second))) == FALSE


def seen_states(gate: Gate) -> SeenStates | None:
    """The states that training showed of the gate's own literals; None where it has no table."""
    if gate.formula is None or not gate.table:
        return None
    states = np.array([row.state for row in gate.table if row.samples], dtype=np.bool_)
    return SeenStates(literals_of(gate.formula), states)


def _holds(formula: Formula, on: Iterable[Literal]) -> bool:
    state = {literal: np.zeros(1, dtype=np.bool_) for literal in literals_of(formula)}
    state |= {literal: np.ones(1, dtype=np.bool_) for literal in on}
    return bool(evaluate(formula, state, 1)[0])
