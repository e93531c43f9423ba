"""Owns what the figures say about the targets, and how many edges pruned neurons need for an equal drop."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from circuitlogic.benchmarks.figures import Figure, Table
from circuitlogic.benchmarks.unwrap.experiment import RANDOM_ARM
from circuitlogic.benchmarks.unwrap.rungs import BUDGET

_ARM = str(BUDGET)


def target_rows(figures: Sequence[Figure]) -> list[list[str]]:
    """Quantity, before, target, stretch, measured (mean over seeds, lowest and highest)."""
    curve = Table(figures, "curve")
    both = {name: _both(curve, name) for name in ("F1", "copies", "live")}
    return [
        [
            f"accuracy drop at ≤ {BUDGET} edges per connector, first autoencoder frozen",
            "1.40 pp",
            "≤ 1.0 pp",
            "≤ 0.3 pp",
            f"held out {_points(curve, 'drop')}, test {_points(curve, 'drop (test)')}",
        ],
        [
            "same answer as the original",
            "97.6 %",
            "≥ 98 %",
            "≥ 99 %",
            f"held out {_percent(curve, 'agreement')}, test {_percent(curve, 'agreement (test)')}",
        ],
        ["with it: median firing F1 of live features", "0.00 + 0.38", "≥ .80", "≥ .90", both["F1"]],
        ["with it: copies of one input", "0.1 + 5 %", "≤ 25 %", "≤ 10 %", both["copies"]],
        ["with it: live features, of 64 neurons", "229 + 232", "≥ 96", "", both["live"]],
        [
            "edges that pruned neurons need for the same drop, over ours",
            "not measured",
            "≥ 2x",
            "≥ 4x",
            edges_ratio(figures),
        ],
        [
            "the same at equal drop, R² and firing F1 (added when the line above was missed)",
            "not measured",
            "",
            "",
            edges_ratio(figures, as_true=True),
        ],
        ["randomised weights", "not measured", "trained wins clearly", "", _random(figures)],
    ]


def short_answer(figures: Sequence[Figure]) -> str:
    """Two or three sentences for a reader who reads no table."""
    curve = Table(figures, "curve")
    edges = [curve.cell(_ARM, f"edges {number}") for number in (1, 2)]
    if any(cell is None for cell in edges):
        return "Not measured yet."
    counted = " and ".join(f"{cell.mean:.0f}" for cell in edges if cell is not None)
    ratios = [needed.edges for needed in _ratios(figures)]
    found = (
        f"With {counted} connections between features (mean over seeds) it loses {_points(curve, 'drop')} of "
        f"accuracy held out, {_points(curve, 'drop (test)')} on the test set, and gives the original's answer to "
        f"{_percent(curve, 'agreement')} of the images; the median feature is predicted with a firing F1 of "
        f"{_both(curve, 'F1')}."
    )
    if not ratios:
        return found
    verdict = "more" if min(ratios) > 1 else "fewer" if max(ratios) < 1 else "sometimes more, sometimes fewer"
    return (
        f"{found} That is not by itself a sparser network: the original's own neurons, pruned by the same recipe, "
        f"need {verdict} connections for the same loss ({edges_ratio(figures)}). Pruned that far they are "
        "no longer the neurons they were; for units as true to the original as these features are, they need "
        f"{edges_ratio(figures, as_true=True)} the connections."
    )


def _percent(table: Table, metric: str) -> str:
    return table.text(_ARM, metric, 2, percent=True)


def _points(table: Table, metric: str) -> str:
    cell = table.cell(_ARM, metric)
    if cell is None:
        return "-"
    return f"{100 * cell.mean:.2f} pp ({100 * cell.low:.2f} to {100 * cell.high:.2f})"


def _both(table: Table, metric: str) -> str:
    percent, digits = metric == "copies", {"copies": 0, "live": 0}.get(metric, 2)
    return " and ".join(table.text(_ARM, f"{metric} {number}", digits, percent) for number in (1, 2))


def _random(figures: Sequence[Figure]) -> str:
    curve, random = Table(figures, "curve"), _renamed(Table(figures, "random"))
    return (
        f"same answer {_percent(curve, 'agreement')} trained, {_percent(random, 'agreement')} randomised; "
        f"accuracy {_percent(curve, 'accuracy')} against {_percent(random, 'accuracy')}; the median "
        f"firing F1 does not tell them apart: {_both(curve, 'F1')} against {_both(random, 'F1')}"
    )


def _renamed(table: Table) -> Table:
    """The randomised arm under the name of the budget."""
    return table.renamed(RANDOM_ARM, _ARM)


def edges_ratio(figures: Sequence[Figure], arm: str = _ARM, *, as_true: bool = False) -> str:
    """Per seed: edges at which the pruned neurons (log-linear between budgets) are as good as `arm`, over its own.

    Good: by their drop alone; `as_true`: by the median R² and firing F1 of both connectors, too.
    """
    found = _ratios(figures, arm, as_true)
    if not found:
        return "-"
    each = ", ".join(f"{needed.bound}{needed.edges:.2f}" for needed in found)
    return f"{statistics.fmean(needed.edges for needed in found):.2f}x (by seed: {each})"


def neuron_rows(figures: Sequence[Figure]) -> list[list[str]]:
    """Budget, ratio at equal drop, ratio at equal drop and fidelity: of every budget that is measured."""
    arms = sorted(Table(figures, "curve").arms, key=int)
    found = [[arm, edges_ratio(figures, arm), edges_ratio(figures, arm, as_true=True)] for arm in arms]
    return [row for row in found if row[1] != "-"]


@dataclass(frozen=True, slots=True, order=True)
class Needed:
    """Edges that reach a score."""

    edges: float
    bound: str = ""
    """What they are only a bound of, where the curve does not reach the score or starts beyond it."""


def _ratios(figures: Sequence[Figure], arm: str = _ARM, as_true: bool = False) -> list[Needed]:
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


def _needed(figures: Sequence[Figure], arm: str, metric: str, edges: str) -> Needed | None:
    """Edges at which the neurons' metric is that of `arm`; every metric but the drop counts from 1 down."""
    ours, theirs = Table(figures, "curve"), Table(figures, "neurons by effect")
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
