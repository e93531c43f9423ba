"""Kinds of two layers and of two signs, and functions that no single weighted sum can say."""

from circuitlogic.logic.formula import And, Formula, Or, Xor
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kinds.registry import Kind, Label, register
from circuitlogic.logic.kinds.shape import are_literals, is_positive, is_threshold_function
from circuitlogic.logic.kinds.words import phrase


def _plain(gate: Gate, label: Label) -> str:
    return phrase(gate.formula, label) if gate.formula is not None else ""


def _impossible(gate: Gate, label: Label) -> str:
    return f"{_plain(gate, label)} (no single connector row can say this)"


def _or_and(gate: Gate, label: Label) -> str:
    formula = gate.formula
    if isinstance(formula, And) and len(formula.operands) == 2:
        return f"{phrase(formula.operands[0], label)} with {phrase(formula.operands[1], label)}"
    return _plain(gate, label)


register(
    Kind(
        "xor",
        "Fires when an odd number of its inputs do (one of two, but not both).",
        lambda _: "=1",
        _impossible,
        lambda f: isinstance(f, Xor) and are_literals(f.operands),
    )
)
register(
    Kind(
        "non-threshold",
        "A function that no single weighted sum with a cut can say.",
        lambda _: "=1",
        _impossible,
        lambda f: not is_threshold_function(f),
    )
)
register(
    Kind(
        "and-or",
        "Fires for any of several reasons, one of which is inputs together.",
        lambda _: ">=1(&)",
        _plain,
        lambda f: isinstance(f, Or) and is_positive(f),
    )
)
register(
    Kind(
        "or-and",
        "Fires when a required input comes with any of several others.",
        lambda _: "&(>=1)",
        _or_and,
        lambda f: isinstance(f, And) and is_positive(f),
    )
)


def _anything(formula: Formula) -> bool:
    del formula
    return True


register(
    Kind(
        "mixed-sign",
        "Inputs that switch on and inputs that veto, joined in a way that has no shorter name.",
        lambda _: "&",
        _plain,
        _anything,
    )
)
