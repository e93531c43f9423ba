"""Owns the targets the benchmark is held against: what is asked, what a run reached, whether that is enough."""

from dataclasses import dataclass
from statistics import fmean

from circuitlogic.benchmarks.logicbench.arms import OWN
from circuitlogic.benchmarks.logicbench.blocking import (
    APART,
    BY_EFFECT,
    BY_NAME,
    named_as_planted,
    named_by_effect,
    never_swapped,
)
from circuitlogic.benchmarks.logicbench.planted_kinds import AS_DRAWN, MIXTURE, UNPLANTED
from circuitlogic.benchmarks.logicbench.run import LogicBench
from circuitlogic.benchmarks.logicbench.score import NO_KIND, Score
from circuitlogic.benchmarks.logicbench.summary import ArmSummary, Share, share, summarise
from circuitlogic.benchmarks.logicbench.tables import percent, scores_in

_HIGH_FLOOR = 3.0
_TIERS = (("rotated", 0.97), ("superposed", 0.90), ("sgd", 0.80))


@dataclass(frozen=True, slots=True)
class Target:
    """One quantity."""

    quantity: str
    target: str
    reached: str
    met: bool | None
    """None: a figure beside a target, without one of its own."""

    @property
    def verdict(self) -> str:
        """`yes`, `no`, or a dash."""
        return "-" if self.met is None else "yes" if self.met else "no"


def target_rows(bench: LogicBench) -> list[Target]:
    """The targets that the tiers of this run can be held against."""
    rows: list[Target] = []
    scores = scores_in(bench, "true", bench.settings.leaks[0])
    if any(s.arm == OWN.name for s in scores):
        rows += _reading(scores)
    floor = scores_in(bench, "true", _HIGH_FLOOR, OWN.name)
    if floor:
        rows.append(_at_least("strict at 3 x noise floor", share(floor, lambda s: s.strict), 0.96))
    for tier, wanted in _TIERS:
        found = scores_in(bench, tier, bench.settings.leaks[0], OWN.name)
        if found:
            summary = summarise(found)[0]
            for name, value in (("edge F1", summary.edges.f1), ("kind macro-F1", summary.macro_f1)):
                rows.append(Target(f"{tier}: {name}", f">= {wanted:.2f}", f"{value:.3f}", value >= wanted))
    twins = [s for s in scores_in(bench, "twins", None, "with ablations") if s.condition == "rho 0.95"]
    if twins:
        rows.append(_at_least("twins at rho .95, ablated", share(twins, lambda s: s.strict), 0.95))
    return rows + _coverage(bench)


def _reading(scores: list[Score]) -> list[Target]:
    """True features, lowest floor."""
    summaries = summarise(scores)
    own = next(s for s in summaries if s.arm == OWN.name)
    mine = [s for s in scores if s.arm == OWN.name]
    worst = min(own.by_kind, key=lambda kind: own.by_kind[kind].value)
    rows = [
        _at_least("strict, all kinds", own.strict, 0.98),
        _at_least("strict, planted gates alone", _gates_alone(mine), 0.98),
        _at_least(f"strict, worst kind ({worst})", own.by_kind[worst], 0.93),
    ]
    if own.firings_100.n:
        rows.append(_at_least("strict, >= 100 firings", own.firings_100, 0.99))
    gates = {kind: part for kind, part in own.by_kind.items() if kind not in UNPLANTED}
    if gates and worst not in gates:
        kind = min(gates, key=lambda kind: gates[kind].value)
        rows.append(_at_least(f"strict, worst kind of gate ({kind})", gates[kind], 0.93))
    xor = [s for s in mine if s.planted_class in ("xor", "non-threshold")]
    if xor:
        rows.append(_at_least("non-threshold gates flagged", _flagged(xor), 0.97))
        whole = _flagged([s for s in xor if not s.absent])
        rows.append(_beside("non-threshold gates flagged, of rows that have their inputs", whole))
    rows += _no_gate([s for s in mine if s.planted_class == NO_KIND])
    decided = named_as_planted(mine)
    if decided.n:
        rows.append(_at_least(BY_NAME, decided, 0.99))
        rows.append(_beside(APART, never_swapped(mine)))
        rows.append(_beside(BY_EFFECT, named_by_effect(mine)))
    return rows + _lead(summaries, own)


def _flagged(scores: list[Score]) -> Share:
    return share(scores, lambda s: s.read_class in ("xor", "non-threshold"))


def _gates_alone(mine: list[Score]) -> Share:
    """Without the cases in which there is no gate to be found."""
    return share((s for s in mine if s.planted_class != NO_KIND), lambda s: s.strict)


def _no_gate(none: list[Score]) -> list[Target]:
    """False names where there is no gate: of cases taken as drawn, of all, and where a claim is barred from both
    sides; beside them the claims, caveat or not."""
    mixture = [s for s in none if s.kind == MIXTURE]
    parts = (
        ("mixed rows as drawn, named falsely", mixture),
        ("no gate, as drawn, named falsely", [s for s in none if s.kind in AS_DRAWN]),
        ("no gate, all kinds, named falsely", none),
    )
    found = [(name, share(part, lambda s: s.falsely)) for name, part in parts]
    rows = [Target(name, "<= 4 %", _count(part), part.value <= 0.04) for name, part in found if part.n]
    if mixture:
        rows.append(_beside("mixed rows as drawn, any formula claimed", share(mixture, lambda s: s.claimed)))
    cut = share((s for s in none if s.kind not in AS_DRAWN), lambda s: s.falsely)
    if cut.n:
        rows.append(_beside("no gate, named falsely, older kinds (mixed, dense)", cut))
    return rows


def _lead(summaries: tuple[ArmSummary, ...], own: ArmSummary) -> list[Target]:
    others = [s for s in summaries if s.arm != OWN.name]
    if not others:
        return []
    best = max(others, key=lambda s: s.strict.value)
    lead = 100 * (own.strict.value - best.strict.value)
    return [Target(f"points before the best baseline ({best.arm})", ">= 25", f"{lead:.1f}", lead >= 25)]


def _coverage(bench: LogicBench) -> list[Target]:
    found = [m for m in bench.measures if m.name == "coverage by document"]
    rows: list[Target] = []
    for setting in dict.fromkeys(m.setting for m in found):
        value = fmean(m.value for m in found if m.setting == setting)
        met = 0.92 <= value <= 0.97
        rows.append(Target(f"95 % interval covers, {setting}", ".92 to .97", f"{value:.3f}", met))
    return rows


def _at_least(quantity: str, part: Share, wanted: float) -> Target:
    return Target(quantity, f">= {100 * wanted:g} %", _count(part), part.value >= wanted)


def _beside(quantity: str, part: Share) -> Target:
    return Target(quantity, "-", _count(part), None)


def _count(part: Share) -> str:
    return f"{percent(part)} of {part.n:,}"
