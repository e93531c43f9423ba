"""Owns the tree of an expanded gate: its literals, theirs in turn, and why those that stay literals do."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from circuitlogic.errors import DataError
from circuitlogic.logic.formula import Literal
from circuitlogic.logic.gate import Gate

FIRST = "first"
DEPTH = "depth"
LEVEL = "level"
SIZE = "size"
CIRCLE = "circle"
REASONS = {
    FIRST: "has no gate: nothing below it was read",
    DEPTH: "lies as deep as was asked for",
    LEVEL: "asks for more than firing, and its gate says only when it fires",
    SIZE: "the expansion is as large as allowed",
    CIRCLE: "leads back to a gate above it",
}
"""Why a literal stays as it is, beside the kinds that claim no formula."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One literal of a gate above, or the gate that was asked about."""

    literal: Literal
    gate: Gate | None
    """What is known of its feature; None at the first site."""
    parts: tuple["Branch", ...]
    """Its own literals, in the order of its formula; empty where it stays as it is."""
    stop: str
    """Why it stays: a key of `REASONS`, or the gate's kind; empty where it is expanded."""
    product: float
    """F1 of the gates from the one asked about down to this one, multiplied; this one counts if expanded."""

    @property
    def reason(self) -> str:
        """Why it stays, in words; empty where it is expanded."""
        return REASONS.get(self.stop, f"is {self.stop}: no formula is claimed for it" if self.stop else "")


def branches(tree: Branch) -> Iterator[Branch]:
    """All branches, layer by layer."""
    waiting = deque([tree])
    while waiting:
        branch = waiting.popleft()
        yield branch
        waiting.extend(branch.parts)


def cut_of(gate: Gate, literal: Literal) -> float:
    """The activation above which `literal` holds for `gate`.

    Raises:
        DataError: it is no input of the gate, or at a level without threshold.
    """
    for given in gate.inputs:
        if given.feature == literal.feature:
            cuts = (given.threshold, *given.level_thresholds)
            if literal.level < len(cuts):
                return cuts[literal.level]
    raise DataError(
        f"the formula of {gate.feature} names {literal.feature} at level {literal.level}, no input of it"
    )
