"""Kinds that claim no formula: graded, where the weighted sum explains, and unexplained,
where nothing does."""

from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kinds.registry import Kind, Label, register
from circuitlogic.logic.kinds.words import graded_text


def _unexplained(gate: Gate, label: Label) -> str:
    del label
    if not gate.inputs:
        return "no edge leads to it"
    if gate.evidence is None:
        return "not explained by its inputs"
    return f"not explained by its inputs (ceiling {gate.evidence.ceiling_f1:.2f})"


def _graded(gate: Gate, label: Label) -> str:
    return f"graded mix: {graded_text(gate, label)}"


register(
    Kind(
        "graded",
        "No formula says when it fires, but the weighted sum says how strongly.",
        lambda _: "Σ",
        _graded,
    )
)
register(
    Kind(
        "unexplained",
        "Neither a formula nor the weighted sum explains it.",
        lambda _: "?",
        _unexplained,
    )
)
