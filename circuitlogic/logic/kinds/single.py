"""Kinds of one input: copy, not; and copies that a second input weakens or usually blocks."""

from circuitlogic.logic.formula import And, Formula, Literal, Not
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kinds.registry import Kind, Label, register
from circuitlogic.logic.kinds.words import flagged, listed, percent, phrase


def _body(formula: Formula | None, label: Label) -> str:
    if isinstance(formula, And):
        kept = tuple(f for f in formula.operands if not isinstance(f, Not))
        return phrase(kept[0] if len(kept) == 1 else And(kept), label)
    return phrase(formula, label) if formula is not None else "nothing"


def _damped(gate: Gate, label: Label) -> str:
    brakes = [f"to {percent(keep)} when {label(feature)}" for feature, keep in flagged(gate, "damped")]
    return f"{_body(gate.formula, label)}, weakened {listed(brakes, 'and')}".rstrip()


def _partial(gate: Gate, label: Label) -> str:
    brakes = [f"{label(feature)} ({percent(kill)} of the time)" for feature, kill in flagged(gate, "partial")]
    return f"{_body(gate.formula, label)}, partly blocked by {listed(brakes, 'and')}".rstrip()


register(
    Kind(
        name="copy",
        meaning="Fires when its one input does.",
        box=lambda _: "1",
        sentence=lambda gate, label: f"same as {_body(gate.formula, label)}",
        matches=lambda f: isinstance(f, Literal),
    )
)
register(
    Kind(
        name="not",
        meaning="On unless its one input fires.",
        box=lambda _: "1",
        sentence=lambda gate, label: (
            f"on unless {phrase(gate.formula.operand, label)}"
            if isinstance(gate.formula, Not)
            else "on unless"
        ),
        matches=lambda f: isinstance(f, Not) and isinstance(f.operand, Literal),
    )
)
register(
    Kind(
        name="damped-copy",
        meaning="Fires when its one input does; a second input makes it weaker but does not switch it off.",
        box=lambda _: "1",
        sentence=_damped,
    )
)
register(
    Kind(
        name="partial-inhibition",
        meaning="Fires when its one input does, except that a second input often, but not always, blocks it.",
        box=lambda _: "&",
        sentence=_partial,
    )
)
