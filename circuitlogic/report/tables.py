"""Owns what a study looks like in a terminal. Foreign text goes through `rich.text.Text`, never through markup."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from circuitlogic.errors import ConfigError
from circuitlogic.render.text import clean
from circuitlogic.report.fitting import Column, FittingTable, cells
from circuitlogic.report.gate_rows import sorted_gates
from circuitlogic.report.numbers import (
    NONE,
    count,
    interval,
    nats,
    score,
    share,
    small,
    split_name,
    split_title,
)
from circuitlogic.report.rows import ConnectorRow, GateRow, StudyView, VariantRow

KIND_STYLES = {
    "unexplained": "yellow",
    "graded": "cyan",
    "insufficient": "dim",
    "dead": "dim",
    "constant": "dim",
}
_NAME = 24
_CONNECTOR_COLUMNS = (
    Column("connector", right=False),
    Column("state", right=False),
    Column("edges"),
    Column("of", 2),
    Column("in-degree", 3),
    Column("reached", 4),
    Column("|w|>.1 unit", 8),
    Column("raw", 9),
    Column("l1", 7),
    Column("mse", 5),
    Column("fvu"),
    Column("R²", 1),
    Column("firing F1"),
    Column("F1≥.8", 10),
    Column("copies", 6),
)
_VARIANT_COLUMNS = (
    Column("network", right=False, least=22),
    Column("thresholded", 5, right=False),
    Column("edges"),
    Column("accuracy"),
    Column("agrees"),
    Column("KL", 1),
    Column("loss", 2),
    Column("recovered", 3),
    Column("(mean)", 4),
)


def study_tables(view: StudyView, limit: int | None = 20, sort: str = "evidence") -> list[RenderableType]:
    """The whole study as tables: network, autoencoders, connectors, feature network, kinds, gates, caveats.

    Args:
        view: The study.
        limit: Gates to list; None lists all. The table says how many it leaves out.
        sort: One of `circuitlogic.report.gate_rows.SORTS`.

    Raises:
        ConfigError: `limit` is negative.
        UnknownNameError: there is no such order.
    """
    parts: list[RenderableType] = [
        network_panel(view),
        sae_table(view),
        connector_table(view),
    ]
    if view.variants:
        parts.append(feature_network_table(view))
    if view.gates:
        parts += [kind_table(view), gate_table(view.gates, limit, sort)]
    parts.append(caveat_list(view))
    return [Padding(part, (0, 0, 1, 0)) for part in parts]


def network_panel(view: StudyView) -> RenderableType:
    """What was studied, in a few lines."""
    header = view.header
    text = Text()
    text.append(clean(header.study), style="bold")
    text.append(f" · {clean(header.dataset)} · seed {header.seed}\n")
    text.append(f"{header.network}\n")
    text.append(f"sites {' → '.join(clean(site, _NAME) for site in header.sites)}\n")
    for one in header.scores:
        split = split_name(one.split)
        text.append(f"{split}: accuracy {share(one.accuracy)}, loss {small(one.loss)}")
        text.append(f" ({count(one.samples)} samples)\n", style="dim")
    text.rstrip()
    return text


def sae_table(view: StudyView) -> FittingTable:
    """One row per site's autoencoder."""
    columns = (
        Column("site", right=False),
        Column("architecture", 5, right=False),
        Column("neurons", 4),
        Column("features", 1),
        Column("mse"),
        Column("l1", 3),
        Column("fvu"),
        Column("l0"),
        Column("dead"),
        Column("live", 6),
    )
    rows = tuple(
        cells(
            clean(row.site, _NAME),
            row.architecture,
            count(row.width),
            count(row.features),
            small(row.metrics.mse),
            small(row.metrics.l1),
            small(row.metrics.fvu),
            f"{row.metrics.l0:.1f}",
            share(row.metrics.dead),
            count(row.live),
        )
        for row in view.saes
    )
    return FittingTable(
        "Sparse autoencoders",
        columns,
        rows,
        (f"{_samples(view.saes[0].metrics.split, view.saes[0].metrics.samples)}; dead and live on train.",),
    )


def connector_table(view: StudyView) -> FittingTable:
    """Two rows per connector: as its solver left it, and as the graph has it."""
    rows = tuple(_connector_cells(row) for row in view.connectors)
    first = view.connectors[0].fidelity
    notes = (
        f"{_samples(first.split, first.samples)}. In-degree: mean/median/max. R², firing F1: median over features.",
        "As solved: true features in, before thresholding. Tuned: predicted features in, after thresholding.",
    )
    return FittingTable("Connectors", _CONNECTOR_COLUMNS, rows, notes if view.cut else notes[:1])


def _connector_cells(row: ConnectorRow) -> tuple[Text, ...]:
    sparsity, fidelity = row.sparsity, row.fidelity
    return cells(
        f"{clean(row.source, _NAME)} → {clean(row.target, _NAME)}",
        row.state,
        count(sparsity.edges),
        count(sparsity.entries),
        f"{sparsity.in_degree_mean:.1f}/{sparsity.in_degree_median:.0f}/{sparsity.in_degree_max}",
        f"{count(sparsity.reached)}/{count(row.live)}",
        count(sparsity.above_unit),
        count(sparsity.above_raw),
        small(sparsity.l1),
        small(fidelity.mse),
        small(fidelity.fvu),
        score(fidelity.r2_median),
        score(fidelity.firing_f1_median),
        share(fidelity.firing_f1_share_80, 0),
        share(fidelity.copy_rate, 0),
    )


