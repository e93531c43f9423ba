"""Owns gates as rows: their words, how often each kind occurs, and which gates are worth showing first."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from circuitlogic.errors import ConfigError, UnknownNameError, unknown_name
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import to_text
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kinds import all_kinds, describe, graded_text, kind_named
from circuitlogic.report.flags import flag_text
from circuitlogic.report.literal_names import literal_name, quoted
from circuitlogic.report.rows import GateRow, KindRow

SILENT_KINDS = frozenset({"dead", "insufficient"})
"""Kinds of features that fire too seldom to be read; they count neither as explained nor as unexplained."""

NO_TOKENS: Mapping[FeatureId, float] = {}
_NO_BIAS = 0.005
"""Smaller biases (unit scale) would be written as 0.00."""


def gate_rows(
    gates: Iterable[Gate],
    labels: Mapping[FeatureId, str],
    token_f1: Mapping[FeatureId, float] = NO_TOKENS,
) -> tuple[GateRow, ...]:
    """Gates in words, in the order given; `token_f1` is what the current token alone scores."""
    return tuple(gate_row(gate, labels, token_f1.get(gate.feature)) for gate in gates)


def gate_row(gate: Gate, labels: Mapping[FeatureId, str], token_f1: float | None = None) -> GateRow:
    """One gate in words; a feature without a label is called by its id."""

    def name(feature: FeatureId) -> str:
        return labels.get(feature) or str(feature)

    brief = brief_name(gate, labels)
    return GateRow(
        gate=gate,
        label=labels.get(gate.feature, ""),
        text=_described(gate, lambda feature: quoted(name(feature))),
        expression=_expression(gate, name),
        brief=_expression(gate, brief),
        graded=_graded(gate, lambda feature: quoted(name(feature))),
        graded_brief=_graded(gate, lambda feature: quoted(brief(feature))),
        flags=tuple(flag_text(flag, lambda feature: quoted(name(feature))) for flag in gate.flags),
        token_f1=token_f1,
    )


def _expression(gate: Gate, name: Callable[[FeatureId], str]) -> str:
    return "" if gate.formula is None else to_text(gate.formula, lambda literal: literal_name(literal, name))


def _graded(gate: Gate, name: Callable[[FeatureId], str]) -> str:
    bias = "" if abs(gate.bias) < _NO_BIAS else f" {'-' if gate.bias < 0 else '+'} {abs(gate.bias):.2f}"
    return graded_text(gate, name) + bias


def brief_name(gate: Gate, labels: Mapping[FeatureId, str]) -> Callable[[FeatureId], str]:
    """What to call input features: briefly, `IF121`; only where one site has them all."""
    one_site = len({given.feature.site for given in gate.inputs}) == 1

    def name(feature: FeatureId) -> str:
        return labels.get(feature) or (f"IF{feature.index}" if one_site else str(feature))

    return name


def _described(gate: Gate, name: Callable[[FeatureId], str]) -> str:
    try:
        return describe(gate, name)
    except UnknownNameError:
        return f"of kind {gate.kind}, which this version does not know"


def kind_rows(gates: Sequence[GateRow]) -> tuple[KindRow, ...]:
    """How often each kind occurs, most frequent first, ties in the order of the registry."""
    counts = Counter(row.gate.kind for row in gates)
    order = {kind.name: place for place, kind in enumerate(all_kinds())}
    names = sorted(counts, key=lambda kind: (-counts[kind], order.get(kind, len(order)), kind))
    scores: dict[str, list[float]] = defaultdict(list)
    for row in gates:
        if row.claims and row.gate.evidence is not None:
            scores[row.gate.kind].append(row.gate.evidence.f1)
    return tuple(
        KindRow(
            kind,
            _meaning(kind),
            counts[kind],
            counts[kind] / len(gates),
            median(scores[kind]) if scores[kind] else None,
        )
        for kind in names
    )


def _meaning(kind: str) -> str:
    try:
        return kind_named(kind).meaning
    except UnknownNameError:
        return "A kind that this version does not know."


def _evidence_key(row: GateRow) -> tuple[object, ...]:
    """Claimed gates first, by the lower end of the F1 interval, word lists behind; then the others, by R²."""
    evidence = row.gate.evidence
    if evidence is None:
        return (2, False, -len(row.gate.inputs), row.gate.feature)
    best = evidence.f1_interval.low if row.claims else evidence.r2
    return (int(not row.claims), row.is_word_list, -_number(best), -evidence.support, row.gate.feature)


def _number(value: float) -> float:
    return value if value == value else -1.0


def _f1_key(row: GateRow) -> tuple[object, ...]:
    evidence = row.gate.evidence
    return (-_number(evidence.f1) if row.claims and evidence is not None else 1.0, row.gate.feature)


SORTS: dict[str, Callable[[GateRow], tuple[object, ...]]] = {
    "evidence": _evidence_key,
    "feature": lambda row: (row.gate.feature,),
    "kind": lambda row: (row.gate.kind, *_evidence_key(row)),
    "f1": _f1_key,
    "gain": lambda row: (-(row.gain if row.gain is not None else -2.0), row.gate.feature),
    "fan-in": lambda row: (-len(row.gate.inputs), row.gate.feature),
    "support": lambda row: (-(row.gate.evidence.support if row.gate.evidence else -1), row.gate.feature),
}
"""Orders of gates by name; all end with the feature, so none is left to chance."""


def sorted_gates(gates: Iterable[GateRow], sort: str = "evidence") -> tuple[GateRow, ...]:
    """Gates in one of the orders of `SORTS`; `evidence` puts the best proven formula first.

    Raises:
        UnknownNameError: there is no such order.
    """
    if sort not in SORTS:
        raise unknown_name("sort order", sort, SORTS)
    return tuple(sorted(gates, key=SORTS[sort]))


def best_first(gates: Iterable[GateRow]) -> str:
    """What the order by evidence is, in a sentence."""
    lists = "; formulas that the current token alone equals stand behind the others"
    speaks = any(row.token_f1 is not None for row in gates)
    return f"Best evidence first: by the lower end of the F1 interval{lists if speaks else ''}."


def best_across_kinds(gates: Iterable[GateRow], limit: int, silent: bool = False) -> tuple[GateRow, ...]:
    """Up to `limit` gates: the best proven one of each kind, then the second best of each, and so on.

    Kinds that claim a formula come first; `silent` adds features that fire too seldom to be read.

    Raises:
        ConfigError: `limit` is negative.
    """
    if limit < 0:
        raise ConfigError(f"limit is {limit}: it must not be negative")
    by_kind: dict[str, list[GateRow]] = defaultdict(list)
    for row in sorted_gates(gates):
        if silent or row.gate.kind not in SILENT_KINDS:
            by_kind[row.gate.kind].append(row)
    turns = [
        (not row.claims, place, _evidence_key(row), row)
        for rows in by_kind.values()
        for place, row in enumerate(rows)
    ]
    return tuple(turn[-1] for turn in sorted(turns, key=lambda turn: turn[:-1])[:limit])
