"""Owns the judgement of gates of one cause and one input that blocks it or only damps it: three measures, and the
table of names."""

from collections.abc import Iterable
from statistics import median

from circuitlogic.benchmarks.logicbench.arms import OWN
from circuitlogic.benchmarks.logicbench.score import Score
from circuitlogic.benchmarks.logicbench.summary import Share, share
from circuitlogic.benchmarks.markdown_table import markdown_table
from circuitlogic.logic.activity import ReadingOptions
from circuitlogic.logic.inhibition import KILLS, SPARES

ENOUGH_JOINT = 10
NAMES = ("and-not", "partial-inhibition", "damped-copy")
BY_NAME = "AND NOT and damped copy, each by its name"
APART = "AND NOT and damped copy, one never named the other"
BY_EFFECT = "AND NOT and damped copy, by the share really silenced"


def decidable(scores: Iterable[Score]) -> list[Score]:
    """Of the own reader: cause and input fire together at least 10 times, the output often enough to be read."""
    least = ReadingOptions().min_firings
    return [s for s in scores if s.arm == OWN.name and (s.joint or 0) >= ENOUGH_JOINT and s.support >= least]


def named_as_planted(scores: Iterable[Score]) -> Share:
    """AND NOT is called `and-not` and a damped copy `damped-copy`, nothing else."""
    return share(decidable(scores), lambda s: s.named == _planted(s))


def never_swapped(scores: Iterable[Score]) -> Share:
    """AND NOT is not called `damped-copy`, nor a damped copy `and-not`; neither is left without a reading."""
    return share(
        decidable(scores), lambda s: s.named in NAMES and s.named in (_planted(s), "partial-inhibition")
    )


def named_by_effect(scores: Iterable[Score]) -> Share:
    """The name is that of the share of would-be firings that the planted input silences in noise-free data."""
    known = [s for s in decidable(scores) if s.silenced is not None]
    return share(known, lambda s: s.named == name_of_share(s.silenced or 0.0))


def name_of_share(silenced: float) -> str:
    """What an input is called that silences this share of the firings that would be."""
    if silenced <= SPARES:
        return "damped-copy"
    return "and-not" if silenced >= KILLS else "partial-inhibition"


def _planted(score: Score) -> str:
    return "and-not" if score.planted_class == "and-not" else "damped-copy"


def blocking_table(scores: Iterable[Score]) -> str:
    """What the own reader says, by tier, what is planted, and what that really does; empty for no such gates."""
    known = decidable(scores)
    rows: list[tuple[str, ...]] = []
    for tier in dict.fromkeys(s.tier for s in known):
        for planted in ("and-not", "damped-copy"):
            mine = [s for s in known if s.tier == tier and _planted(s) == planted]
            for truth in (*NAMES, None):
                rows += _row(tier, planted, truth, mine)
    columns = ("tier", "planted", "really silenced", "n", *NAMES, "other")
    return markdown_table(columns, rows) if rows else ""


def _row(tier: str, planted: str, truth: str | None, mine: list[Score]) -> list[tuple[str, ...]]:
    part = [s for s in mine if (None if s.silenced is None else name_of_share(s.silenced)) == truth]
    if not part:
        return []
    told = [sum(s.named == name for s in part) for name in NAMES]
    shares = [s.silenced for s in part if s.silenced is not None]
    low, high = f"{100 * SPARES:g}", f"{100 * KILLS:g}"
    band = {"and-not": f"{high} % and more", "damped-copy": f"up to {low} %", None: "not known"}
    label = "blocks (AND NOT)" if planted == "and-not" else "damps (copy)"
    effect = band.get(truth, f"{low} to {high} %")
    if shares:
        effect += f" (median {100 * median(shares):.0f} %)"
    return [(tier, label, effect, str(len(part)), *map(str, told), str(len(part) - sum(told)))]