def feature_network_table(view: StudyView) -> FittingTable:
    """The original, then every substituted network."""
    final = view.variants[-1].scores
    original = next((s for s in view.header.scores if s.split == final.split), None)
    rows: list[tuple[Text, ...]] = []
    if original:
        loss = small(original.loss)
        rows.append(cells("original", "", "", share(original.accuracy), "", "", loss, "", ""))
    rows += [_variant_cells(row, row is view.final) for row in view.variants]
    notes = (
        f"{_samples(final.split, final.samples)}. Recovered: of the loss with the last site zero (mean) ablated.",
        f"Last row: the graph itself, run as a network after thresholding at |w| > {view.header.threshold:g}.",
    )
    return FittingTable("Feature network", _VARIANT_COLUMNS, tuple(rows), notes)


def _variant_cells(row: VariantRow, is_final: bool) -> tuple[Text, ...]:
    values = cells(
        row.name,
        "yes" if row.thresholded else "no",
        NONE if row.edges is None else count(row.edges),
        share(row.scores.accuracy),
        share(row.scores.agreement),
        f"{row.scores.kl:.3f}",
        nats(row.scores.loss),
        share(row.scores.loss_recovered),
        share(row.scores.loss_recovered_mean),
    )
    if is_final:
        for value in values:
            value.stylize("bold")
    return values


def kind_table(view: StudyView) -> FittingTable:
    """How many gates are of each kind."""
    columns = (
        Column("kind", right=False),
        Column("gates"),
        Column("share"),
        Column("F1", 1),
        Column("meaning", 2, right=False, least=36),
    )
    rows = tuple(
        (
            kind_text(row.kind),
            *cells(count(row.gates), share(row.share), score(row.f1_median), row.meaning),
        )
        for row in view.kinds
    )
    return FittingTable(
        f"Gate kinds of {count(len(view.gates))} gates", columns, rows, ("F1: median, held out.",)
    )


def gate_table(gates: Sequence[GateRow], limit: int | None = 20, sort: str = "evidence") -> FittingTable:
    """One row per gate, best first.

    Raises:
        ConfigError: `limit` is negative.
        UnknownNameError: there is no such order.
    """
    if limit is not None and limit < 0:
        raise ConfigError(f"limit is {limit}: it must not be negative")
    chosen = sorted_gates(gates, sort)[:limit]
    columns = (
        Column("feature", right=False),
        Column("label", 2, right=False, least=12),
        Column("kind", right=False),
        Column("formula", right=False, least=30),
        Column("in", 3),
        Column("F1"),
        Column("95 %", 4),
        Column("single", 5),
        Column("support", 6),
        Column("P", 9),
        Column("R", 9),
        Column("row F1", 8),
        Column("ceiling", 10),
        Column("R²", 7),
    )
    if not any(row.label for row in chosen):
        columns = (columns[0], *columns[2:])
    rows = tuple(_gate_cells(row, any(r.label for r in chosen)) for row in chosen)
    notes = [
        "IF121: input feature 121; _high: above the median of its firings.",
        "F1 of the formula, held out; single: of the best single input.",
    ]
    if len(chosen) < len(gates):
        shown = f"{count(len(chosen))} of {count(len(gates))} gates, by {sort}"
        notes.append(f"{shown}: `circuitlogic show STUDY --limit {len(gates)}` shows all.")
    return FittingTable("Gates", columns, rows, tuple(notes))


def _gate_cells(row: GateRow, labelled: bool) -> tuple[Text, ...]:
    evidence = row.gate.evidence
    numbers = (
        [NONE] * 9
        if evidence is None
        else [
            score(evidence.f1) if row.claims else NONE,
            interval(evidence.f1_interval) if row.claims else NONE,
            score(evidence.baseline_f1),
            count(evidence.support),
            score(evidence.precision) if row.claims else NONE,
            score(evidence.recall) if row.claims else NONE,
            score(evidence.connector_f1),
            score(evidence.ceiling_f1),
            score(evidence.r2),
        ]
    )
    words = cells(clean(row.brief or row.text, 400))
    label = cells(clean(row.label)) if labelled else ()
    feature = cells(str(row.gate.feature))
    return (*feature, *label, kind_text(row.gate.kind), *words, *cells(count(len(row.gate.inputs)), *numbers))


def caveat_list(view: StudyView) -> RenderableType:
    """The caveats, one per line."""
    lines = Table.grid(padding=(0, 1))
    for sentence in view.caveats:
        lines.add_row(Text("•", style="yellow"), Text(clean(sentence, 400)))
    return Group(Text("Caveats", style="bold"), lines)


def kind_text(kind: str) -> Text:
    """A kind's name in its colour."""
    return Text(clean(kind, 24), style=KIND_STYLES.get(kind, "green"))


def _samples(split: str, samples: int) -> str:
    return f"{split_title(split)}, {count(samples)} samples"
