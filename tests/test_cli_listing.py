"""What a listing looks like in every format, what a pipe gets, and that foreign text stays text."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from cli_runs import Cli

from circuitlogic.cli.console import Streams
from circuitlogic.cli.documents import plain
from circuitlogic.cli.listing import Listing, write_listing
from circuitlogic.cli.options import Output
from circuitlogic.errors import ConfigError

HOSTILE = '=cmd|"x"\x1b[31m\n\t</td>`[link](javascript:1)`\u202e'
ROWS = [
    {"name": "b", "score": 0.25, "many": 3, "sure": True},
    {"name": HOSTILE, "score": float("nan"), "many": 7, "sure": False},
    {"name": "a", "score": 0.5, "many": None, "sure": None},
]
LISTING = Listing("test", ("name", "score", "many", "sure"), ROWS, about={"about": "x"})


def _written(capsys: pytest.CaptureFixture[str], **options: object) -> str:
    write_listing(LISTING, Output(**options))  # pyright: ignore[reportArgumentType]
    return capsys.readouterr().out


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stdout is a terminal of 80 columns."""
    monkeypatch.setattr(Streams, "interactive", property(lambda _: True))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def _unstyled(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_pipe_gets_tsv_with_one_line_per_row(capsys: pytest.CaptureFixture[str]):
    header, *lines = _written(capsys).splitlines()
    assert header == "name\tscore\tmany\tsure"
    assert lines[0] == "b\t0.25\t3\ttrue"
    assert lines[2] == "a\t0.5\t\t"
    assert all(line.count("\t") == 3 for line in lines)
    assert len(lines) == 3


def test_json_is_one_document_with_null_for_nan_and_text_unchanged(capsys: pytest.CaptureFixture[str]):
    document = json.loads(_written(capsys, json=True), parse_constant=pytest.fail)
    assert document["schema"] == "circuitlogic/test/1"
    assert document["about"] == "x"
    assert document["hidden"] == 0
    assert document["rows"][1] == {"name": HOSTILE, "score": None, "many": 7, "sure": False}


def test_jsonl_is_one_object_per_row(capsys: pytest.CaptureFixture[str]):
    lines = _written(capsys, format="jsonl").splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["b", HOSTILE, "a"]


def test_csv_reads_back_and_never_starts_a_formula(capsys: pytest.CaptureFixture[str]):
    rows = list(csv.reader(io.StringIO(_written(capsys, format="csv"), newline="")))
    assert rows[0] == ["name", "score", "many", "sure"]
    assert rows[2] == [f"'{HOSTILE}", "", "7", "false"]


def test_markdown_cells_hold_no_markup(capsys: pytest.CaptureFixture[str]):
    lines = _written(capsys, format="md").splitlines()
    assert len(lines) == 5
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in lines)
    assert "</td>" not in lines[3]
    assert "](" not in lines[3].replace(r"\](", "")


@pytest.mark.parametrize("form", ["table", "tsv", "md"])
def test_control_characters_never_reach_a_terminal(capsys: pytest.CaptureFixture[str], form: str):
    out = _written(capsys, format=form)
    assert "\x1b" not in out
    assert "\u202e" not in out


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_a_table_that_fits(capsys: pytest.CaptureFixture[str]):
    out = _written(capsys, no_color=True)
    assert "─" in out
    assert max(map(len, _unstyled(out).splitlines())) <= 80
    assert "–" in out, "a missing value is a dash"


@pytest.mark.parametrize(
    ("sort", "names"),
    [("name", [HOSTILE, "a", "b"]), ("score", ["b", "a", HOSTILE]), ("-score", ["a", "b", HOSTILE])],
)
def test_sorting_puts_missing_values_last(capsys: pytest.CaptureFixture[str], sort: str, names: list[str]):
    lines = _written(capsys, format="jsonl", sort=sort).splitlines()
    assert [json.loads(line)["name"] for line in lines] == names


def test_a_limit_says_what_it_hides(capsys: pytest.CaptureFixture[str]):
    write_listing(LISTING, Output(format="tsv", limit=1))
    streams = capsys.readouterr()
    assert streams.out.count("\n") == 2
    assert streams.err == "2 more hidden by --limit 1\n"
    write_listing(LISTING, Output(format="tsv", limit=1, quiet=True))
    assert capsys.readouterr().err == ""


def test_columns_are_chosen_and_ordered(capsys: pytest.CaptureFixture[str]):
    assert _written(capsys, columns="many, name").splitlines()[0] == "many\tname"
    with pytest.raises(ConfigError, match="did you mean score"):
        write_listing(LISTING, Output(columns="scor"))


def test_plain_values_lose_every_kind_of_infinity():
    assert plain({"a": (float("inf"), [float("nan")], 1.5)}) == {"a": [None, [None], 1.5]}


@pytest.mark.usefixtures("terminal")
def test_no_color_keeps_escape_codes_out(
    capsys: pytest.CaptureFixture[str], small_study_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    cli = Cli(capsys)
    coloured = cli("show", small_study_folder)
    assert "\x1b[" in coloured.out
    asked = cli("show", small_study_folder, "--no-color")
    monkeypatch.setenv("NO_COLOR", "1")
    for out in (asked.out, cli("show", small_study_folder).out):
        assert "Feature network" in out
        assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", out)


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_the_whole_study_within_80_columns(
    capsys: pytest.CaptureFixture[str], small_study_folder: Path
):
    ran = Cli(capsys)("show", small_study_folder, "--limit", 3, "--no-color")
    assert ran.code == 0
    text = _unstyled(ran.out)
    assert "Feature network" in text
    assert max(map(len, text.splitlines())) <= 80


def test_names_stay_whole_and_a_narrow_terminal_goes_without_spare_columns(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "gpt_neox.layers.2.mlp.out/1153"
    row = {"feature": name, "label": "a " * 12, "formula": "one AND " * 9, "f1": 0.97, "note": "n" * 30}
    listing = Listing("test", tuple(row), [row], spare=("label", "note"))
    write_listing(listing, Output())
    out = capsys.readouterr().out
    assert name in out
    assert "0.97" in out
    assert "not shown at this width: label, note" in out
    write_listing(listing, Output(columns="feature,note"))
    assert "n" * 30 in capsys.readouterr().out
