"""The reading commands on a finished study: every JSON document, numbers that agree, files that are kept."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_runs import Cli

from circuitlogic.cli.headers import tensor_headers
from circuitlogic.errors import DataError
from circuitlogic.logic.gate import Gate
from circuitlogic.stages.extracted import load_gates, load_graph
from circuitlogic.stages.network_metrics import FIDELITY, load_metrics
from circuitlogic.study import Study


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture(scope="module")
def study(small_study_folder: Path) -> Study:
    return Study.open(small_study_folder)


@pytest.fixture(scope="module")
def gate(study: Study) -> Gate:
    """A gate of the last site with several inputs, whose inputs have inputs."""
    last = [g for g in load_gates(study) if g.feature.site == "hidden.2"]
    return max(last, key=lambda g: (len(g.inputs), -g.feature.index))


DOCUMENTS = {
    "show": ("show {study} --json", "rows"),
    "gate": ("show {study} {gate} --json", "gate"),
    "query": ("query {study} ancestors {gate} --json", "nodes"),
    "verify": ("verify {study} --json", "metrics"),
    "inspect": ("inspect {study} --json", "artefacts"),
    "doctor": ("doctor --json", "torch"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_json_is_exactly_one_document_with_a_schema(cli: Cli, study: Study, gate: Gate, name: str):
    line, key = DOCUMENTS[name]
    ran = cli(*line.format(study=study.root, gate=gate.feature).split())
    assert ran.code == 0
    assert ran.document["schema"] == f"circuitlogic/{name}/1"
    assert key in ran.document


def test_show_lists_every_gate_once(cli: Cli, study: Study):
    rows = cli("show", study.root, "--json").document["rows"]
    gates = {str(gate.feature): gate for gate in load_gates(study)}
    assert len(rows) == len(gates)
    assert {row["feature"]: row["kind"] for row in rows} == {name: g.kind for name, g in gates.items()}


def test_filters_keep_exactly_what_they_say(cli: Cli, study: Study, gate: Gate):
    shown = cli("show", study.root, "--kind", gate.kind, "--site", "hidden.2", "--json").document["rows"]
    wanted = {
        str(g.feature) for g in load_gates(study) if g.kind == gate.kind and g.feature.site == "hidden.2"
    }
    assert {row["feature"] for row in shown} == wanted
    proven = cli("show", study.root, "--min-f1", 0.5, "--json").document["rows"]
    assert all(row["f1"] >= 0.5 for row in proven)


def test_one_gate_in_a_pipe_is_readable_and_complete(cli: Cli, study: Study, gate: Gate):
    ran = cli("show", study.root, gate.feature)
    assert ran.code == 0
    assert str(gate.feature) in ran.out
    assert all(str(given.feature) in ran.out for given in gate.inputs)
    assert "\x1b" not in ran.out


def test_a_gate_as_a_row_has_the_same_numbers(cli: Cli, study: Study, gate: Gate):
    (row,) = [
        json.loads(line) for line in cli("show", study.root, gate.feature, "-f", "jsonl").out.splitlines()
    ]
    assert (row["feature"], row["fan_in"]) == (str(gate.feature), len(gate.inputs))


def test_ancestors_at_depth_one_are_the_gates_inputs(cli: Cli, study: Study, gate: Gate):
    document = cli("query", study.root, "ancestors", gate.feature, "--depth", 1, "--json").document
    inputs = {str(given.feature): given.weight for given in gate.inputs}
    assert {edge["source"] for edge in document["edges"]} == set(inputs)
    for edge in document["edges"]:
        assert edge["weight"] == pytest.approx(inputs[edge["source"]], rel=1e-5)


def test_the_tree_shows_every_edge_of_the_cone_and_opens_each_feature_once(
    cli: Cli, study: Study, gate: Gate
):
    document = cli("query", study.root, "ancestors", gate.feature, "--json").document
    ran = cli("query", study.root, "ancestors", gate.feature, "--tree")
    lines = ran.out.splitlines()
    assert lines[0].startswith(str(gate.feature))
    assert len(lines) == 1 + len(document["edges"])
    for edge in document["edges"]:
        assert any(f"{edge['weight']:+.2f}" in line and edge["source"] in line for line in lines)


def test_a_tree_with_a_limit_says_what_is_hidden(cli: Cli, study: Study, gate: Gate):
    ran = cli("query", study.root, "ancestors", gate.feature, "--tree", "--limit", 2)
    assert len(ran.out.splitlines()) >= 3
    assert "hidden by --limit 2" in ran.err


def test_paths_lead_from_one_end_to_the_other(cli: Cli, study: Study, gate: Gate):
    start = next(
        node["feature"]
        for node in cli("query", study.root, "ancestors", gate.feature, "--json").document["nodes"]
        if node["depth"] == 2
    )
    document = cli("query", study.root, "path", start, gate.feature, "-k", 3, "--json").document
    assert document["paths"]
    for path in document["paths"]:
        assert (path["features"][0], path["features"][-1]) == (start, str(gate.feature))
    rows = cli("query", study.root, "path", start, gate.feature, "-k", 3).out.splitlines()
    assert len(rows) == 1 + len(document["paths"])
    between = cli("query", study.root, "between", start, gate.feature, "--json").document
    inside = {node["feature"] for node in between["nodes"]}
    assert all(set(path["features"]) <= inside for path in document["paths"])


@pytest.mark.parametrize("question", ["roots", "leaves", "find --min-fan-in 1"])
@pytest.mark.parametrize("limit", [1, 3])
def test_a_limit_holds_in_every_format(cli: Cli, study: Study, question: str, limit: int):
    words = question.split()
    assert len(cli("query", study.root, *words, "--limit", limit).out.splitlines()) == 1 + limit
    document = cli("query", study.root, *words, "--limit", limit, "--json").document
    assert len(document["nodes"]) == limit
    whole = cli("query", study.root, *words, "--json").document
    assert document["hidden"] == len(whole["nodes"]) - limit


@pytest.mark.parametrize("depth", [(), ("--depth", "2")])
@pytest.mark.parametrize(
    ("suffix", "start"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".dot", b"digraph")]
)
def test_diagrams_by_suffix(
    cli: Cli, study: Study, gate: Gate, tmp_path: Path, suffix: str, start: bytes, depth: tuple[str, ...]
):
    file = tmp_path / f"picture{suffix}"
    ran = cli("diagram", study.root, gate.feature, "-o", file, *depth)
    assert (ran.code, ran.out) == (0, f"{file}\n")
    assert file.read_bytes().lstrip().startswith(start)


def test_overwriting_needs_force(cli: Cli, study: Study, gate: Gate, tmp_path: Path):
    file = tmp_path / "gate.svg"
    file.write_text("mine")
    assert cli("diagram", study.root, gate.feature, "-o", file).code == 1
    assert file.read_text() == "mine"
    assert cli("diagram", study.root, gate.feature, "-o", file, "--force").code == 0
    assert "<svg" in file.read_text()


def test_a_diagram_goes_to_stdout(cli: Cli, study: Study, gate: Gate):
    ran = cli("diagram", study.root, gate.feature, "-o", "-", "--format", "dot")
    assert ran.out.startswith("digraph")
    assert ran.err == ""


@pytest.mark.parametrize("form", ["graphml", "node-link", "cytoscape", "csv", "parquet", "json"])
def test_every_export_writes_the_files_it_names(cli: Cli, study: Study, tmp_path: Path, form: str):
    ran = cli("export", study.root, "-o", tmp_path / "g.out", "--format", form)
    assert ran.code == 0
    assert sorted(map(str, tmp_path.iterdir())) == sorted(ran.out.splitlines())
    again = cli("export", study.root, "-o", tmp_path / "g.out", "--format", form)
    assert (again.code, again.out) == (1, "")


def test_an_export_holds_every_edge(cli: Cli, study: Study):
    lines = cli("export", study.root, "-o", "-", "--format", "csv").out.splitlines()
    assert len(lines) == 1 + load_graph(study).edge_count
    root = ElementTree.fromstring(cli("export", study.root, "-o", "-", "--format", "graphml").out)
    assert len(root.findall(".//{*}edge")) == load_graph(study).edge_count


def test_verify_on_held_out_data_repeats_the_extracted_numbers(cli: Cli, study: Study):
    final = cli("verify", study.root, "--json").document["metrics"]["variants"][-1]
    stored = load_metrics(study, FIDELITY).variants[-1]
    assert final["accuracy"] == pytest.approx(stored.accuracy)
    assert final["agreement"] == pytest.approx(stored.agreement)


def test_verify_fails_below_a_minimum_and_still_prints_its_numbers(cli: Cli, study: Study):
    assert cli("verify", study.root, "--min-accuracy", 0.01, "--min-agreement", 0.01).code == 0
    ran = cli("verify", study.root, "--split", "test", "--min-accuracy", 0.999, "-q", "--json")
    assert ran.code == 3
    assert ran.document["split"] == "test"
    assert ran.err.startswith("error: check failed on test: accuracy 0.")
    assert ran.err.count("\n") == 1


def test_inspect_reads_shapes_from_headers_alone(cli: Cli, study: Study, tmp_path: Path):
    document = cli("inspect", study.root / "saes" / "hidden.1", "--json").document
    assert document["what"] == "sparse autoencoder"
    assert document["tensors"]["W_enc"]["shape"] == [24, 48]
    broken = tmp_path / "x.safetensors"
    for content in (b"", b"\xff" * 16, (12).to_bytes(8, "little") + b'{"a": [1, 2]'):
        broken.write_bytes(content)
        with pytest.raises(DataError, match="damaged"):
            tensor_headers(broken)


def test_inspect_gives_a_numbered_series_of_tensors_one_line(cli: Cli, study: Study):
    folder = study.root / "connectors" / "hidden.0__hidden.1"
    names = cli("inspect", folder, "--json").document["tensors"]
    epochs = sorted(name for name in names if name.startswith("epoch_"))
    lines = [line for line in cli("inspect", folder).out.splitlines() if "epoch_" in line]
    assert len(epochs) > 2
    assert [line.split("  ")[0] for line in lines] == [f"tensors {epochs[0]} … {epochs[-1]}"]
    assert lines[0].endswith(f"{len(epochs)} × F32 [48, 48]")


def test_the_report_lands_where_it_says(cli: Cli, study: Study, tmp_path: Path):
    ran = cli("report", study.root, "-o", tmp_path / "pages", "--format", "md")
    assert ran.code == 0
    (page,) = ran.out.splitlines()
    assert Path(page).read_text(encoding="utf-8").strip()
    assert cli("report", study.root, "-o", tmp_path / "pages", "--format", "md").code == 1
