"""Owns what the figures say about the targets."""

from collections.abc import Sequence

from circuitlogic.benchmarks.figures import Figure, Table
from circuitlogic.benchmarks.unwrap.against_neurons import edges_ratio, ratios
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
    needs = [needed.edges for needed in ratios(figures)]
    found = (
        f"With {counted} connections between features (mean over seeds) it loses {_points(curve, 'drop')} of "
        f"accuracy held out, {_points(curve, 'drop (test)')} on the test set, and gives the original's answer to "
        f"{_percent(curve, 'agreement')} of the images; the median feature is predicted with a firing F1 of "
        f"{_both(curve, 'F1')}."
    )
    if not needs:
        return found
    verdict = "more" if min(needs) > 1 else "fewer" if max(needs) < 1 else "sometimes more, sometimes fewer"
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
