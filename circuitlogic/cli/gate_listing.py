"""Owns how gates become the rows of a listing."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from circuitlogic.cli.listing import Value

if TYPE_CHECKING:
    from circuitlogic.report.rows import GateRow

COLUMNS = (
    "feature",
    "label",
    "site",
    "kind",
    "reading",
    "expression",
    "graded",
    "fan_in",
    "f1",
    "f1_low",
    "f1_high",
    "precision",
    "recall",
    "baseline_f1",
    "gain",
    "token_f1",
    "token_gain",
    "coverage",
    "r2",
    "support",
    "flags",
)
SHOWN = ("feature", "kind", "reading", "fan_in", "f1", "gain", "support")
"""What fits a terminal of 80 columns."""


def gate_values(rows: Iterable["GateRow"]) -> list[dict[str, Value]]:
    """One row of plain values per gate; scores of a gate without evidence are None."""
    return [_values(row) for row in rows]


def _values(row: "GateRow") -> dict[str, Value]:
    gate, evidence = row.gate, row.gate.evidence
    values: dict[str, Value] = {
        "feature": str(gate.feature),
        "label": row.label,
        "site": gate.feature.site,
        "kind": gate.kind,
        "reading": row.text,
        "expression": row.expression,
        "graded": row.graded,
        "fan_in": len(gate.inputs),
        "gain": row.gain,
        "token_f1": row.token_f1,
        "token_gain": row.token_gain,
        "flags": "; ".join(row.flags),
    }
    if evidence is not None:
        names = ("f1", "precision", "recall", "baseline_f1", "coverage", "r2", "support")
        values |= {name: getattr(evidence, name) for name in names}
        values |= {"f1_low": evidence.f1_interval.low, "f1_high": evidence.f1_interval.high}
    return values
