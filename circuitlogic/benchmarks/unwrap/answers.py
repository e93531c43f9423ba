"""Owns what the figures say about the targets, and how many edges pruned neurons need for an equal drop."""

import math
import statistics
from collections.abc import Sequence
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
        ["randomised weights", "not measured", "trained wins clearly", "", _random(figures)],
    ]


def short_answer(figures: Sequence[Figure]) -> str:
    """Two or three sentences for a reader who reads no table."""
    curve = Table(figures, "curve")
    edges = [curve.cell(_ARM, f"edges {number}") for number in (1, 2)]
    if any(cell is None for cell in edges):
        return "Not measured yet."
    counted = " and ".join(f"{cell.mean:.0f}" for cell in edges if cell is not None)
    ratios = [ratio for ratio, _ in _ratios(figures)]
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
        f"need {verdict} connections for the same loss ({edges_ratio(figures)})."
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


def edges_ratio(figures: Sequence[Figure]) -> str:
    """Per seed: edges at which the pruned neurons' drop (log-linear between budgets) falls to ours, over ours."""
    found = _ratios(figures)
    if not found:
        return "-"
    each = ", ".join(f"{bound}{ratio:.2f}" for ratio, bound in found)
    return f"{statistics.fmean(ratio for ratio, _ in found):.2f}x (by seed: {each})"


def _ratios(figures: Sequence[Figure]) -> list[tuple[float, str]]:
    """Ratio of every seed, and what it is a bound of where the neurons' curve does not reach our drop."""
    found: list[tuple[float, str]] = []
    for seed in sorted({f.seed for f in figures}):
        mine = [f for f in figures if f.seed == seed]
        ours, theirs = _curve_of(mine, "curve", _ARM), _curve_of(mine, "neurons by effect")
        if len(ours) == 1 and theirs:
            edges, drop = ours[0]
            needed, exact = edges_at(theirs, drop)
            bound = "" if exact else "at least " if needed >= theirs[-1][0] else "at most "
            found.append((needed / edges, bound))
    return found


def _curve_of(
    figures: Sequence[Figure], experiment: str, arm: str | None = None
) -> list[tuple[float, float]]:
    """(edges of both connectors, drop held out), by edges."""
    table = Table(figures, experiment)
    cells = [(table.cell(a, "edges"), table.cell(a, "drop")) for a in table.arms if arm in (None, a)]
    return sorted((e.mean, d.mean) for e, d in cells if e is not None and d is not None)


def edges_at(curve: Sequence[tuple[float, float]], drop: float) -> tuple[float, bool]:
    """Edges at which a falling curve of (edges, drop) first reaches `drop`; False: only a bound."""
    if curve[0][1] <= drop:
        return curve[0][0], False
    for (e1, d1), (e2, d2) in pairwise(curve):
        if d1 > drop >= d2:
            share = (d1 - drop) / (d1 - d2)
            return math.exp(math.log(e1) + share * (math.log(e2) - math.log(e1))), True
    return curve[-1][0], False
