"""Owns the terminal tables of what must stand beside an accuracy: guards per connector, controls, the sweep."""

from collections.abc import Sequence

from rich.text import Text

from circuitlogic.render.text import clean
from circuitlogic.report.fitting import Column, FittingTable, cells
from circuitlogic.report.numbers import count, score, share, split_title
from circuitlogic.stages.controls import Control
from circuitlogic.stages.network_metrics import NetworkMetrics
from circuitlogic.stages.sweep import SweepPoint

_NAME = 24
_SITE_COLUMNS = (
    Column("features at", right=False),
    Column("edges"),
    Column("live", 2),
    Column("neurons", 6),
    Column("reached", 3),
    Column("R²"),
    Column("F1"),
    Column("always F1", 5),
    Column("copies", 1),
    Column("best input", 7),
    Column("FVU before", 9),
    Column("after", 8),
)
_NETWORK_COLUMNS = (
    Column("network", right=False, least=18),
    Column("edges"),
    Column("accuracy"),
    Column("drop, pp"),
    Column("agrees", 1),
    Column("KL", 4),
    Column("R²", 3),
    Column("F1", 2),
    Column("live", 5),
    Column("copies", 6),
)


def guards_table(metrics: NetworkMetrics) -> FittingTable:
    """One row per connector of the thresholded chain, what it predicts and how truly."""
    rows = tuple(_site_cells(metrics, number) for number in range(len(metrics.fidelity)))
    first = metrics.fidelity[0]
    notes = (
        f"{split_title(first.split)}, {count(first.samples)} samples. R², F1: medians over live features, "
        "reached by an edge or not.",
        "Always F1: of saying that a feature always fires. Copies: true features that correlate above 0.9 with one "
        "input. FVU: of the site's autoencoder, before and after tuning.",
    )
    return FittingTable("Guards", _SITE_COLUMNS, rows, notes)


def _site_cells(metrics: NetworkMetrics, number: int) -> tuple[Text, ...]:
    sparsity, fidelity, fit = (
        metrics.sparsity[number],
        metrics.fidelity[number],
        metrics.dictionaries[number + 1],
    )
    return cells(
        clean(fit.site, _NAME),
        count(sparsity.edges),
        count(fidelity.live),
        count(fit.neurons),
        count(sparsity.reached),
        score(fidelity.r2_median),
        score(fidelity.firing_f1_median),
        score(fidelity.always_f1_median),
        share(fidelity.copy_rate, 0),
        score(fidelity.best_input_median),
        f"{fit.fvu_before:.3f}",
        f"{fit.fvu_after:.3f}",
    )


def controls_table(metrics: NetworkMetrics, original: float, controls: Sequence[Control]) -> FittingTable:
    """The study's feature network, then its controls; each drop is from the control's own original."""
    rows = [_network_cells("features of this study", metrics, original)]
    rows += [_network_cells(c.name, c.metrics, c.original_accuracy) for c in controls]
    note = "Drop: from the network that each stands for. R², F1, live, copies: per connector."
    return FittingTable("Controls", _NETWORK_COLUMNS, tuple(rows), (note,))


def sweep_table(points: Sequence[SweepPoint], original: float) -> FittingTable:
    """One row per edge budget."""
    rows = tuple(
        _network_cells(f"{point.budget:,} per connector", point.metrics, original) for point in points
    )
    final = points[0].metrics.variants[-1]
    samples = f"{split_title(final.split)}, {count(final.samples)} samples, after thresholding"
    note = f"{samples}; original {share(original, 2)}."
    columns = (Column("budget", right=False), *_NETWORK_COLUMNS[1:])
    return FittingTable(
        "Accuracy against edges", columns, rows, (note, "R², F1, live, copies: per connector.")
    )


def _network_cells(name: str, metrics: NetworkMetrics, original: float) -> tuple[Text, ...]:
    cut, fidelity = metrics.variants[-1], metrics.fidelity
    return cells(
        name,
        " + ".join(count(edges) for edges in cut.edges),
        share(cut.accuracy, 2),
        f"{100 * (original - cut.accuracy):.2f}",
        share(cut.agreement, 2),
        f"{cut.kl:.3f}",
        " + ".join(score(f.r2_median) for f in fidelity),
        " + ".join(score(f.firing_f1_median) for f in fidelity),
        " + ".join(count(f.live) for f in fidelity),
        " + ".join(share(f.copy_rate, 0) for f in fidelity),
    )
