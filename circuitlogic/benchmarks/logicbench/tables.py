"""Owns the tables of tiers beyond the arms' own: learned features, twins, fan-in, depth, coverage, false names."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median

from circuitlogic.benchmarks.logicbench.arms import OWN
from circuitlogic.benchmarks.logicbench.blocking import blocking_table
from circuitlogic.benchmarks.logicbench.outcome import Chain, Live
from circuitlogic.benchmarks.logicbench.run import LogicBench
from circuitlogic.benchmarks.logicbench.score import BEATS, NO_KIND, Edges, Score
from circuitlogic.benchmarks.logicbench.summary import ArmSummary, Share, share, summarise
from circuitlogic.benchmarks.logicbench.tiers import tiers_named
from circuitlogic.benchmarks.markdown_table import markdown_table

FLOOR = "noise floor"
LEARNED = ("rotated", "superposed", "sgd", "random-weights")
OVERVIEW = (
    "tier",
    FLOOR,
    "gates",
    "strict",
    "where seen",
    "kind macro-F1",
    "edge F1",
    "precision",
    "recall",
    "sign",
    "held-out F1",
    "beats one input",
)
_MEASURES = (
    "inputs planted",
    "outputs planted",
    "input MCC",
    "inputs matched >= .9",
    "input firing F1",
    "input FVU",
    "output MCC",
    "outputs matched >= .9",
    "output firing F1",
    "output FVU",
    "network R2",
)


def percent(part: Share) -> str:
    """`97.6 %`; a dash for none."""
    return f"{100 * part.value:.1f} %" if part.n else "-"


def present(bench: LogicBench) -> list[str]:
    """Names of the tiers that were run."""
    return [tier.name for tier in tiers_named(bench.settings.tiers)]


def scores_in(bench: LogicBench, tier: str, leak: float | None = None, arm: str | None = None) -> list[Score]:
    """Scores of one tier, of one floor and arm where they are given."""
    return [
        s
        for s in bench.scores
        if s.tier == tier and (leak is None or s.leak == leak) and (arm is None or s.arm == arm)
    ]


def overview(bench: LogicBench) -> str:
    """One row per tier and floor, of the own reader."""
    return markdown_table(OVERVIEW, overview_rows(bench))


def overview_rows(bench: LogicBench) -> list[tuple[str, ...]]:
    """Rows of `OVERVIEW`."""
    rows: list[tuple[str, ...]] = []
    for tier in present(bench):
        for leak in bench.settings.leaks:
            scores = scores_in(bench, tier, leak, OWN.name)
            if scores:
                rows.append((tier, f"{leak:g}x", *_overview_row(summarise(scores)[0])))
    return rows


def _overview_row(s: ArmSummary) -> tuple[str, ...]:
    return (
        f"{s.strict.n:,}",
        percent(s.strict),
        percent(s.seen),
        f"{s.macro_f1:.3f}",
        f"{s.edges.f1:.3f}",
        f"{s.edges.precision:.3f}",
        f"{s.edges.recall:.3f}",
        f"{s.edges.sign_accuracy:.3f}",
        f"{s.firing_f1:.3f}",
        percent(s.beats),
    )


def no_gate(bench: LogicBench) -> str:
    """False names by arm and kind of case, held-out check or not."""
    scores = [s for s in scores_in(bench, "true", bench.settings.leaks[0]) if s.planted_class == NO_KIND]
    kinds = list(dict.fromkeys(s.kind for s in scores))
    if not scores:
        return ""
    columns = ("no gate", "arm", "n", "named falsely", "worse than the best function", "claimed", "unchecked")
    rows: list[tuple[str, ...]] = []
    for kind in kinds:
        for arm in dict.fromkeys(s.arm for s in scores):
            mine = [s for s in scores if s.arm == arm and s.kind == kind]
            shares = (percent(share(mine, holds)) for holds in (_falsely, _falls_short, _claimed, _asserted))
            rows.append((kind, arm, str(len(mine)), *shares))
    return markdown_table(columns, rows)


def _falsely(score: Score) -> bool:
    return score.falsely


def _falls_short(score: Score) -> bool:
    """A false name that a Boolean function of all the row's planted inputs outdoes by .05."""
    return score.falsely and (score.ceiling or 0.0) - score.f1 > BEATS


