"""Owns the wording of formulas: phrases in plain English and the weighted sum of a row."""

from collections.abc import Sequence

from circuitlogic.features import FeatureId
from circuitlogic.logic.flags import Brake, flags_of
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kinds.registry import Label

_WEAKER = 0.5
"""An alternative below this share of the strongest weight is called weaker."""
_DEGREES = {0: "", 1: " strongly", 2: " very strongly"}


def listed(parts: Sequence[str], joint: str) -> str:
    """`A`, `A or B`, `A, B or C`."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {joint} {parts[-1]}"


def literal_text(literal: Literal, label: Label) -> str:
    """`A`, `A strongly`, ..."""
    return label(literal.feature) + _DEGREES.get(literal.level, f" at level {literal.level}")


def phrase(formula: Formula, label: Label) -> str:
    """Any formula in words, as part of a sentence."""
    match formula:
        case Literal():
            return literal_text(formula, label)
        case Const(value):
            return "always" if value else "never"
        case Not(operand):
            return f"not {_enclosed(operand, label)}"
        case And(operands):
            return _together(operands, label)
        case Or(operands):
            parts = [phrase(f, label) for f in operands]
            if all(isinstance(f, Literal) for f in operands):
                return listed(parts, "or")
            return ", or ".join(parts)
        case Xor(operands):
            parts = [phrase(f, label) for f in operands]
            return (
                f"exactly one of {listed(parts, 'and')}"
                if len(parts) == 2
                else f"an odd number of {listed(parts, 'and')}"
            )
        case Vote(operands, _, threshold) if formula.is_count:
            return f"at least {threshold} of {listed([_enclosed(f, label) for f in operands], 'and')}"
        case Vote(operands, weights, threshold):
            points = [f"{_enclosed(f, label)} counts {w}" for f, w in zip(operands, weights, strict=True)]
            return f"{threshold} points, where {listed(points, 'and')}"


def _together(operands: tuple[Formula, ...], label: Label) -> str:
    body = [_enclosed(f, label) for f in operands if not isinstance(f, Not)]
    vetoes = [_enclosed(f.operand, label) for f in operands if isinstance(f, Not)]
    if not body:
        return f"neither {' nor '.join(vetoes)}" if len(vetoes) == 2 else f"none of {listed(vetoes, 'and')}"
    text = f"{body[0]} together with {body[1]}" if len(body) == 2 else listed(body, "and")
    if len(body) > 2:
        text = f"{text} together"
    if not vetoes:
        return text
    return f"{text} but not {listed(vetoes, 'or')}"


def _enclosed(formula: Formula, label: Label) -> str:
    text = phrase(formula, label)
    return text if isinstance(formula, Literal | Const) else f"({text})"


def alternatives(gate: Gate, operands: Sequence[Formula], label: Label) -> str:
    """Literals joined by `or`, those of small weight marked: `former, old or (weaker) young`."""
    weights = {given.feature: abs(given.weight) for given in gate.inputs}
    features = [f.feature for f in operands if isinstance(f, Literal)]
    top = max((weights.get(feature, 0.0) for feature in features), default=0.0)
    parts: list[str] = []
    for operand in operands:
        text = phrase(operand, label)
        weak = isinstance(operand, Literal) and weights.get(operand.feature, top) < _WEAKER * top
        parts.append(f"(weaker) {text}" if weak else text)
    return listed(parts, "or")


def graded_text(gate: Gate, label: Label) -> str:
    """The row as a weighted sum in unit scale, strongest first: `0.68 A - 0.21 B`."""
    text = ""
    for given in gate.inputs:
        sign = "-" if given.weight < 0 else "+"
        lead = f" {sign} " if text else ("-" if sign == "-" else "")
        text += f"{lead}{abs(given.weight):.2f} {label(given.feature)}"
    return text or "0"


def percent(share: float) -> str:
    """`69 %`."""
    return f"{100 * share:.0f} %"


def flagged(gate: Gate, name: str) -> list[tuple[FeatureId, float]]:
    """Features and numbers of the gate's flags `name:site/index=number`."""
    brakes = (flag for flag in flags_of(gate.flags) if isinstance(flag, Brake))
    return [(brake.feature, brake.share) for brake in brakes if brake.name == name]
