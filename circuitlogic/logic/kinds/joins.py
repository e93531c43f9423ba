"""Kinds that join inputs of one sign: or, and, nor, nand, and any other negated positive condition."""

from circuitlogic.logic.formula import And, Formula, Not, Or
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kinds.registry import Kind, Label, register
from circuitlogic.logic.kinds.shape import is_and, is_or, is_positive, is_threshold_function
from circuitlogic.logic.kinds.words import alternatives, listed, phrase


def _or(gate: Gate, label: Label) -> str:
    return alternatives(gate, gate.formula.operands, label) if isinstance(gate.formula, Or) else ""


def _unless(gate: Gate, label: Label) -> str:
    formula = gate.formula
    if not isinstance(formula, Not):
        return ""
    inner = formula.operand
    if isinstance(inner, And) and is_and(inner):
        parts = [phrase(f, label) for f in inner.operands]
        return f"on unless {'both ' if len(parts) == 2 else 'all of '}{listed(parts, 'and')}"
    return f"on unless {phrase(inner, label)}"


def _and(gate: Gate, label: Label) -> str:
    return phrase(gate.formula, label) if gate.formula is not None else ""


def _is_unless(formula: Formula) -> bool:
    return isinstance(formula, Not) and is_positive(formula.operand) and is_threshold_function(formula)


register(
    Kind("or", "Fires when any of its inputs does.", lambda _: ">=1", _or, is_or),
)
register(
    Kind("and", "Fires when all of its inputs do.", lambda _: "&", _and, is_and),
)
register(
    Kind(
        "nor",
        "On unless any of its inputs fires.",
        lambda _: ">=1",
        _unless,
        lambda f: isinstance(f, Not) and is_or(f.operand),
    ),
)
register(
    Kind(
        "nand",
        "On unless all of its inputs fire.",
        lambda _: "&",
        _unless,
        lambda f: isinstance(f, Not) and is_and(f.operand),
    ),
)
register(
    Kind(
        "unless",
        "On unless its inputs meet a condition that none of them hinders.",
        lambda _: "1",
        _unless,
        _is_unless,
    ),
)
