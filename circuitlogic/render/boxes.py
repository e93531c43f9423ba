"""Owns the words of gate boxes (IEC 60617-12 / IEEE 91 qualifying symbols) and where negation sits."""

from circuitlogic.errors import UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, literals_of
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kinds import kind_named
from circuitlogic.logic.kinds.words import flagged

UNKNOWN = "?"
_RESTRAINED_KINDS = frozenset({"damped-copy", "partial-inhibition"})
_IMPOSSIBLE_KINDS = frozenset({"xor", "non-threshold"})


def operator_text(formula: Formula) -> str:
    """The qualifying symbol of the box that computes `formula` from its operands."""
    match formula:
        case Literal() | Not():
            return "1"
        case Const(value):
            return "1 const" if value else "0"
        case And():
            return "&"
        case Or():
            return ">=1"
        case Xor(operands):
            return "=1" if len(operands) == 2 else "2k+1"
        case Vote(threshold=threshold) if formula.is_count:
            return f">={threshold}"
        case Vote(threshold=threshold):
            return f"Σ>={threshold}"


def gate_text(gate: Gate) -> str:
    """The text of a gate drawn as one box: its kind's symbol, with `NOT` where its output is negated.

    A kind that is not registered, e.g. of a study from a newer version, gets its outermost operator.
    """
    body, negated = without_not(gate.formula) if gate.formula is not None else (None, False)
    try:
        text = kind_named(gate.kind).box(gate.formula)
    except UnknownNameError:
        text = UNKNOWN if body is None else operator_text(body)
    return f"NOT {text}" if negated and not isinstance(body, Literal) else text


def is_impossible(gate: Gate) -> bool:
    """Whether no single connector row can compute the gate's formula."""
    return gate.kind in _IMPOSSIBLE_KINDS


def without_not(formula: Formula) -> tuple[Formula, bool]:
    """`formula` without the negations around it, and whether an odd number of them was taken off."""
    negated = False
    while isinstance(formula, Not):
        formula, negated = formula.operand, not negated
    return formula, negated


def negated_features(formula: Formula) -> frozenset[FeatureId]:
    """Features that appear only negated, as the inputs of one box see it.

    The negation around the whole formula belongs to the box (`NOT &`), not to the inputs, unless the formula
    is a negated literal.
    """
    body, negated = without_not(formula)
    signs = _signs(body, negated and isinstance(body, Literal))
    return frozenset(feature for feature, seen in signs.items() if seen == {True})


def _signs(formula: Formula, negated: bool) -> dict[FeatureId, set[bool]]:
    match formula:
        case Literal(feature):
            return {feature: {negated}}
        case Const():
            return {}
        case Not(operand):
            return _signs(operand, not negated)
        case And(operands) | Or(operands) | Xor(operands) | Vote(operands=operands):
            merged: dict[FeatureId, set[bool]] = {}
            for operand in operands:
                for feature, seen in _signs(operand, negated).items():
                    merged.setdefault(feature, set()).update(seen)
            return merged


def used_features(gate: Gate) -> frozenset[FeatureId]:
    """The inputs the gate's reading rests on: those of its formula, or all where it has none."""
    if gate.formula is None:
        return frozenset(given.feature for given in gate.inputs)
    return frozenset(literal.feature for literal in literals_of(gate.formula))


def restraints(gate: Gate) -> dict[FeatureId, str]:
    """Inputs that weaken the output, or block it only sometimes, with how much: `to 69 %`, `blocks 45 %`."""
    found = {feature: f"to {100 * share:.0f} %" for feature, share in flagged(gate, "damped")}
    found |= {feature: f"blocks {100 * share:.0f} %" for feature, share in flagged(gate, "partial")}
    if not found and gate.kind in _RESTRAINED_KINDS:
        found = {given.feature: "" for given in gate.inputs if given.weight < 0}
    return found
