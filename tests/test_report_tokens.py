"""What a report of a language model says of the current token alone, and where the original stands."""

from dataclasses import replace
from pathlib import Path

import pytest
from report_gates import LABELS, OF30, OF505, of30, of505

from circuitlogic.report.caveats import with_caveats
from circuitlogic.report.columns import gate_numbers
from circuitlogic.report.gate_rows import best_first, gate_rows, sorted_gates
from circuitlogic.report.html import html_report
from circuitlogic.report.network_lines import network_lines
from circuitlogic.report.rows import StudyView, VariantRow
from circuitlogic.report.tables import gate_table
from circuitlogic.report.tiles import tiles
from circuitlogic.report.view import study_view
from circuitlogic.study import Study
from circuitlogic.verify.scores import ORIGINAL

NAMES = (
    "SAE of the output only",
    ORIGINAL,
    "SAE of the output only, before tuning",
    "connector, thresholded, before tuning",
    "zero ablation",
    "connector",
    "connector, thresholded",
)
"""As a splice test writes them."""


@pytest.fixture(scope="module")
def study(small_study_folder: Path) -> Study:
    return Study.open(small_study_folder)


@pytest.fixture(scope="module")
def view(study: Study) -> StudyView:
    """A study whose gates and substitutes are those of a language model."""
    view = study_view(study)
    final = view.variants[-1].scores
    variants = tuple(
        VariantRow(
            name,
            "thresholded" in name,
            replace(
                final, variant=name, edges=(7,) if "connector" in name else (), accuracy=0.5 + place / 100
            ),
        )
        for place, name in enumerate(NAMES)
    )
    gates = tuple(replace(row, token_f1=0.9 if row.gate.evidence else None) for row in view.gates)
    return with_caveats(replace(view, header=replace(view.header, scores=()), variants=variants, gates=gates))


def test_a_formula_that_the_token_alone_equals_stands_behind_the_others() -> None:
    former, said = of30(), of505()
    assert former.evidence is not None
    assert said.evidence is not None
    plain = sorted_gates(gate_rows([former, said], LABELS))
    best, other = (row.gate.feature for row in plain)
    lists = sorted_gates(gate_rows([former, said], LABELS, {best: 0.99, other: 0.1}))
    assert [row.gate.feature for row in lists] == [other, best]
    assert [row.is_word_list for row in lists] == [False, True]
    assert {best, other} == {OF30, OF505}
    assert not any(row.is_word_list for row in plain)
    assert "token" in best_first(lists)
    assert "token" not in best_first(plain)


def test_the_token_has_a_column_where_there_are_tokens() -> None:
    plain, speaks = (gate_rows([of30()], LABELS, known) for known in ({}, {OF30: 0.31}))
    assert "token" not in [column.title for column in gate_numbers(plain)]
    assert "token" in [column.title for column in gate_numbers(speaks)]
    assert any("token" in note for note in gate_table(speaks).notes)
    assert not any("token" in note for note in gate_table(plain).notes)
    narrow = [gate_table(speaks).columns[place].title for place in gate_table(speaks).fitting(70)]
    assert {"F1", "token"} <= set(narrow)


def test_the_substitutes_stand_between_the_original_and_the_graph(view: StudyView) -> None:
    lines = network_lines(view)
    assert [line.name for line in lines] == [
        ORIGINAL,
        "zero ablation",
        "SAE of the output only, before tuning",
        "SAE of the output only",
        "connector",
        "connector, thresholded, before tuning",
        "connector, thresholded",
    ]
    assert [line.thresholded for line in lines] == ["", "", "", "", "before", "after", "after"]
    assert lines[-1].is_final


def test_each_stretch_keeps_its_own_lines_together(view: StudyView) -> None:
    names = (
        f"b: {NAMES[0]}",
        ORIGINAL,
        "a: connector",
        "b: zero ablation",
        "a: zero ablation",
        "all: connector",
    )
    rows = tuple(replace(view.variants[-1], name=name) for name in names)
    assert [line.name for line in network_lines(replace(view, variants=rows))] == [
        ORIGINAL,
        "b: zero ablation",
        f"b: {NAMES[0]}",
        "a: zero ablation",
        "a: connector",
        "all: connector",
    ]


def test_the_page_says_what_the_original_reaches_and_how_many_formulas_use_context(
    view: StudyView, study: Study
) -> None:
    fidelity = next(tile for tile in tiles(view) if tile.name == "Fidelity")
    assert fidelity.anchor == "loss-recovered"
    assert "original 51.0 %" in fidelity.meaning
    assert any("against 51.0 %" in caveat for caveat in view.caveats)
    claimed = [row for row in view.gates if row.claims]
    context = sum(not row.is_word_list for row in claimed)
    assert any(f"{context} of {len(claimed)} formulas use context" in caveat for caveat in view.caveats)
    page = html_report(view, study, budget=0)
    assert "#def-token" in page
    assert "stand behind the others" in page


def test_a_page_that_lists_only_the_best_gates_says_so(
    view: StudyView, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circuitlogic.report.html.MAX_ROWS", 3)
    assert f'role="status">3 of {len(view.gates)} gates<' in html_report(view, study, budget=0)
