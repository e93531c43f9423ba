"""Owns how many edges pruned neurons need to be as good as a feature network."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from circuitlogic.benchmarks.figures import Figure, Table
from circuitlogic.benchmarks.unwrap.rungs import BUDGET

_ARM = str(BUDGET)
LEAST_F1, MOST_COPIES, LEAST_LIVE = 0.8, 0.25, 96
"""The guards: median firing F1, share of copies, live features."""
_WORTH_COMPARING = ("+ KL", "+ error", "+ interventional", "+ 96")
"""Rungs of the ladder that lose few points."""


def edges_ratio(figures: Sequence[Figure], arm: str = _ARM, *, as_true: bool = False) -> str:
    """Per seed: edges at which the pruned neurons (log-linear between budgets) are as good as `arm`, over its own.

    Good: by their drop alone; `as_true`: by the median R² and firing F1 of both connectors, too.
    """
    found = ratios(figures, arm, as_true)
    if not found:
        return "-"
    each = ", ".join(f"{needed.bound}{needed.edges:.2f}" for needed in found)
    bounds = {needed.bound for needed in found if needed.bound}
    if len(bounds) > 1:
        return f"by seed: {each}"
    mean = statistics.fmean(needed.edges for needed in found)
    return f"{''.join(bounds)}{mean:.2f}x (by seed: {each})"


def neuron_rows(figures: Sequence[Figure]) -> list[list[str]]:
    """Budget, ratio at equal drop, ratio at equal drop and fidelity: of every budget that is measured."""
    arms = sorted(Table(figures, "curve").arms, key=int)
    found = [[arm, edges_ratio(figures, arm), edges_ratio(figures, arm, as_true=True)] for arm in arms]
    return [row for row in found if row[1] != "-"]


def tried_rows(figures: Sequence[Figure], seed: int = 0) -> list[list[str]]:
    """Every recipe and budget of one seed against the pruned neurons: name, edges, drop, ratio, guards."""
    mine = [f for f in figures if f.seed == seed]
    named = {f"{arm.replace(' | ', ', ')} edges each": ("ladder", arm) for arm in Table(mine, "ladder").arms}
    named = {name: value for name, value in named.items() if value[1].startswith(_WORTH_COMPARING)}
    named |= {f"the recipe, {arm} edges each": ("curve", arm) for arm in Table(mine, "curve").arms}
    named |= {f"{arm} edges each": ("trial", arm) for arm in Table(mine, "trial").arms}
    found: list[list[str]] = []
    for name, (experiment, arm) in named.items():
        table = Table(mine, experiment)
        edges, drop = table.cell(arm, "edges"), table.cell(arm, "drop")
        needed = _needed(mine, arm, "drop", "edges", experiment)
        if edges is not None and drop is not None and needed is not None:
            ratio = f"{needed.bound}{needed.edges / edges.mean:.2f}x"
            guards = [table.both(arm, "F1", 2), table.both(arm, "copies", 0, percent=True)]
            guards += [table.both(arm, "live", 0), table.both(arm, "reached", 0)]
            met = "yes" if _guards_met(table, arm) else "no"
            found.append([name, f"{edges.mean:,.0f}", f"{100 * drop.mean:.2f}", ratio, *guards, met])
    return found


def _guards_met(table: Table, arm: str) -> bool:
    """Of both connectors: median firing F1 at least .80, copies at most 25 %, live features at least 96."""
    cells = {
        name: [table.cell(arm, f"{name} {number}") for number in (1, 2)] for name in ("F1", "copies", "live")
    }
    values = {name: [cell.mean for cell in found if cell is not None] for name, found in cells.items()}
    return (
        all(len(found) == 2 for found in values.values())
        and min(values["F1"]) >= LEAST_F1
        and max(values["copies"]) <= MOST_COPIES
        and min(values["live"]) >= LEAST_LIVE
    )


@dataclass(frozen=True, slots=True, order=True)
class Needed:
    """Edges that reach a score."""

    edges: float
    bound: str = ""
    """What they are only a bound of, where the curve does not reach the score or starts beyond it."""


def ratios(figures: Sequence[Figure], arm: str = _ARM, as_true: bool = False) -> list[Needed]:
    """Of every seed that has both."""
    found: list[Needed] = []
    for seed in sorted({f.seed for f in figures}):
        mine = [f for f in figures if f.seed == seed]
        ours = Table(mine, "curve").cell(arm, "edges")
        needed = _needed(mine, arm, "drop", "edges")
        if ours is None or needed is None:
            continue
        if as_true:
            sites = [_needed_at_site(mine, arm, number) for number in (1, 2)]
            known = [site for site in sites if site is not None]
            if len(known) < len(sites):
                continue
            bounds = [site.bound for site in known if site.bound]
            both = Needed(sum(site.edges for site in known), min(bounds, default=""))
            needed = max(needed, both)
        found.append(Needed(needed.edges / ours.mean, needed.bound))
    return found


def _needed_at_site(figures: Sequence[Figure], arm: str, number: int) -> Needed | None:
    """Edges of one connector of the neurons at which its median R² and F1 are those of `arm`."""
    each = [_needed(figures, arm, f"{metric} {number}", f"edges {number}") for metric in ("R2", "F1")]
    return None if None in each else max(needed for needed in each if needed is not None)


def _needed(
    figures: Sequence[Figure], arm: str, metric: str, edges: str, experiment: str = "curve"
) -> Needed | None:
    """Edges at which the neurons' metric is that of `arm`; every metric but the drop counts from 1 down."""
    ours, theirs = Table(figures, experiment), Table(figures, "neurons by effect")
    goal = ours.cell(arm, metric)
    cells = [(theirs.cell(a, edges), theirs.cell(a, metric)) for a in theirs.arms]
    pairs = [(e.mean, v.mean) for e, v in cells if e is not None and v is not None]
    if goal is None or not pairs:
        return None
    falling = sorted((e, v if metric == "drop" else 1 - v) for e, v in pairs)
    found, exact = edges_at(falling, goal.mean if metric == "drop" else 1 - goal.mean)
    return Needed(found, "" if exact else "at least " if found >= falling[-1][0] else "at most ")


def edges_at(curve: Sequence[tuple[float, float]], drop: float) -> tuple[float, bool]:
    """Edges at which a falling curve of (edges, drop) first reaches `drop`; False: only a bound."""
    if curve[0][1] <= drop:
        return curve[0][0], False
    for (e1, d1), (e2, d2) in pairwise(curve):
        if d1 > drop >= d2:
            share = (d1 - drop) / (d1 - d2)
            return math.exp(math.log(e1) + share * (math.log(e2) - math.log(e1))), True
    return curve[-1][0], False
