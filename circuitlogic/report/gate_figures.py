"""Owns the tables of what all gates reach together: fidelity to the true features, and what becomes of their kinds
at other firing thresholds."""

from circuitlogic.logic.gate import Gate, ThresholdReading
from circuitlogic.logic.gate_summary import (
    GateFidelity,
    KindStability,
    fidelity_of,
    stability_by_kind,
)
from circuitlogic.report.columns import TableColumn
from circuitlogic.report.fitting import FittingTable
from circuitlogic.report.numbers import NONE, count, share
from circuitlogic.report.rows import StudyView
from circuitlogic.report.tables import fitting, fitting_cells

FIDELITY_NOTE = (
    "Held out; means over the features read (30 firings or more), rejected formulas among them. Row: the connector "
    "row's own firing on true features. F1 ≥: share of all live features. Copies: claimed to copy one input; of "
    "≥ .8: share of such copies among the features with formula F1 of .8 or more."
)
FIDELITY_COLUMNS: tuple[TableColumn[GateFidelity], ...] = (
    TableColumn("features at", lambda r: r.site or "all", is_word=True, is_code=True),
    TableColumn("live", lambda r: count(r.live), "fires", 2),
    TableColumn("read", lambda r: count(r.read), "gate", 3),
    TableColumn("formula F1", lambda r: _three(r.f1), "precision"),
    TableColumn("row F1", lambda r: _three(r.connector_f1), "connector-f1"),
    TableColumn("of row", lambda r: share(r.of_connector), "connector-f1", 1),
    TableColumn("single F1", lambda r: _three(r.baseline_f1), "baseline", 6),
    TableColumn("literals", lambda r: NONE if r.literals is None else f"{r.literals:.1f}"),
    TableColumn("F1 ≥ .8", lambda r: share(r.good, 0), "precision"),
    TableColumn("≥ .9", lambda r: share(r.best, 0), "precision", 4),
    TableColumn("copies", lambda r: share(r.copies, 0), "copy-rate"),
    TableColumn("of ≥ .8", lambda r: share(r.best_copies, 0), "copy-rate", 5),
)


def _three(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def fidelity_rows(view: StudyView) -> tuple[GateFidelity, ...]:
    """One per site, and one for all."""
    return fidelity_of([row.gate for row in view.gates])


def fidelity_table(view: StudyView) -> FittingTable:
    """What formulas reach of what rows reach."""
    rows = tuple(fitting_cells(FIDELITY_COLUMNS, row) for row in fidelity_rows(view))
    half = FIDELITY_NOTE.index("Row:"), FIDELITY_NOTE.index("F1 ≥:"), FIDELITY_NOTE.index("Copies:")
    notes = tuple(
        FIDELITY_NOTE[low:high].strip() for low, high in zip((0, *half), (*half, None), strict=True)
    )
    return FittingTable("Fidelity of formulas", fitting(FIDELITY_COLUMNS), rows, notes)


def firing_text(firing: float) -> str:
    """A firing threshold: `0.05 × q95`."""
    return f"{firing:g} × q95"


def _becomes(row: KindStability, low: bool) -> str:
    """Kinds at the lowest (highest) threshold, most frequent first, the kind itself by its name."""
    firings = [firing for firing, _, _ in row.becomes]
    wanted = min(firings) if low else max(firings)
    told = [(kind, number) for firing, kind, number in row.becomes if firing == wanted]
    return ", ".join(f"{kind} {count(number)}" for kind, number in told)


STABILITY_COLUMNS: tuple[TableColumn[KindStability], ...] = (
    TableColumn("kind", lambda r: r.kind, is_word=True),
    TableColumn("gates", lambda r: count(r.gates)),
    TableColumn("same kind", lambda r: share(r.same_kind / r.gates, 0), "thresholds"),
    TableColumn("same function", lambda r: share(r.same_function / r.gates, 0), "thresholds"),
    TableColumn("at half θ", lambda r: _becomes(r, low=True), is_word=True, least=14),
    TableColumn("at twice θ", lambda r: _becomes(r, low=False), is_word=True, least=14),
)


def stability_rows(view: StudyView) -> tuple[KindStability, ...]:
    """One per kind; none where gates were read at their own threshold alone."""
    return stability_by_kind(row.gate for row in view.gates)


def stability_text(view: StudyView) -> str:
    """How many gates stay what they are, in one sentence; empty where that was not read."""
    firings = next((gate.at_thresholds for gate in _gates(view) if gate.at_thresholds), ())
    claimed = [row.gate for row in view.gates if row.claims and row.gate.at_thresholds]
    if not firings or not claimed:
        return ""
    kinds = share(sum(all(r.kind == g.kind for r in g.at_thresholds) for g in claimed) / len(claimed))
    same = share(sum(all(r.same_function for r in g.at_thresholds) for g in claimed) / len(claimed))
    where = ", ".join(f"{one.firing:g}" for one in firings)
    return (
        f"Of the {count(len(claimed))} gates with a formula {kinds} are of the same kind, and {same} have an "
        f"equivalent formula, with features firing from {where} × q95 on."
    )


def _gates(view: StudyView) -> tuple[Gate, ...]:
    return tuple(row.gate for row in view.gates)


def stability_table(view: StudyView) -> FittingTable | None:
    """What gates are called at half and twice their firing threshold; None where that was not read."""
    rows = stability_rows(view)
    if not rows:
        return None
    cells = tuple(fitting_cells(STABILITY_COLUMNS, row) for row in rows)
    text = stability_text(view)
    return FittingTable(
        "Kinds at other firing thresholds", fitting(STABILITY_COLUMNS), cells, (text,) * bool(text)
    )


def same_text(reading: ThresholdReading) -> str:
    """Whether the reading has the gate's own function."""
    if reading.formula is None:
        return NONE
    return "same" if reading.same_function else "other"