def _claimed(score: Score) -> bool:
    return score.claimed


def _asserted(score: Score) -> bool:
    return score.asserted


def blocking(bench: LogicBench) -> str:
    """What the own reader says of inputs that block and of inputs that only damp."""
    tiers = [tier for tier in present(bench) if tier != "twins"]
    return blocking_table(s for tier in tiers for s in scores_in(bench, tier))


def learned(bench: LogicBench) -> str:
    """Dictionaries of the tiers with learned features: means over seeds."""
    names = [name for name in _MEASURES if any(m.name == name for m in bench.measures)]
    rows = _measure_rows(bench, LEARNED, names)
    return markdown_table(("tier", FLOOR, *names), rows) if rows else ""


def _measure_rows(bench: LogicBench, tiers: Sequence[str], names: Sequence[str]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for tier in tiers:
        for leak in bench.settings.leaks:
            found = [m for m in bench.measures if m.tier == tier and m.leak == leak]
            if found:
                cells = [[m.value for m in found if m.name == name] for name in names]
                rows.append((tier, f"{leak:g}x", *(f"{fmean(c):.3g}" if c else "-" for c in cells)))
    return rows


def live(bench: LogicBench) -> str:
    """Every live learned output feature as the product reads it, planted or random."""
    rows: list[tuple[str, ...]] = []
    for tier in LEARNED:
        for leak in bench.settings.leaks:
            found = [x for x in bench.live if x.tier == tier and x.leak == leak]
            if found:
                rows.append((tier, f"{leak:g}x", *_live_row(found)))
    columns = (
        "tier",
        FLOOR,
        "live features",
        "claimed",
        "F1 of claims",
        "best single input F1",
        "beats it by .05",
        "copies",
        "median R2",
        "edges",
        "literals",
        "literals causal",
    )
    return markdown_table(columns, rows) if rows else ""


def _live_row(found: Sequence[Live]) -> tuple[str, ...]:
    claims = [x for x in found if x.claimed]
    causal = [x.causal for x in found if x.causal is not None]
    return (
        f"{len(found):,}",
        _part(found, lambda x: x.claimed),
        _mean(x.f1 for x in claims),
        _mean(x.baseline for x in found),
        _part(found, lambda x: x.beats),
        _part(found, lambda x: x.claimed and x.literals == 1),
        f"{median(x.r2 for x in found):.3f}",
        _mean((float(x.edges) for x in found), 1),
        _mean((float(x.literals) for x in claims), 1),
        f"{100 * fmean(causal):.1f} %" if causal else "-",
    )


def _part(found: Sequence[Live], holds: Callable[[Live], bool]) -> str:
    return percent(Share(sum(map(holds, found)), len(found)))


def _mean(values: Iterable[float], digits: int = 3) -> str:
    kept = list(values)
    return f"{fmean(kept):.{digits}f}" if kept else "-"


def twins(bench: LogicBench) -> str:
    """By rho: read from data alone, and with ablations."""
    scores = scores_in(bench, "twins")
    arms = list(dict.fromkeys(s.arm for s in scores))
    rows: list[tuple[str, ...]] = []
    for setting in dict.fromkeys(s.condition for s in scores):
        mine = [[s for s in scores if s.condition == setting and s.arm == arm] for arm in arms]
        cells = [percent(share(group, lambda s: s.strict)) for group in mine]
        edges = [f"{_edges(group).f1:.3f}" for group in mine]
        values = [_measure(bench, "twins", setting, n) for n in ("weight on twins", "ablations per gate")]
        rows.append((setting, str(len(mine[0])), *cells, *edges, *values))
    columns = ("twins", "gates", *(f"strict, {arm}" for arm in arms), *(f"edge F1, {arm}" for arm in arms))
    return markdown_table((*columns, "weight on twins", "ablations per gate"), rows) if rows else ""


def _edges(scores: Sequence[Score]) -> Edges:
    return summarise(scores)[0].edges


def _measure(bench: LogicBench, tier: str, setting: str, name: str) -> str:
    values = [m.value for m in bench.measures if (m.tier, m.setting, m.name) == (tier, setting, name)]
    return f"{fmean(values):.2f}" if values else "-"


def wide(bench: LogicBench) -> str:
    """By fan-in and kind of row: the own reader by kind, and the best of the others."""
    rows: list[tuple[str, ...]] = []
    for setting in dict.fromkeys(s.condition for s in scores_in(bench, "wide")):
        scores = [s for s in scores_in(bench, "wide") if s.condition == setting]
        own = [s for s in scores if s.arm == OWN.name]
        cells = [
            percent(share((s for s in own if s.kind.startswith(p)), _strict)) for p in ("or", "inhibited")
        ]
        counts = [s for s in own if not s.kind.startswith(("or", "inhibited"))]
        others = [a for a in dict.fromkeys(s.arm for s in scores) if a != OWN.name]
        best = (
            max((share((s for s in scores if s.arm == a), _strict).value, a) for a in others)
            if others
            else None
        )
        rows.append(
            (
                setting,
                str(len(own)),
                *cells,
                percent(share(counts, _strict)),
                percent(share(own, lambda s: s.functional)),
                _mean((s.milliseconds for s in own), 1),
                "-" if best is None else f"{100 * best[0]:.1f} % ({best[1]})",
            )
        )
    columns = (
        "row, inputs",
        "gates",
        "or",
        "inhibited or",
        "k of n",
        "same firing",
        "ms",
        "best baseline, all",
    )
    return markdown_table(columns, rows) if rows else ""


def _strict(score: Score) -> bool:
    return score.strict


def deep(bench: LogicBench) -> str:
    """By depth: the composed formulas of the gates of that layer."""
    chains = bench.chains
    rows: list[tuple[str, ...]] = []
    for depth in sorted({c.depth for c in chains}):
        mine = [c for c in chains if c.depth == depth]
        layer = [s for s in scores_in(bench, "deep", None, OWN.name) if s.condition == f"layer {depth}"]
        rows.append(
            (
                str(depth),
                str(len(mine)),
                _mean((float(c.gates) for c in mine), 1),
                percent(share(layer, _strict)),
                _chains(mine, lambda c: c.strict),
                _chains(mine, lambda c: c.seen),
                _chains(mine, lambda c: c.all_right),
                _mean(c.f1 for c in mine),
                _mean(c.planted_f1 for c in mine),
                _mean(c.product for c in mine),
            )
        )
    columns = (
        "depth",
        "gates",
        "gates in a cone",
        "strict, this layer",
        "composed strict",
        "composed where seen",
        "whole cone strict",
        "composed F1",
        "planted F1",
        "product of F1",
    )
    return markdown_table(columns, rows) if rows else ""


def _chains(chains: Sequence[Chain], holds: Callable[[Chain], bool]) -> str:
    return percent(Share(sum(map(holds, chains)), len(chains)))


def coverage(bench: LogicBench) -> str:
    """How often the interval held the true F1."""
    names = ("true F1", "coverage by document", "coverage by token", "width by document", "width by token")
    settings = dict.fromkeys(m.setting for m in bench.measures if m.tier == "coverage")
    rows = [(setting, *(_three(bench, setting, name) for name in names)) for setting in settings]
    return markdown_table(("errors", *names), rows) if rows else ""


def _three(bench: LogicBench, setting: str, name: str) -> str:
    values = [m.value for m in bench.measures if (m.tier, m.setting, m.name) == ("coverage", setting, name)]
    return f"{fmean(values):.3f}"
