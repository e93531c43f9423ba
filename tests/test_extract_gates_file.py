"""Gates on disk: gates of every shape come back equal, and a damaged file is refused in one line."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logic_rows import formula_made, specs

from circuitlogic.errors import StudyError
from circuitlogic.extract.gates_file import JSON_FILE, PARQUET_FILE, load_gates, save_gates
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import And, Literal, Not, to_text
from circuitlogic.logic.gate import Evidence, Gate, GateInput, Interval, RunnerUp, TableRow, ThresholdReading

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
COUNTS = st.integers(0, 10**9)
KINDS = st.sampled_from(["and-not", "or", "graded", "unexplained", "copy"])
FEATURES = st.tuples(
    st.sampled_from(["hidden.1", "layers.1.mlp.out", "a-b_c", "0"]), st.integers(0, 10**9 - 1)
)
# Plain values only: what is type-checked is built in the test.
GATES = st.fixed_dictionaries(
    {
        "feature": FEATURES,
        "kind": KINDS,
        "formula": st.none() | specs,
        "inputs": st.lists(st.tuples(FEATURES, NUMBERS, NUMBERS, st.lists(NUMBERS, max_size=3)), max_size=3),
        "numbers": st.tuples(NUMBERS, NUMBERS, NUMBERS),
        "evidence": st.none() | st.tuples(COUNTS, COUNTS, *[NUMBERS] * 12),
        "table": st.lists(
            st.tuples(st.lists(st.booleans(), max_size=4), COUNTS, COUNTS, NUMBERS), max_size=3
        ),
        "flags": st.lists(st.sampled_from(["weak", "twin:a/1,b/2", "é→"]), max_size=2),
        "runner_up": st.none() | st.tuples(specs, KINDS, NUMBERS),
        "at_thresholds": st.lists(
            st.tuples(st.floats(0, 1), KINDS, st.none() | specs, st.none() | st.floats(0, 1), st.booleans()),
            max_size=3,
        ),
    }
)


def gate_made(spec: dict[str, Any]) -> Gate:
    """The gate that `spec` describes."""
    seen, runner = spec["evidence"], spec["runner_up"]
    bias, threshold, scale = spec["numbers"]
    return Gate(
        feature=FeatureId(*spec["feature"]),
        kind=spec["kind"],
        formula=None if spec["formula"] is None else formula_made(spec["formula"]),
        inputs=tuple(
            GateInput(FeatureId(*f), w, w, r, r, tuple(levels)) for f, w, r, levels in spec["inputs"]
        ),
        bias=bias,
        threshold=threshold,
        scale=scale,
        evidence=None if seen is None else Evidence(*seen[:5], Interval(*seen[5:7]), *seen[7:]),
        table=tuple(TableRow(tuple(state), n, k, mean, n > k) for state, n, k, mean in spec["table"]),
        flags=tuple(spec["flags"]),
        runner_up=None if runner is None else RunnerUp(formula_made(runner[0]), *runner[1:]),
        at_thresholds=tuple(
            ThresholdReading(firing, kind, None if f is None else formula_made(f), f1, same)
            for firing, kind, f, f1, same in spec["at_thresholds"]
        ),
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(GATES, max_size=2))
def test_gates_of_every_shape_come_back_equal(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[dict[str, Any]]
) -> None:
    folder, gates = tmp_path_factory.mktemp("gates"), tuple(gate_made(spec) for spec in wanted)
    save_gates(gates, folder)
    # NaN differs from itself, its text does not.
    assert repr(load_gates(folder)) == repr(gates)
    json.loads((folder / JSON_FILE).read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert len(pd.read_parquet(folder / PARQUET_FILE)) == len(gates)


def gate() -> Gate:
    """`hidden.1/3` AND NOT `hidden.1/7` at its first magnitude level."""
    a, b = FeatureId("hidden.1", 3), FeatureId("hidden.1", 7)
    return Gate(
        feature=FeatureId("hidden.2", 5),
        kind="and-not",
        formula=And((Literal(a), Not(Literal(b, 1)))),
        inputs=(GateInput(a, 0.9, 0.4, 0.1, 0.2), GateInput(b, -1.5, -0.7, 0.2, 0.3, (0.5, 0.75))),
        bias=-0.05,
        threshold=0.12,
        scale=1.2,
        evidence=Evidence(
            100, 20, 0.9, 0.95, 0.92, Interval(0.88, 0.95), 0.9, 1.0, 0.7, 0.9, 0.95, 0.6, 0.93
        ),
        table=(TableRow((False, False), 70, 1, 0.01, False), TableRow((True, False), 20, 19, 1.1, True)),
        flags=("weak", "exclusive:hidden.1/3,hidden.1/7"),
        runner_up=RunnerUp(Literal(a), "copy", 0.81),
    )


def test_the_table_for_pandas_has_one_row_per_gate(tmp_path: Path) -> None:
    save_gates([gate()], tmp_path)
    row = pd.read_parquet(tmp_path / PARQUET_FILE).iloc[0]
    assert (row["feature"], row["site"], row["index"], row["kind"]) == (
        "hidden.2/5",
        "hidden.2",
        5,
        "and-not",
    )
    assert (row["fan_in"], row["f1"], row["f1_low"], row["f1_high"]) == (2, 0.92, 0.88, 0.95)
    assert row["flags"] == "weak;exclusive:hidden.1/3,hidden.1/7"
    assert row["expression"] == to_text(gate().formula)


def test_the_same_gates_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1", "2"):
        save_gates([gate()], tmp_path / name)
    assert (tmp_path / "1" / JSON_FILE).read_bytes() == (tmp_path / "2" / JSON_FILE).read_bytes()


@pytest.fixture
def document(tmp_path: Path) -> dict[str, Any]:
    save_gates([gate()], tmp_path)
    return json.loads((tmp_path / JSON_FILE).read_text())


def refused(document: object, folder: Path) -> None:
    (folder / JSON_FILE).write_text(json.dumps(document))
    with pytest.raises(StudyError, match=JSON_FILE) as caught:
        load_gates(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("feature", "nowhere"),
        ("feature", "hidden.1/../3"),
        ("feature", 3),
        ("feature", None),
        ("formula", {"eval": "1"}),
        ("formula", "x0 & x1"),
        ("formula", {"literal": "hidden.1"}),
        ("inputs", None),
        ("inputs", [1]),
        ("inputs", [{"feature": "a/1"}]),
        ("inputs", "abc"),
        ("bias", "much"),
        ("bias", []),
        ("bias", 10**400),
        ("evidence", []),
        ("evidence", [1]),
        ("evidence", "good"),
        ("evidence", {"samples": 1}),
        ("table", None),
        ("table", 3),
        ("table", [3]),
        ("table", [{"state": "on"}]),
        ("flags", 1),
        ("flags", "weak"),
        ("runner_up", []),
        ("runner_up", "next"),
        ("runner_up", {"formula": None}),
        ("at_thresholds", None),
        ("at_thresholds", [3]),
        ("at_thresholds", [{"firing": 0.1, "kind": "or", "formula": None, "f1": None}]),
    ],
)
def test_a_damaged_gate_is_refused(
    document: dict[str, Any], tmp_path: Path, field: str, value: object
) -> None:
    document["gates"][0][field] = value
    refused(document, tmp_path)


@pytest.mark.parametrize(
    "field",
    ["feature", "kind", "formula", "inputs", "bias", "evidence", "table", "runner_up", "at_thresholds"],
)
def test_a_gate_that_lacks_a_part_is_refused(document: dict[str, Any], tmp_path: Path, field: str) -> None:
    del document["gates"][0][field]
    refused(document, tmp_path)


@pytest.mark.parametrize("gates", [None, 3, {"a": 1}, ["gate"], [None], [[]], "gates"])
def test_a_document_without_gates_is_refused(document: dict[str, Any], tmp_path: Path, gates: object) -> None:
    refused({**document, "gates": gates}, tmp_path)


@pytest.mark.parametrize("schema", [None, "circuitlogic/gates/1", 1])
def test_another_schema_is_named(document: dict[str, Any], tmp_path: Path, schema: object) -> None:
    (tmp_path / JSON_FILE).write_text(json.dumps({**document, "$schema": schema}))
    with pytest.raises(StudyError, match=r"schema.*this version reads 'circuitlogic/gates/2'"):
        load_gates(tmp_path)


def test_a_missing_or_cut_file_is_refused(document: dict[str, Any], tmp_path: Path) -> None:
    text = (tmp_path / JSON_FILE).read_text()
    (tmp_path / JSON_FILE).write_text(text[: len(text) // 2])
    with pytest.raises(StudyError, match="cannot be read as JSON"):
        load_gates(tmp_path)
    (tmp_path / JSON_FILE).unlink()
    with pytest.raises(StudyError, match="is missing"):
        load_gates(tmp_path)
