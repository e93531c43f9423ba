"""Owns the summary of scores: shares with Wilson intervals, F1 of kinds, by planted kind, condition, support."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median

from circuitlogic.benchmarks.logicbench.planted_kinds import PLANTED_KINDS
from circuitlogic.benchmarks.logicbench.score import NO_EDGES, NO_KIND, Edges, Score

SUPPORTS = (
    (0, "below 30"),
    (30, "30 to 99"),
    (100, "100 to 299"),
    (300, "300 to 999"),
    (1000, "1,000 and more"),
)


@dataclass(frozen=True, slots=True)
class Share:
    """Some of n."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        """hits / n; 0 for none."""
        return self.hits / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval; 0 to 1 for none."""
        if not self.n:
            return 0.0, 1.0
        z2 = 1.959964**2
        centre = (self.hits + z2 / 2) / (self.n + z2)
        spread = sqrt(z2 * (self.value * (1 - self.value) / self.n + z2 / (4 * self.n**2)))
        half = spread / (1 + z2 / self.n)
        return max(centre - half, 0.0), min(centre + half, 1.0)


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """All scores of one arm at the lowest noise floor, and `by_floor`."""

    arm: str
    strict: Share
    """The planted Boolean function was found (for no gate: nothing was claimed)."""
    functional: Share
    named: Share
    """The kind of the formula is the planted one (for no gate: nothing was claimed)."""
    macro_f1: float
    """Mean over the planted formulas' kinds of the F1 of naming them."""
    seen: Share
    """The formula agrees with the planted one wherever at least 5 training samples were seen."""
    firings_100: Share
    """`strict`, of gates with at least 100 training firings of the output (no gate, dead, constant left out)."""
    beats: Share
    """Of gates that are neither dead nor constant: claimed, and better than the best single input by .05."""
    edges: Edges
    """Inputs of claimed formulas against planted inputs."""
    row_edges: Edges
    """Inputs of the rows with |w| > .1 against planted inputs; the same for all arms."""
    false_names: Share
    """Of cases without a gate, those for which one is named falsely."""
    asserted: Share
    """Of cases without a gate, those for which the arm names one before any held-out check."""
    firing_f1: float
    """Mean held-out F1 against the true output, cases of gates that are neither dead nor constant."""
    length: float
    """Median of literals read per literal planted."""
    milliseconds: float
    """Mean CPU time per row."""
    by_kind: dict[str, Share]
    """Strict, as the next two."""
    by_condition: dict[str, Share]
    by_support: dict[str, Share]
    """By training firings of the output; dead outputs are left out."""
    by_floor: dict[str, Share]
    """By noise floor, in weak activations per true firing."""


def share(scores: Iterable[Score], holds: Callable[[Score], bool]) -> Share:
    """How many of `scores` hold."""
    values = [holds(score) for score in scores]
    return Share(sum(values), len(values))


def summarise(scores: Sequence[Score]) -> tuple[ArmSummary, ...]:
    """One summary per arm, in the order of first appearance."""
    return tuple(
        _summary(arm, [s for s in scores if s.arm == arm]) for arm in dict.fromkeys(s.arm for s in scores)
    )


def _summary(arm: str, everything: list[Score]) -> ArmSummary:
    lowest = min(s.leak for s in everything)
    scores = [s for s in everything if s.leak == lowest]
    none = [s for s in scores if s.planted_class == NO_KIND]
    live = [s for s in scores if s.planted_class not in (NO_KIND, "dead", "constant")]
    lengths = [s.length for s in live if s.length is not None]
    return ArmSummary(
        arm=arm,
        strict=share(scores, lambda s: s.strict),
        functional=share(scores, lambda s: s.functional),
        named=share(scores, lambda s: s.planted_class == s.read_class),
        macro_f1=macro_f1(scores),
        seen=share(scores, lambda s: s.seen),
        firings_100=share((s for s in live if s.support >= 100), lambda s: s.strict),
        beats=share(live, lambda s: s.beats),
        edges=sum((s.literal_edges for s in live), NO_EDGES),
        row_edges=sum((s.row_edges for s in live), NO_EDGES),
        false_names=share(none, lambda s: s.falsely),
        asserted=share(none, lambda s: s.asserted),
        firing_f1=fmean(s.f1 for s in live) if live else 0.0,
        length=median(lengths) if lengths else 0.0,
        milliseconds=fmean(s.milliseconds for s in scores),
        by_kind=_split(scores, lambda s: s.kind, _kinds(scores)),
        by_condition=_split(scores, lambda s: s.condition, dict.fromkeys(s.condition for s in scores)),
        by_support=_split([s for s in scores if s.support], _bucket, [name for _, name in SUPPORTS]),
        by_floor=_split(everything, _floor, dict.fromkeys(_floor(s) for s in everything)),
    )


def macro_f1(scores: Sequence[Score]) -> float:
    """Mean over the planted kinds of formulas of 2 TP / (2 TP + FP + FN), `none` among them; 0 for no scores."""
    hits = Counter(s.planted_class for s in scores if s.planted_class == s.read_class)
    planted, read = Counter(s.planted_class for s in scores), Counter(s.read_class for s in scores)
    return fmean(2 * hits[kind] / (n + read[kind]) for kind, n in planted.items()) if planted else 0.0


def _kinds(scores: Sequence[Score]) -> list[str]:
    """Kinds that occur, known ones first."""
    present = dict.fromkeys(s.kind for s in scores)
    return [*(k for k in PLANTED_KINDS if k in present), *(k for k in present if k not in PLANTED_KINDS)]


def _floor(score: Score) -> str:
    return f"{score.leak:g}x"


def _bucket(score: Score) -> str:
    return [name for low, name in SUPPORTS if score.support >= low][-1]


def _split(scores: Sequence[Score], key: Callable[[Score], str], order: Iterable[str]) -> dict[str, Share]:
    groups: dict[str, list[Score]] = {name: [] for name in order}
    for score in scores:
        groups[key(score)].append(score)
    return {name: share(group, lambda s: s.strict) for name, group in groups.items() if group}
