"""The Markdown report: links that lead somewhere, text that means nothing to the renderer, no raw HTML."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuitlogic.registry import Registry
from circuitlogic.report import markdown
from circuitlogic.report.definitions import DEFINITIONS
from circuitlogic.report.gate_rows import gate_rows
from circuitlogic.report.markdown import write_markdown
from circuitlogic.report.markdown_text import code, plain, table, term
from circuitlogic.report.rows import StudyView
from circuitlogic.report.view import study_view
from circuitlogic.stages.extracted import load_gates
from circuitlogic.study import Study

HOSTILE = "<script>alert(1)</script> | [x](javascript:alert(2)) `code` ![i](http://x) **b** $x$ \n# head"


@pytest.fixture(scope="module")
def study(small_study_folder: Path) -> Study:
    return Study.open(small_study_folder)


@pytest.fixture(scope="module")
def view(study: Study) -> StudyView:
    return study_view(study)


@pytest.fixture(scope="module")
def folder(view: StudyView, study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("markdown")
    write_markdown(view, study, found)
    return found


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_links_lead_somewhere(folder: Path) -> None:
    text = (folder / "report.md").read_text()
    anchors = {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
    links = re.findall(r"\]\(([^)]*)\)", text)
    assert links
    for link in links:
        assert link[1:] in anchors if link.startswith("#") else (folder / link).is_file()
    drawn = {f"img/{path.name}" for path in (folder / "img").iterdir()}
    assert drawn <= set(links)
    assert any(name.endswith(".gif") for name in drawn)
    assert sum(name.endswith(".svg") for name in drawn) > 2


def test_every_definition_can_be_linked() -> None:
    assert len({one.anchor for one in DEFINITIONS}) == len(DEFINITIONS)
    assert term("fvu", "FVU") == "[FVU](#definition-fvu)"
    with pytest.raises(KeyError):
        term("fuv", "FVU")


def test_tables_have_as_many_cells_as_heads(folder: Path) -> None:
    lines = (folder / "report.md").read_text().splitlines()
    for i, line in enumerate(lines):
        if line.startswith("| ---"):
            width = line.count("|")
            rows = [lines[i - 1]]
            for row in lines[i + 1 :]:
                if not row.startswith("|"):
                    break
                rows.append(row)
            assert all(len(re.findall(r"(?<!\\)\|", row)) == width for row in rows)


def test_the_same_study_gives_the_same_bytes(
    view: StudyView, study: Study, folder: Path, tmp_path: Path
) -> None:
    write_markdown(view, study, tmp_path)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert all((folder / file).read_bytes() == (tmp_path / file).read_bytes() for file in files)


def test_hostile_labels_are_text(
    monkeypatch: pytest.MonkeyPatch, view: StudyView, study: Study, tmp_path: Path
) -> None:
    gates = load_gates(study)
    features = {f for g in gates for f in (g.feature, *(i.feature for i in g.inputs))}
    labels = dict.fromkeys(features, HOSTILE)
    monkeypatch.setattr(markdown, "connector_frames", lambda *_: {})
    path = write_markdown(replace(view, gates=gate_rows(gates, labels), labels=labels), study, tmp_path)
    text = path.read_text()
    without_code = re.sub(r"`[^`\n]*`", "", text)
    assert not re.search(r"(?<!\\)<", without_code)
    assert not re.search(r"(?<!\\)\]\((?:javascript|http)", without_code)
    assert not re.search(r"^# head", text, re.MULTILINE)
    assert r"\<script\>" in without_code


@given(st.text(max_size=60))
def test_plain_text_leaves_no_character_with_a_meaning(text: str) -> None:
    escaped = plain(text)
    assert "\n" not in escaped
    assert not re.search(r"[`*_{}\[\]<>#|~$&!@]", re.sub(r"\\.", "", escaped))


@given(st.text(max_size=60))
def test_code_spans_cannot_be_left(text: str) -> None:
    span = code(text)
    assert "`" not in span[1:-1]
    assert not re.search(r"(?<!\\)\|", span)


def test_a_table_aligns_numbers_right() -> None:
    assert table(("a", "b"), [("x", "1")]) == ["| a | b |", "| --- | ---: |", "| x | 1 |", ""]


def test_without_a_layout_engine_there_are_no_diagrams(
    monkeypatch: pytest.MonkeyPatch, view: StudyView, study: Study, tmp_path: Path
) -> None:
    monkeypatch.setattr("circuitlogic.render.engines._ENGINES", Registry("layout engine"))
    monkeypatch.setattr(markdown, "connector_frames", lambda *_: {})
    text = write_markdown(view, study, tmp_path).read_text()
    assert "no layout engine is installed" in text
    assert not list((tmp_path / "img").glob("*.svg"))
