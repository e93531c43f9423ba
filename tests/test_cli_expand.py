"""`show --expand`: one gate over deeper inputs, measured, in words and as a document."""

import json
from pathlib import Path

import pytest
from cli_runs import Cli

from circuitlogic.features import FeatureId
from circuitlogic.logic.composition import compose
from circuitlogic.logic.formula import Const, literals_of
from circuitlogic.logic.formula_json import formula_from_json
from circuitlogic.logic.gate import Gate
from circuitlogic.stages.extracted import load_gates
from circuitlogic.study import Study


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture(scope="module")
def gates(small_study_folder: Path) -> dict[FeatureId, Gate]:
    return {gate.feature: gate for gate in load_gates(Study.open(small_study_folder))}


@pytest.fixture(scope="module")
def deep(gates: dict[FeatureId, Gate]) -> Gate:
    """A gate of the last site of which at least one input is a gate with a formula."""
    candidates = [
        gate
        for gate in gates.values()
        if gate.feature.site == "hidden.2"
        and gate.formula is not None
        and not isinstance(gate.formula, Const)
    ]
    return max(candidates, key=lambda gate: (len(compose(gate.feature, gates, 2).gates), -gate.feature.index))


def test_the_document_says_all_and_layer_one_is_the_gates_own_evidence(
    cli: Cli, small_study_folder: Path, deep: Gate, gates: dict[FeatureId, Gate]
):
    document = cli("show", small_study_folder, deep.feature, "--expand", 2, "--json").document
    assert document["schema"] == "circuitlogic/expansion/1"
    found = compose(deep.feature, gates, 2)
    assert len(found.gates) > 1
    assert formula_from_json(document["formula"]) == found.formula
    assert deep.evidence is not None
    one, two = document["measured"]
    for name in ("f1", "precision", "recall", "support", "samples", "mcc"):
        assert one[name] == pytest.approx(getattr(deep.evidence, name))
    assert one["f1_interval"]["low"] == deep.evidence.f1_interval.low
    assert two["layers"] == 2
    bounds = document["evidence"]
    assert bounds["least_f1"] - 1e-9 <= two["f1"] <= bounds["most_f1"] + 1e-9
    assert document["tree"]["feature"] == str(deep.feature)
    assert {(k["feature"], k["level"]) for k in document["kept"]} >= {
        (str(lit.feature), lit.level) for lit in literals_of(found.formula)
    }


def test_the_panel_has_the_formula_the_tree_and_the_measured_number(
    cli: Cli, small_study_folder: Path, deep: Gate, gates: dict[FeatureId, Gate]
):
    ran = cli("show", small_study_folder, deep.feature, "--expand", 2)
    assert ran.code == 0
    for gate in compose(deep.feature, gates, 2).gates:
        assert str(gate.feature) in ran.out
    for words in ("expanded", "SymPy", "product", "weakest path", "bounds", "held out"):
        assert words in ran.out
    assert "\x1b" not in ran.out


def test_without_activations_it_says_so(cli: Cli, study_copy: Path, deep: Gate):
    manifest = study_copy / "manifest.json"
    document = json.loads(manifest.read_text())
    del document["artefacts"]["activations/heldout"]
    manifest.write_text(json.dumps(document))
    ran = cli("show", study_copy, deep.feature, "--expand", 2)
    assert ran.code == 0
    assert "no cached held-out activations" in ran.out
    assert cli("show", study_copy, deep.feature, "--expand", 2, "--json").document["measured"] == []


def test_what_makes_no_sense_is_refused_in_one_line(
    cli: Cli, small_study_folder: Path, deep: Gate, gates: dict[FeatureId, Gate]
):
    closed = next(gate for gate in gates.values() if gate.formula is None)
    for line, code, words in (
        (("--expand", 2), 2, "name it"),
        ((closed.feature, "--expand", 2), 2, "no formula to expand"),
        ((deep.feature, "--expand", 2, "-f", "csv"), 2, "no rows"),
        ((deep.feature, "--expand", 0), 2, ""),
    ):
        ran = cli("show", small_study_folder, *line)
        assert (ran.code, ran.out) == (code, "")
        assert words in ran.err
        assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".dot", b"digraph")]
)
def test_the_expanded_gate_is_drawn(
    cli: Cli, small_study_folder: Path, deep: Gate, tmp_path: Path, suffix: str, start: bytes
):
    file = tmp_path / f"nested{suffix}"
    assert cli("diagram", small_study_folder, deep.feature, "--expand", 2, "-o", file).code == 0
    assert file.read_bytes().lstrip().startswith(start)
    again = cli("diagram", small_study_folder, deep.feature, "--expand", 2, "--depth", 2, "-o", "-")
    assert (again.code, again.out) == (2, "")
    assert "give one of them" in again.err
