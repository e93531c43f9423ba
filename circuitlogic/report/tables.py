"""Owns what a study looks like in a terminal. Foreign text goes through `rich.text.Text`, never through markup."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from circuitlogic.errors import ConfigError
from circuitlogic.render.text import clean
from circuitlogic.report.columns import (
    CONNECTOR_COLUMNS,
    SAE_COLUMNS,
    R,
    TableColumn,
    gate_numbers,
)
from circuitlogic.report.fitting import Column, FittingTable, cells
from circuitlogic.report.gate_rows import sorted_gates
from circuitlogic.report.network_lines import NETWORK_COLUMNS, network_lines
from circuitlogic.report.numbers import count, score, share, small, split_name, split_title
from circuitlogic.report.rows import GateRow, StudyView

KIND_STYLES = {
    "unexplained": "yellow",
    "graded": "cyan",
    "insufficient": "dim",
    "dead": "dim",
    "constant": "dim",
}
_NAME = 24
_CELL = 60


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
    return FittingTable(
        "Sparse autoencoders",
        fitting(SAE_COLUMNS),
        tuple(fitting_cells(SAE_COLUMNS, row) for row in view.saes),
        (f"{_samples(view.saes[0].metrics.split, view.saes[0].metrics.samples)}; dead and live on train.",),
    )


def connector_table(view: StudyView) -> FittingTable:
    """Two rows per connector: as its solver left it, and as the graph has it."""
    rows = tuple(fitting_cells(CONNECTOR_COLUMNS, row) for row in view.connectors)
    first = view.connectors[0].fidelity
    notes = (
        f"{_samples(first.split, first.samples)}. In-degree: mean/median/max. R², firing F1: median over features.",
        "As solved: true features in, before thresholding. Tuned: predicted features in, after thresholding.",
    )
    return FittingTable("Connectors", fitting(CONNECTOR_COLUMNS), rows, notes if view.cut else notes[:1])


def feature_network_table(view: StudyView) -> FittingTable:
    """The original, then every substituted network."""
    final = view.variants[-1].scores
    rows: list[tuple[Text, ...]] = []
    for line in network_lines(view, every_split=False):
        rows.append(fitting_cells(NETWORK_COLUMNS, line))
        if line.is_final:
            for cell in rows[-1]:
                cell.stylize("bold")
    notes = (
        f"{_samples(final.split, final.samples)}. Recovered: of the loss with the last site zero (mean) ablated.",
        f"Last row: the graph itself, run as a network after thresholding at |w| > {view.header.threshold:g}.",
    )
    if view.header.selection:
        kept = f"Kept before that: {view.header.selection}, not tuned again; `circuitlogic sweep` prunes and tunes."
        notes += (kept,)
    return FittingTable("Feature network", fitting(NETWORK_COLUMNS), tuple(rows), notes)


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
    labelled, numbers = any(row.label for row in chosen), gate_numbers(chosen)
    columns = (
        Column("feature", right=False),
        *([Column("label", 2, right=False, least=12)] if labelled else []),
        Column("kind", 1, right=False),
        Column("formula", right=False, least=30),
        *fitting(numbers),
    )
    rows = tuple(_gate_cells(row, labelled, numbers) for row in chosen)
    speaks = any(row.token_f1 is not None for row in chosen)
    token = "token: of the best set of current tokens, with no circuit; " if speaks else ""
    notes = [
        "IF121: input feature 121, where it has no label; _high: above the median of its firings.",
        f"F1 of the formula, held out; {token}single: of the best single input.",
    ]
    if len(chosen) < len(gates):
        shown = f"{count(len(chosen))} of {count(len(gates))} gates, by {sort}"
        notes.append(f"{shown}: `circuitlogic show STUDY --limit {len(gates)}` shows all.")
    return FittingTable("Gates", columns, rows, tuple(notes))


def _gate_cells(row: GateRow, labelled: bool, numbers: Sequence[TableColumn[GateRow]]) -> tuple[Text, ...]:
    words = cells(clean(row.brief or row.text, 400))
    label = cells(clean(row.label)) if labelled else ()
    feature = cells(str(row.gate.feature))
    return (*feature, *label, kind_text(row.gate.kind), *words, *fitting_cells(numbers, row))


def caveat_list(view: StudyView) -> RenderableType:
    """The caveats, one per line."""
    lines = Table.grid(padding=(0, 1))
    for sentence in view.caveats:
        lines.add_row(Text("•", style="yellow"), Text(clean(sentence, 400)))
    return Group(Text("Caveats", style="bold"), lines)


def kind_text(kind: str) -> Text:
    """A kind's name in its colour."""
    return Text(clean(kind, 24), style=KIND_STYLES.get(kind, "green"))


def fitting(columns: Sequence[TableColumn[R]]) -> tuple[Column, ...]:
    """Columns as a fitting table takes them."""
    return tuple(Column(c.title, c.importance, right=not c.is_word, least=c.least) for c in columns)


def fitting_cells(columns: Sequence[TableColumn[R]], row: R) -> tuple[Text, ...]:
    """One row's cells, foreign text cleaned."""
    return cells(*(clean(c.value(row), _CELL) for c in columns))


def _samples(split: str, samples: int) -> str:
    return f"{split_title(split)}, {count(samples)} samples"
