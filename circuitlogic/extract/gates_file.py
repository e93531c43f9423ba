"""Gates on disk: `gates.json`, schema-versioned and lossless, and `gates.parquet`, one row per gate for pandas."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from circuitlogic.errors import ConfigError, DataError, StudyError
from circuitlogic.extract.gate_index import JSON_FILE, SCHEMA
from circuitlogic.features import FeatureId
from circuitlogic.json_files import SCHEMA_KEY, read_document, write_json
from circuitlogic.logic.formula import Formula, to_text
from circuitlogic.logic.formula_json import formula_from_json, formula_to_json
from circuitlogic.logic.gate import Evidence, Gate, GateInput, RunnerUp, TableRow, ThresholdReading
from circuitlogic.logic.gate_summary import stability_of
from circuitlogic.whole_files import write_bytes

PARQUET_FILE = "gates.parquet"

_EVIDENCE = TypeAdapter(Evidence)
_TABLE = TypeAdapter(tuple[TableRow, ...])
_FLAGS = TypeAdapter(tuple[str, ...])
_BOOL = TypeAdapter(bool)


DAMAGE = (
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
    OverflowError,
    ValidationError,
    DataError,
    ConfigError,
)
"""What reading values that are no gate may raise."""


def save_gates(gates: Sequence[Gate], folder: Path) -> None:
    """Write both files."""
    document = {SCHEMA_KEY: SCHEMA, "gates": [gate_to_json(gate) for gate in gates]}
    write_json(folder / JSON_FILE, document)
    _save_parquet(gates, folder / PARQUET_FILE)


def load_gates(folder: Path) -> tuple[Gate, ...]:
    """Read `gates.json`.

    Raises:
        StudyError: missing, damaged, or of another schema version.
    """
    path = folder / JSON_FILE
    document = read_document(path, SCHEMA)
    try:
        return tuple(gate_from_json(value) for value in document["gates"])
    except DAMAGE as error:
        raise StudyError(f"{path} is damaged: {str(error).splitlines()[0]}") from None


def gate_to_json(gate: Gate) -> dict[str, Any]:
    """A gate as plain JSON values; NaN becomes null, infinity a string."""
    value = {
        "feature": str(gate.feature),
        "kind": gate.kind,
        "expression": None if gate.formula is None else to_text(gate.formula),
        "sympy": _sympy_text(gate.formula),
        "formula": _formula(gate.formula),
        "inputs": [{**asdict(i), "feature": str(i.feature)} for i in gate.inputs],
        "bias": gate.bias,
        "threshold": gate.threshold,
        "scale": gate.scale,
        "evidence": None if gate.evidence is None else asdict(gate.evidence),
        "table": [asdict(row) for row in gate.table],
        "flags": list(gate.flags),
        "runner_up": None
        if gate.runner_up is None
        else {**asdict(gate.runner_up), "formula": formula_to_json(gate.runner_up.formula)},
        "at_thresholds": [_at_threshold_to_json(reading) for reading in gate.at_thresholds],
    }
    return {name: _plain(part) for name, part in value.items()}


def gate_from_json(value: Mapping[str, Any]) -> Gate:
    """Read what `gate_to_json` wrote.

    Raises:
        one of `DAMAGE`: `value` is no gate.
    """
    runner = value["runner_up"]
    return Gate(
        feature=FeatureId.parse(value["feature"]),
        kind=str(value["kind"]),
        formula=None if value["formula"] is None else formula_from_json(value["formula"]),
        inputs=tuple(_input(i) for i in value["inputs"]),
        bias=_number(value["bias"]),
        threshold=_number(value["threshold"]),
        scale=_number(value["scale"]),
        evidence=None
        if value["evidence"] is None
        else _EVIDENCE.validate_python(_with_nan(value["evidence"])),
        table=_TABLE.validate_python([_with_nan(row) for row in value["table"]]),
        flags=_FLAGS.validate_python(value["flags"]),
        runner_up=None
        if runner is None
        else RunnerUp(formula_from_json(runner["formula"]), str(runner["kind"]), _number(runner["train_f1"])),
        at_thresholds=tuple(_at_threshold(reading) for reading in value["at_thresholds"]),
    )


def _input(value: Mapping[str, Any]) -> GateInput:
    numbers = {name: _number(value[name]) for name in ("weight", "raw_weight", "threshold", "firing_rate")}
    levels = tuple(_number(level) for level in value["level_thresholds"])
    return GateInput(FeatureId.parse(value["feature"]), **numbers, level_thresholds=levels)


def _at_threshold_to_json(reading: ThresholdReading) -> dict[str, Any]:
    expression = None if reading.formula is None else to_text(reading.formula)
    return {**asdict(reading), "expression": expression, "formula": _formula(reading.formula)}


def _at_threshold(value: Mapping[str, Any]) -> ThresholdReading:
    formula, f1, same = value["formula"], value["f1"], value["same_function"]
    return ThresholdReading(
        firing=float(value["firing"]),
        kind=str(value["kind"]),
        formula=None if formula is None else formula_from_json(formula),
        f1=None if f1 is None else float(f1),
        same_function=_BOOL.validate_python(same),
    )


def _sympy_text(formula: Formula | None) -> str | None:
    """For readers who have SymPy; never read back."""
    from circuitlogic.logic import sympy_form

    return None if formula is None else str(sympy_form.build(formula))


def _formula(formula: Formula | None) -> dict[str, object] | None:
    return None if formula is None else formula_to_json(formula)


def _plain(value: Any) -> Any:
    """`value` without numbers that JSON lacks."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _with_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: _with_nan(v) if isinstance(v, dict) else math.nan if v is None else v for k, v in values.items()
    }


def _save_parquet(gates: Sequence[Gate], path: Path) -> None:
    import pandas as pd

    rows = [
        {
            "feature": str(gate.feature),
            "site": gate.feature.site,
            "index": gate.feature.index,
            "kind": gate.kind,
            "expression": None if gate.formula is None else to_text(gate.formula),
            "sympy": _sympy_text(gate.formula),
            "fan_in": len(gate.inputs),
            "bias": gate.bias,
            "threshold": gate.threshold,
            "flags": ";".join(gate.flags),
            **({} if gate.evidence is None else _flat_evidence(gate.evidence)),
            **_flat_thresholds(gate),
        }
        for gate in gates
    ]
    content = pd.DataFrame(rows).to_parquet(index=False)
    write_bytes(path, content)


def _flat_thresholds(gate: Gate) -> dict[str, Any]:
    """Whether half and twice the firing threshold make the same of it; nothing where that was not read."""
    stable = stability_of(gate)
    if stable is None:
        return {}
    return {"same_kind_at_thresholds": stable.same_kind, "same_function_at_thresholds": stable.same_function}


def _flat_evidence(evidence: Evidence) -> dict[str, Any]:
    values = asdict(evidence)
    interval = values.pop("f1_interval")
    return {**values, "f1_low": interval["low"], "f1_high": interval["high"]}
