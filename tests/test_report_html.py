"""The HTML report: one inert, self-contained, reproducible page; and how a report reaches its folder."""

import base64
import hashlib
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_gates import LABELS, evidence, gate, of505

from circuitlogic.errors import StudyError, UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import literals_of
from circuitlogic.registry import Registry
from circuitlogic.report import html, write
from circuitlogic.report.caveats import with_caveats
from circuitlogic.report.diagrams import cone_roots, gate_picture, logic_cone, slim, svg_or_nothing
from circuitlogic.report.gate_rows import gate_rows
from circuitlogic.report.html import html_report
from circuitlogic.report.rows import StudyView
from circuitlogic.report.view import study_view
from circuitlogic.report.write import write_report
from circuitlogic.stages.extracted import load_gates
from circuitlogic.study import Study

ROOM = 400_000
"""Bytes for a page of some cards, so that tests stay quick."""
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "javascript:alert(3)",
    "' onmouseover='alert(4)",
    "</style><style>*{display:none}",
    "{{ 7 * 7 }}{% raw %}",
    "<!-- --><svg onload=alert(5)>",
)


class Parsed(HTMLParser):
    """Tags and attributes as a browser would see them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, found, value in self.attributes if found == name]


@pytest.fixture(scope="module")
def study(small_study_folder: Path) -> Study:
    return Study.open(small_study_folder)


@pytest.fixture(scope="module")
def view(study: Study) -> StudyView:
    return study_view(study)


@pytest.fixture(scope="module")
def page(view: StudyView, study: Study) -> str:
    return html_report(view, study, budget=ROOM)


def labelled(view: StudyView, study: Study) -> StudyView:
    """The view with every feature of every gate called something hostile."""
    gates = load_gates(study)
    features = sorted({f for g in gates for f in (g.feature, *(i.feature for i in g.inputs))})
    labels = {feature: HOSTILE[i % len(HOSTILE)] for i, feature in enumerate(features)}
    return replace(view, gates=gate_rows(gates, labels), labels=labels)


def test_the_page_asks_nobody_for_anything(page: str) -> None:
    parsed = Parsed(page)
    assert set(parsed.values("src")) <= {
        uri for uri in parsed.values("src") if uri.startswith("data:image/png")
    }
    assert all(href.startswith("#") for href in parsed.values("href"))
    assert set(re.findall(r"https?://[^\s\"'<>)]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in page
    assert all(uri.startswith("data:") for uri in re.findall(r"url\(([^)]*)\)", page))
    assert not parsed.tags["link"]
    assert not parsed.tags["iframe"]


def test_only_the_pages_own_script_may_run(page: str) -> None:
    script = page[page.rindex("<script>") + len("<script>") : page.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page
    assert page.index("Content-Security-Policy") < page.index("<style>")
    assert "unsafe-eval" not in page


def test_every_link_has_a_target_and_every_id_is_unique(page: str) -> None:
    parsed = Parsed(page)
    ids = Counter(parsed.values("id"))
    assert max(ids.values()) == 1
    assert {href[1:] for href in parsed.values("href")} <= set(ids)


def test_the_numbers_are_there_with_their_meaning(page: str, view: StudyView) -> None:
    assert view.final is not None
    assert f"{view.final.edges:,}" in page
    assert f"{100 * view.final.scores.accuracy:.1f}\N{NO-BREAK SPACE}%" in page
    assert "after thresholding" in page
    assert "Held out" in page
    for command in view.header.commands:
        assert command in page
    assert page.count('<tr data-kind="') == len(view.gates)


def test_the_page_is_the_same_every_time(page: str, view: StudyView, study: Study) -> None:
    assert html_report(view, study, budget=ROOM) == page


def test_a_budget_bounds_the_page_and_the_page_says_so(view: StudyView, study: Study, page: str) -> None:
    assert len(page.encode()) <= ROOM + 2_000
    bare = html_report(view, study, budget=0)
    assert 'details class="card"' not in bare
    assert f"0 of {len(view.gates)} gates" in " ".join(bare.split())
    assert "gates/gates.json" in bare
    assert page.count('details class="card"') > 2


def test_hostile_labels_are_inert(view: StudyView, study: Study, page: str) -> None:
    hostile = html_report(labelled(view, study), study, budget=10**6)
    parsed = Parsed(hostile)
    assert parsed.tags["script"] == 1
    assert parsed.tags["style"] == 1
    assert not any(name.startswith("on") for _, name, _ in parsed.attributes)
    assert parsed.tags["img"] == Parsed(page).tags["img"]
    assert all(href.startswith("#") for href in parsed.values("href"))
    assert any("<script>alert(1)" in text for text in parsed.texts)
    assert "{{ 7 * 7 }}" in "".join(parsed.texts)


def test_without_a_layout_engine_the_page_has_tables_only(
    monkeypatch: pytest.MonkeyPatch, view: StudyView, study: Study
) -> None:
    monkeypatch.setattr("circuitlogic.render.engines._ENGINES", Registry("layout engine"))
    bare = html_report(view, study, budget=ROOM)
    assert 'class="diagram"' not in bare
    assert bare.count('details class="card"') > 2


def test_pictures_of_a_feature_are_embedded_once(page: str) -> None:
    rules = re.findall(r"^\.(x\d+)\{", page, re.MULTILINE)
    assert rules
    assert len(rules) == len(set(rules))
    assert set(re.findall(r'class="px e (x\d+)"', page)) <= set(rules)


def test_a_study_that_is_not_extracted_has_no_page(view: StudyView, study: Study) -> None:
    before = replace(view, header=replace(view.header, threshold=None), variants=(), gates=())
    with pytest.raises(StudyError, match="circuitlogic extract"):
        html_report(before, study)


def test_a_network_nobody_has_scored_has_a_page(view: StudyView, study: Study) -> None:
    unscored = with_caveats(replace(view, header=replace(view.header, scores=())))
    text = html_report(unscored, study, budget=0)
    assert "original –" in text
    assert "is not the original" not in text


def test_slimming_leaves_words_alone() -> None:
    label = 'd="1.234" of 12.50 x="9.87"'
    found = slim(svg_or_nothing(gate_picture(of505(), {**LABELS, of505().feature: label}), "weights 0.68"))
    assert "+0.68" in found
    assert "12.50" in found
    assert "1.234" in found
    assert "<title>weights 0.68</title>" in found
    assert ' id="' not in found
    assert not re.search(r' d="[^"]*\.\d', found)


def test_the_logic_cone_follows_formulas_and_nothing_else() -> None:
    top, middle, other, unread = (FeatureId("c", 0), FeatureId("b", 0), FeatureId("b", 1), FeatureId("b", 2))
    low = FeatureId("a", 0)
    base = of505()
    assert base.formula is not None
    positive, negative = (literal.feature for literal in literals_of(base.formula))
    gates = {
        top: gate(top, "and-not", base.formula, {positive: 0.7, negative: -0.2, unread: 0.1}, evidence()),
        positive: gate(positive, "unexplained", None, {low: 0.4}, evidence(0.2)),
        middle: gate(middle, "copy", base.formula, {low: 1.0}, evidence()),
        other: gate(other, "graded", None, {low: 1.0}, evidence()),
    }
    cone = logic_cone(top, gates)
    assert [node.feature for node in cone.nodes] == [top, positive, negative]
    assert [(edge.source, edge.target, edge.weight) for edge in cone.edges] == [
        (positive, top, 0.7),
        (negative, top, -0.2),
    ]


def test_cones_are_drawn_of_gates_that_rest_on_other_formulas(view: StudyView) -> None:
    claimed = {row.gate.feature for row in view.gates if row.claims}
    for row in cone_roots(view, 3):
        assert row.gate.formula is not None
        assert claimed & {literal.feature for literal in literals_of(row.gate.formula)}


def test_a_report_replaces_the_old_one_and_leaves_other_files_alone(
    monkeypatch: pytest.MonkeyPatch, study: Study, tmp_path: Path
) -> None:
    monkeypatch.setattr(html, "BUDGET", ROOM)
    folder = tmp_path / "report"
    (folder / "img").mkdir(parents=True)
    (folder / "img" / "old.png").write_bytes(b"old")
    (folder / "notes.txt").write_text("mine")
    (folder / "index.html").write_text("old")
    written = write_report(study, folder)
    assert written == (folder / "index.html", folder / "report.md")
    assert all(path.stat().st_size > 10_000 for path in written)
    assert (folder / "notes.txt").read_text() == "mine"
    assert not (folder / "img" / "old.png").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_report_that_fails_leaves_the_old_one(
    monkeypatch: pytest.MonkeyPatch, study: Study, tmp_path: Path
) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "index.html").write_text("old")

    def fails(*_: object) -> Path:
        raise StudyError("broken on purpose")

    formats = Registry("report format", {"html": write.FORMATS["html"], "md": fails})
    monkeypatch.setattr(write, "FORMATS", formats)
    monkeypatch.setattr(html, "BUDGET", 0)
    with pytest.raises(StudyError, match="on purpose"):
        write_report(study, folder)
    assert (folder / "index.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_an_unknown_format_is_refused_before_anything_is_built(study: Study, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="html"):
        write_report(study, tmp_path / "report", ("htm",))
    assert not list(tmp_path.iterdir())


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SORT = "document.querySelector('#gates-table thead tr').cells[4].querySelector('button').click()"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome is installed")
def test_a_browser_runs_the_script_and_sorts(page: str, view: StudyView, tmp_path: Path) -> None:
    script = f"<script>{SORT}</script></body>"
    sorting = re.sub(r"script-src 'sha256-[^']*'", "script-src 'unsafe-inline'", page).replace(
        "</body>", script
    )
    plain, sorted_dom = (_dom(text, tmp_path / name) for text, name in ((page, "a"), (sorting, "b")))
    assert 'data-ready="1"' in plain
    assert f"{len(view.gates)} gates" in plain
    assert re.search(r'<form id="filters" class="filters" aria-label', plain)
    assert 'aria-sort="descending"' in sorted_dom
    fans = [int(fan) for fan in re.findall(r'data-fan="(\d+)"', sorted_dom)]
    assert fans == sorted(fans, reverse=True)
    assert len(fans) == len(view.gates)


def _dom(page: str, folder: Path) -> str:
    """What the page looks like to the browser once its script has run."""
    folder.mkdir()
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --host-resolver-rules=MAP|*|~NOTFOUND --dump-dom"
    )
    command = [str(CHROMIUM), *(f.replace("|", " ") for f in flags.split())]
    command += [f"--user-data-dir={folder / 'profile'}", path.as_uri()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return run.stdout
