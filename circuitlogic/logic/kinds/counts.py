"""Kinds that count: majority, k of n, weighted vote."""

from circuitlogic.logic.formula import Formula, Vote
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kinds.registry import Kind, Label, register
from circuitlogic.logic.kinds.shape import is_count, is_majority, is_positive
from circuitlogic.logic.kinds.words import listed, phrase


def _box(formula: Formula | None) -> str:
    return f">={formula.threshold}" if isinstance(formula, Vote) else ">=k"


def _majority(gate: Gate, label: Label) -> str:
    operands = gate.formula.operands if isinstance(gate.formula, Vote) else ()
    return f"most of {listed([phrase(f, label) for f in operands], 'and')}"


def _count(gate: Gate, label: Label) -> str:
    return phrase(gate.formula, label) if gate.formula is not None else ""


def _vote(gate: Gate, label: Label) -> str:
    return f"needs {_count(gate, label)}"


register(
    Kind("majority", "Fires when more than half of its inputs do.", lambda _: ">n/2", _majority, is_majority),
)
register(
    Kind("k-of-n", "Fires when at least k of its n inputs do, 1 < k < n.", _box, _count, is_count),
)
register(
    Kind(
        "vote",
        "Fires when the votes of its inputs, some of which count more, reach a number.",
        lambda f: f"Σ{_box(f)}",
        _vote,
        lambda f: isinstance(f, Vote) and is_positive(f),
    )
)
