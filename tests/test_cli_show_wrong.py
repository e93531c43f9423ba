"""`circuitlogic show FEATURE` says on which held-out samples its formula is wrong, in text and as a document."""

import json
import shutil
from pathlib import Path

import pytest
from cli_runs import Cli

from circuitlogic import pipeline
from circuitlogic.logic.gate import Gate
from circuitlogic.stages.extracted import load_gates, load_samples
from circuitlogic.study import SAMPLES, Study


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture(scope="module")
def wrong(small_study_folder: Path) -> Gate:
    """A gate whose formula is wrong both ways."""
    study = Study.open(small_study_folder)
    seen = load_samples(study)
    counters = ((gate, seen[gate.feature].counter) for gate in load_gates(study))
    return next(gate for gate, one in counters if one and one.silent_total > 6 and one.missed_total)


def test_show_lists_counter_examples_by_number(cli: Cli, small_study_folder: Path, wrong: Gate) -> None:
    found = load_samples(Study.open(small_study_folder))[wrong.feature].counter
    assert found is not None
    out = cli("show", small_study_folder, wrong.feature).out
    assert "Counter-examples, held out" in out
    rows = ", ".join(map(str, found.silent))
    assert f"says so, but silent  {found.silent_total} samples: {rows}, …" in out
    document = cli("show", small_study_folder, wrong.feature, "--json").document
    assert document["counter_examples"]["silent"] == list(found.silent)
    assert document["counter_examples"]["missed_total"] == found.missed_total


def test_a_gate_without_a_formula_has_none(cli: Cli, small_study_folder: Path) -> None:
    gates = load_gates(Study.open(small_study_folder))
    silent = next(gate for gate in gates if gate.formula is None)
    assert "Counter-examples" not in cli("show", small_study_folder, silent.feature).out
    assert cli("show", small_study_folder, silent.feature, "--json").document["counter_examples"] is None


def test_a_study_extracted_without_is_shown_without(cli: Cli, study_copy: Path, wrong: Gate) -> None:
    shutil.rmtree(study_copy / SAMPLES)
    manifest = json.loads((study_copy / "manifest.json").read_text())
    del manifest["artefacts"][SAMPLES]
    (study_copy / "manifest.json").write_text(json.dumps(manifest))
    ran = cli("show", study_copy, wrong.feature)
    assert ran.code == 0
    assert "Counter-examples" not in ran.out
    pipeline.extract(Study.open(study_copy))
    assert "Counter-examples" in cli("show", study_copy, wrong.feature).out


def test_a_damaged_file_is_one_line(cli: Cli, study_copy: Path, wrong: Gate) -> None:
    study = Study.open(study_copy)
    document = json.loads((study.folder(SAMPLES) / "samples.json").read_text())
    document["gates"][str(wrong.feature)]["samples"] = "many"
    with study.making(SAMPLES, "damaged") as folder:
        (folder / "samples.json").write_text(json.dumps(document))
    ran = cli("show", study_copy, wrong.feature)
    assert ran.code != 0
    assert "samples.json is damaged" in ran.err
    assert len(ran.err.strip().splitlines()) == 1
