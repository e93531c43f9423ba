"""`circuitlogic query` on a finished study: every question in every format, names that help, a light start."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runs import Cli

from circuitlogic.cli.console import Streams
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.stages.extracted import load_gates
from circuitlogic.study import Study


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture(scope="module")
def root(small_study_folder: Path) -> Path:
    return small_study_folder


@pytest.fixture(scope="module")
def graph(root: Path) -> FeatureGraph:
    return Study.open(root).graph


@pytest.fixture(scope="module")
def ends(graph: FeatureGraph) -> tuple[str, str]:
    """A feature of the first site and one of the last that it reaches, both with several edges."""
    for edge in sorted(graph.whole().edge_items(), key=lambda edge: -abs(edge[2]["weight"])):
        if edge[1].startswith("hidden.2/"):
            up = [str(f) for f in graph.ancestors(edge[1]).features if f.site == "hidden.0"]
            if up:
                return up[0], edge[1]
    pytest.fail("no path through the small study")


QUESTIONS = {
    "ancestors": "{b}",
    "descendants": "{a}",
    "neighbors": "{b}",
    "path": "{a} {b} -k 2",
    "between": "{a} {b}",
    "common": "{b} {b}",
    "roots": "",
    "leaves": "--of {a}",
    "find": "--min-fan-in 1",
    "contributions": "{b}",
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "tsv", "md", "table"])
def test_every_question_in_every_format(
    cli: Cli, root: Path, ends: tuple[str, str], question: str, form: str
) -> None:
    words = QUESTIONS[question].format(a=ends[0], b=ends[1]).split()
    ran = cli("query", root, question, *words, "--format", form)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    if form == "json":
        assert ran.document["schema"].startswith("circuitlogic/")
    elif form == "jsonl":
        assert all(isinstance(json.loads(line), dict) for line in lines)
    assert len(lines) >= 1


def test_the_command_line_and_python_answer_alike(
    cli: Cli, root: Path, graph: FeatureGraph, ends: tuple[str, str]
) -> None:
    document = cli(
        "query",
        root,
        "ancestors",
        ends[1],
        "--json",
        "--sign",
        "+",
        "--min-weight",
        0.1,
        "--site",
        "hidden.*",
    ).document
    answer = graph.ancestors(ends[1], sign="+", min_weight=0.1)
    assert {node["feature"] for node in document["nodes"]} == {str(f) for f in answer.features}
    assert len(document["edges"]) == len(answer.edges)


def test_rows_come_nearest_and_strongest_first(cli: Cli, root: Path, ends: tuple[str, str]) -> None:
    nodes = cli("query", root, "ancestors", ends[1], "--json").document["nodes"]
    keys = [(node["depth"], -abs(node["influence"])) for node in nodes]
    assert keys == sorted(keys)
    first = cli(
        "query", root, "ancestors", ends[1], "--limit", 2, "--sort", "-influence", "--format", "jsonl"
    )
    assert len(first.out.splitlines()) == 3
    assert "hidden by --limit 2" in first.err


def test_a_threshold_above_everything_says_what_is_strongest(
    cli: Cli, root: Path, graph: FeatureGraph, ends: tuple[str, str]
) -> None:
    top = max(abs(edge.weight) for edge in graph.edges_into(ends[1]))
    ran = cli("query", root, "ancestors", ends[1], "--min-weight", 40.0)
    assert ran.code == 0
    assert ran.err == f"nothing above 40.00; strongest {top:.2f}\n"


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("hiden.2/3", "did you mean hidden.2/3"),
        ("hidden.2/9999", "has features 0.."),
        ("@nothing like it", "no feature has a label"),
        ("hidden.2", "write SITE/INDEX"),
    ],
)
def test_a_feature_that_does_not_exist_suggests_near_ones(
    cli: Cli, root: Path, given: str, hint: str
) -> None:
    ran = cli("query", root, "ancestors", given)
    assert ran.code in (1, 2)
    assert hint in ran.err
    assert ran.err.count("\n") == 1


def test_labels_that_were_written_down_name_features(cli: Cli, study_copy: Path) -> None:
    for feature, label in (("hidden.2/1", "Round loop"), ("hidden.2/2", "twice"), ("hidden.2/3", "twice")):
        assert cli("label", study_copy, feature, label).code == 0
    asked = cli("query", study_copy, "neighbors", "@round LOOP", "--json").document
    assert asked["starts"] == ["hidden.2/1"]
    assert asked["nodes"][0]["label"] == "Round loop"
    assert "did you mean @Round loop?" in cli("query", study_copy, "neighbors", "@round lop").err
    assert (
        "2 features bear the label 'twice': hidden.2/2, hidden.2/3"
        in cli("query", study_copy, "neighbors", "@twice").err
    )
    (found,) = cli("query", study_copy, "find", "--label", "LOOP", "--json").document["nodes"]
    assert found["feature"] == "hidden.2/1"
    assert '"label": "Round loop"' in cli("export", study_copy, "-o", "-", "--format", "json").out


def test_a_terminal_gets_a_tree_that_fits(
    cli: Cli, root: Path, ends: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Streams, "interactive", property(lambda _: True))
    monkeypatch.setenv("COLUMNS", "80")
    ran = cli("query", root, "ancestors", ends[1], "--no-color")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", ran.out).splitlines()
    assert lines[0].startswith(ends[1])
    assert "├── " in ran.out or "└── " in ran.out
    assert "█" in ran.out
    assert max(map(len, lines)) <= 80


def test_fidelity_is_asked_and_told(cli: Cli, root: Path, graph: FeatureGraph) -> None:
    best = float(max(value for value in graph.nodes.fidelity if value == value))
    rows = cli("query", root, "find", "--min-fidelity", f"{best - 1e-9:.12f}", "--json").document["nodes"]
    assert rows
    assert all(row["fidelity"] >= best - 1e-9 for row in rows)
    if best < 1:
        ran = cli("query", root, "find", "--min-fidelity", 1.0)
        assert f"the best has {best:.2f}" in ran.err


def test_the_graph_is_asked_without_torch(root: Path, ends: tuple[str, str]) -> None:
    code = (
        "import sys; from circuitlogic.cli.entry import main; code = main(sys.argv[1:]); "
        "heavy = {'torch', 'sympy', 'pandas', 'networkx', 'pyarrow', 'numba', 'matplotlib', 'scipy'}; "
        "sys.stderr.write(repr(sorted(heavy & set(sys.modules)))); sys.exit(code)"
    )
    for words in (["query", str(root), "ancestors", ends[1]], ["export", str(root), "-o", "-", "-f", "json"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        assert done.stderr.endswith("[]")


@pytest.mark.parametrize(
    "words",
    [
        ("show", "{root}"),
        ("show", "{root}", "{gate}"),
        ("show", "{root}", "{gate}", "--json"),
        ("show", "{root}", "--format", "csv"),
        ("show", "{root}", "--kind", "{kind}"),
        ("query", "{root}", "find", "--min-fan-in", "1"),
        ("find", "{root}"),
        ("diagram", "{root}", "{gate}", "-o", "-"),
    ],
)
def test_gates_are_shown_without_torch(root: Path, words: tuple[str, ...]) -> None:
    code = (
        "import sys; from circuitlogic.cli.entry import main; code = main(sys.argv[1:]); "
        "sys.stderr.write(repr(sorted({'torch', 'pandas', 'numba'} & set(sys.modules)))); sys.exit(code)"
    )
    gate = load_gates(Study.open(root))[0]
    named = {"root": root, "gate": gate.feature, "kind": gate.kind}
    asked = [word.format(**named) for word in words]
    done = subprocess.run([sys.executable, "-c", code, *asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr.endswith("[]")


@pytest.mark.parametrize(
    "words",
    [
        "inspect {empty}",
        "inspect {root}/connectors/hidden.0__hidden.1",
        "sweep {root} --edges abc",
        "sweep {empty}",
        "verify {empty}",
        "extract {empty}",
        "report {empty} --format md",
    ],
)
def test_a_cheap_refusal_does_not_wait_for_torch(root: Path, tmp_path: Path, words: str) -> None:
    code = (
        "import sys; from circuitlogic.cli.entry import main; code = main(sys.argv[1:]); "
        "sys.stderr.write(repr(sorted({'torch', 'numba', 'matplotlib'} & set(sys.modules))))"
    )
    asked = words.format(root=root, empty=tmp_path).split()
    done = subprocess.run([sys.executable, "-c", code, *asked], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("[]")


@pytest.mark.parametrize("form", ["json", "graphml", "cytoscape", "node-link", "neuronpedia", "parquet"])
def test_an_export_can_be_checked(cli: Cli, root: Path, tmp_path: Path, form: str) -> None:
    ran = cli("export", root, "-o", tmp_path / "g.out", "--format", form, "--check")
    assert ran.code == 0
    assert "read back: the same graph" in ran.err


def test_a_check_says_what_is_lost(
    cli: Cli, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circuitlogic.graph.comparison.differences", lambda *_: ("label",))
    ran = cli("export", root, "-o", tmp_path / "g.graphml", "--format", "graphml", "--check")
    assert ran.code == 3
    assert ran.err.endswith("g.graphml does not carry label\n")


@pytest.mark.parametrize("form", ["csv", "dot"])
def test_a_format_that_cannot_carry_a_graph_is_not_checked(
    cli: Cli, root: Path, tmp_path: Path, form: str
) -> None:
    ran = cli("export", root, "-o", tmp_path / "g.out", "--format", form, "--check")
    assert (ran.code, ran.out, list(tmp_path.iterdir())) == (2, "", [])
    assert f"{form} cannot carry a whole graph; these can be checked: json, graphml" in ran.err
