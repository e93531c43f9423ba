"""Owns the columns of every table of a study, once: the terminal, Markdown and HTML lay out these same columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from circuitlogic.logic.gate import Evidence
from circuitlogic.report.numbers import NONE, count, interval, score, share, small
from circuitlogic.report.rows import ConnectorRow, GateRow, SaeRow

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TableColumn(Generic[R]):
    """One column."""

    title: str
    value: Callable[[R], str]
    """The cell. Foreign text in it is escaped by whoever lays it out."""
    anchor: str = ""
    """Of its definition."""
    importance: int = 0
    """0 is never dropped in a narrow terminal; of the others the highest goes first."""
    is_word: bool = False
    is_code: bool = False
    """A name to be set like code."""
    least: int | None = None
    """For words: how narrow the column may become."""
    order: Callable[[R], float | None] | None = None
    """What a page sorts by; None: the text."""


SAE_COLUMNS: tuple[TableColumn[SaeRow], ...] = (
    TableColumn("site", lambda r: r.site, is_word=True, is_code=True),
    TableColumn("architecture", lambda r: r.architecture, importance=5, is_word=True),
    TableColumn("neurons", lambda r: count(r.width), importance=4),
    TableColumn("features", lambda r: count(r.features), "feature", 1),
    TableColumn("mse", lambda r: small(r.metrics.mse), "mse"),
    TableColumn("l1", lambda r: small(r.metrics.l1), "l1", 3),
    TableColumn("fvu", lambda r: small(r.metrics.fvu), "fvu"),
    TableColumn("l0", lambda r: f"{r.metrics.l0:.1f}", "l0"),
    TableColumn("dead", lambda r: share(r.metrics.dead), "dead"),
    TableColumn("live", lambda r: count(r.live), "fires", 6),
)


def _in_degree(row: ConnectorRow) -> str:
    s = row.sparsity
    return f"{s.in_degree_mean:.1f}/{s.in_degree_median:.0f}/{s.in_degree_max}"


CONNECTOR_COLUMNS: tuple[TableColumn[ConnectorRow], ...] = (
    TableColumn("connector", lambda r: f"{r.source} → {r.target}", is_word=True, is_code=True),
    TableColumn("state", lambda r: r.state, is_word=True),
    TableColumn("edges", lambda r: count(r.sparsity.edges), "edges"),
    TableColumn("of", lambda r: count(r.sparsity.entries), "edges", 2),
    TableColumn("in-degree", _in_degree, "in-degree", 3),
    TableColumn("reached", lambda r: f"{count(r.sparsity.reached)}/{count(r.live)}", "reached", 4),
    TableColumn("|w|>.1 unit", lambda r: count(r.sparsity.above_unit), "unit", 8),
    TableColumn("raw", lambda r: count(r.sparsity.above_raw), "unit", 9),
    TableColumn("l1", lambda r: small(r.sparsity.l1), "l1", 7),
    TableColumn("mse", lambda r: small(r.fidelity.mse), "mse", 5),
    TableColumn("fvu", lambda r: small(r.fidelity.fvu), "fvu"),
    TableColumn("R²", lambda r: score(r.fidelity.r2_median), "r2", 1),
    TableColumn("firing F1", lambda r: score(r.fidelity.firing_f1_median), "firing-f1"),
    TableColumn("F1≥.8", lambda r: share(r.fidelity.firing_f1_share_80, 0), "firing-f1", 10),
    TableColumn("copies", lambda r: share(r.fidelity.copy_rate, 0), "copy-rate", 6),
)


def _of(row: GateRow, number: Callable[[Evidence], float], claimed: bool) -> float | None:
    """A number of the gate's evidence; None without evidence, or where it needs a claimed formula."""
    evidence = row.gate.evidence
    return None if evidence is None or (claimed and not row.claims) else number(evidence)


def _scored(
    title: str, number: Callable[[Evidence], float], anchor: str, importance: int, claimed: bool = False
) -> TableColumn[GateRow]:
    def order(row: GateRow) -> float | None:
        return _of(row, number, claimed)

    return TableColumn(title, lambda r: score(order(r)), anchor, importance, order=order)


def _interval(row: GateRow) -> str:
    evidence = row.gate.evidence
    return interval(evidence.f1_interval) if evidence is not None and row.claims else NONE


def _support(row: GateRow) -> str:
    return NONE if row.gate.evidence is None else count(row.gate.evidence.support)


GATE_NUMBERS: tuple[TableColumn[GateRow], ...] = (
    TableColumn("in", lambda r: count(len(r.gate.inputs)), "in-degree", 3),
    _scored("F1", lambda e: e.f1, "precision", 0, claimed=True),
    TableColumn(
        "95 %", _interval, "precision", 4, order=lambda r: _of(r, lambda e: e.f1_interval.low, claimed=True)
    ),
    _scored("P", lambda e: e.precision, "precision", 9, claimed=True),
    _scored("R", lambda e: e.recall, "precision", 9, claimed=True),
    TableColumn("token", lambda r: score(r.token_f1), "token", order=lambda r: r.token_f1),
    _scored("single", lambda e: e.baseline_f1, "baseline", 5),
    _scored("row F1", lambda e: e.connector_f1, "connector-f1", 8),
    _scored("ceiling", lambda e: e.ceiling_f1, "ceiling", 10),
    TableColumn(
        "support", _support, "support", 6, order=lambda r: _of(r, lambda e: float(e.support), claimed=False)
    ),
    _scored("R²", lambda e: e.r2, "r2", 7),
)
"""What every table of gates says behind the words; `token` is left out where there are none."""


def gate_numbers(rows: Sequence[GateRow]) -> tuple[TableColumn[GateRow], ...]:
    """The columns of a table of these gates."""
    speaks = any(row.token_f1 is not None for row in rows)
    return tuple(column for column in GATE_NUMBERS if speaks or column.anchor != "token")
