"""An empty answer is an answer: exit code 0, one line that says why, and every format stays what it is."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from cli_runs import Cli

from circuitlogic.cli.console import Streams
from circuitlogic.stages.extracted import load_graph
from circuitlogic.study import Study

EMPTY = {
    "show --kind dead --min-f1 1.0": "none of [0-9]+ gates has kind dead, F1 at least 1.0",
    "find --pattern k-of-n --min-f1 1.0": "none of [0-9]+ gates is `k-of-n` with F1 at least 1: ask for less",
    "label": "there is nothing to list",
    "query find --min-fan-in 9999": "no feature has .*",
    "query ancestors hidden.0/0": "hidden.0/0 has no inputs",
    "query descendants hidden.2/0": "hidden.2/0 has no outputs",
    "query neighbors {a} --min-weight 1000": "nothing above 1000.00; strongest [0-9.]+",
    "query path {a} {b} --min-weight 1000": "no path .*",
    "query between {a} {b} --min-weight 1000": "no path .*",
    "query common {b} hidden.0/0": "hidden.0/0 has no inputs",
    "query roots --min-weight 1000": "nothing above 1000.00; strongest [0-9.]+",
    "query leaves --of hidden.2/0": "hidden.2/0 has no outputs",
    "query contributions {b} --min-weight 1000": "no input of {b} passes the filters",
}
"""Command without its study -> the line that says why."""


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture(scope="module")
def ends(small_study_folder: Path) -> dict[str, str]:
    """The ends of an edge into the last site."""
    graph = load_graph(Study.open(small_study_folder))
    edges = ((a, b) for a, b, _ in graph.whole().edge_items() if b.startswith("hidden.2/"))
    return dict(zip("ab", next(edges), strict=True))


def _words(line: str, study: Path, ends: dict[str, str]) -> list[object]:
    command, *rest = line.format(**ends).split()
    return [command, study, *rest]


@pytest.mark.parametrize("line", EMPTY)
@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "tsv", "md", "table"])
def test_an_empty_answer_is_no_failure(
    cli: Cli, small_study_folder: Path, ends: dict[str, str], line: str, form: str
) -> None:
    ran = cli(*_words(line, small_study_folder, ends), "--format", form)
    assert ran.code == 0
    assert re.search(f"^{EMPTY[line].format(**ends)}$", ran.err, re.MULTILINE)
    if form == "json":
        assert ran.document["schema"].startswith("circuitlogic/")
    elif form == "jsonl":
        assert all(json.loads(one)["feature"] in line.format(**ends) for one in ran.out.splitlines())
    elif form in ("csv", "tsv"):
        rows = list(csv.reader(io.StringIO(ran.out), delimiter="," if form == "csv" else "\t"))
        assert rows
        assert {len(row) for row in rows} == {len(rows[0])}
    elif form == "table":
        assert ran.out == ""


@pytest.mark.parametrize("form", ["json", "csv"])
def test_quiet_leaves_only_the_data(cli: Cli, small_study_folder: Path, form: str) -> None:
    ran = cli("show", small_study_folder, "--kind", "dead", "--min-f1", 1.0, "-q", "--format", form)
    assert (ran.code, ran.err) == (0, "")
    if form == "json":
        assert ran.document["rows"] == []
    else:
        assert ran.out.startswith("feature,")
        assert ran.out.count("\n") == 1


def test_a_path_that_is_not_there_has_the_columns_of_one(
    cli: Cli, small_study_folder: Path, ends: dict[str, str]
) -> None:
    asked = ("query", small_study_folder, "path", ends["a"], ends["b"], "-f", "csv")
    assert cli(*asked).out.splitlines()[0] == cli(*asked, "--min-weight", 1000).out.strip()


def test_the_document_says_why_it_is_empty(cli: Cli, small_study_folder: Path) -> None:
    ran = cli("query", small_study_folder, "ancestors", "hidden.0/0", "--json")
    assert ran.document["explanation"] == "hidden.0/0 has no inputs"


def test_a_terminal_gets_the_line_alone(
    cli: Cli, small_study_folder: Path, ends: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Streams, "interactive", property(lambda _: True))
    for line in EMPTY:
        ran = cli(*_words(line, small_study_folder, ends), "--no-color")
        assert (ran.code, ran.out) == (0, ""), line
        assert re.search(EMPTY[line].format(**ends), ran.err)


def test_a_file_with_nothing_in_it_is_not_made(cli: Cli, small_study_folder: Path, tmp_path: Path) -> None:
    page, picture = tmp_path / "gallery.md", tmp_path / "cone.svg"
    none = ("--pattern", "k-of-n", "--min-f1", 1.0)
    assert cli("find", small_study_folder, *none, "--out", page).code == 1
    ran = cli("diagram", small_study_folder, "hidden.2/1", "-o", picture, "--depth", 2, "--min-weight", 1000)
    assert ran.code == 1
    assert list(tmp_path.iterdir()) == []
