"""Owns the edges of a page: the strongest ones, for a table that a slider cuts further."""

from dataclasses import dataclass

from circuitlogic.features import FeatureId
from circuitlogic.report.rows import GateRow, StudyView

MAX_EDGES = 600


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """One edge into a gate."""

    source: FeatureId
    gate: GateRow
    weight: float
    in_formula: bool


@dataclass(frozen=True, slots=True)
class EdgeList:
    """The strongest edges into gates."""

    rows: tuple[EdgeRow, ...]
    total: int
    strongest: float
    steps: tuple[tuple[float, int, int], ...]
    """Thresholds with the edges above each, and the gates that keep at least one."""


def edge_list(view: StudyView, most: int = MAX_EDGES) -> EdgeList:
    """Edges by falling |weight|, ties by feature; what is not listed is counted."""
    rows = [
        EdgeRow(given.feature, row, given.weight, given.feature in used)
        for row in view.gates
        for used in [row.used]
        for given in row.gate.inputs
    ]
    rows.sort(key=lambda r: (-abs(r.weight), r.gate.gate.feature, r.source))
    strongest = abs(rows[0].weight) if rows else 0.0
    return EdgeList(tuple(rows[:most]), len(rows), strongest, _steps(rows, view.header.threshold or 0.0))


def _steps(rows: list[EdgeRow], threshold: float, steps: int = 40) -> tuple[tuple[float, int, int], ...]:
    """Evenly spaced from the graph's own threshold up to the strongest weight."""
    top = abs(rows[0].weight) if rows else threshold
    found: list[tuple[float, int, int]] = []
    for step in range(steps + 1):
        cut = threshold + (top - threshold) * step / steps
        above = [row for row in rows if abs(row.weight) >= cut]
        found.append((cut, len(above), len({row.gate.gate.feature for row in above})))
    return tuple(found)
