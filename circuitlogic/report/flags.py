"""Owns the words for a gate's flags. Flags come from files: an unknown one is shown as it is."""

from collections.abc import Callable

from circuitlogic.features import FeatureId
from circuitlogic.logic.flags import Brake, OtherCauses, Relation, flags_of, parse_flag
from circuitlogic.logic.formula import And, Const, literals_of, to_text
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.simplify import simplified
from circuitlogic.report.literal_names import literal_name, quoted

Name = Callable[[FeatureId], str]

_PLAIN = {
    "weak": "the lower end of its F1 interval is under 0.80",
    "by-weights": "some input states were never seen: there the formula rests on the weights",
    "unstable-threshold": "half or twice the firing threshold gives it another kind",
    "connector-disagrees": "the formula and the connector row fire together with F1 under 0.80",
}
_RELATIONS = {
    "subset": "{0} implies {1}: it fires only where {1} does",
    "exclusive": "{0} and {1} never fire together",
    "twin": "{0} and {1} fire together almost always",
}
_GIVEN = {
    "subset": "{0} implies {1}",
    "exclusive": "{0} and {1} never fire together",
    "twin": "{0} and {1} are one",
}
_BRAKES = {
    "damped": "{0} weakens it to {1:.0f} %",
    "partial": "{0} blocks {1:.0f} % of its firings",
}


def flag_text(flag: str, name: Name) -> str:
    """One flag in words, features called by `name`."""
    match parse_flag(flag):
        case Relation() as relation:
            return _RELATIONS[relation.name].format(name(relation.first), name(relation.second))
        case Brake() as brake:
            return _BRAKES[brake.name].format(name(brake.feature), 100 * brake.share)
        case OtherCauses(share):
            return (
                f"{100 * share:.0f} % of its firings come with none of these inputs on: it has other causes"
            )
        case caveat:
            return _PLAIN.get(caveat.name, flag)


def given_text(gate: Gate, name: Name) -> str:
    """A shorter formula that is the same given what the inputs are to each other; empty where there is none."""
    if gate.formula is None or isinstance(gate.formula, Const):
        return ""
    own = {literal.feature for literal in literals_of(gate.formula)}
    known = [flag for flag in flags_of(gate.flags) if isinstance(flag, Relation)]
    known = [relation for relation in known if {relation.first, relation.second} <= own]
    if not known:
        return ""
    short = simplified(gate.formula, And(tuple(relation.formula for relation in known)))
    if len(literals_of(short)) >= len(literals_of(gate.formula)):
        return ""
    words = [_GIVEN[one.name].format(quoted(name(one.first)), quoted(name(one.second))) for one in known]
    shown = to_text(short, lambda literal: literal_name(literal, name))
    return f"given that {' and '.join(words)}: {shown}"
