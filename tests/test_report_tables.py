"""Tables in the terminal: they fit, say what they leave out, and take foreign text as text."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_gates import LABELS, OF505, SAID, evidence, gate, of30, of505
from rich.cells import cell_len
from rich.console import Console, RenderableType

from circuitlogic.errors import ConfigError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import Literal
from circuitlogic.report.examples import ExampleBook, FeatureExamples
from circuitlogic.report.fitting import Column, FittingTable, cells
from circuitlogic.report.gate_panel import gate_panel
from circuitlogic.report.gate_rows import gate_rows
from circuitlogic.report.tables import gate_table, study_tables
from circuitlogic.report.view import study_view
from circuitlogic.study import Study


def shown(part: RenderableType, width: int, color: bool = False) -> str:
    target = io.StringIO()
    Console(
        file=target, width=width, force_terminal=color, color_system="truecolor" if color else None
    ).print(part)
    return target.getvalue()


def test_columns_go_by_importance_and_are_named() -> None:
    table = FittingTable(
        "T",
        (Column("name", right=False), Column("much"), Column("less", 1), Column("least", 2)),
        (cells("abc", "1234567890", "1234567890", "1234567890"),),
    )
    assert "not shown" not in shown(table, 80)
    assert "not shown at this width: least" in shown(table, 30)
    narrow = shown(table, 18)
    assert "not shown at this width: less, least" in " ".join(narrow.split())
    assert "1234567890" in narrow


@given(
    width=st.integers(12, 160),
    texts=st.lists(st.text("ab c", min_size=1, max_size=30), min_size=1, max_size=4),
)
def test_no_width_cuts_a_number_or_a_word_silently(width: int, texts: list[str]) -> None:
    table = FittingTable(
        "T",
        (
            Column("feature", right=False),
            Column("words", right=False, least=8),
            Column("n", 1),
            Column("m", 2),
        ),
        tuple(cells(f"x/{i}", text, "12345", "0.25") for i, text in enumerate(texts)),
    )
    out = shown(table, width)
    assert "…" not in out
    assert sum(c in "ab" for c in out.split("not shown")[0] if c in "ab") >= sum(
        c in "ab" for t in texts for c in t
    )
    assert all(cell_len(line) <= width for line in out.splitlines())


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_whole_study_fits_and_says_what_it_leaves_out(small_study_folder: Path, width: int) -> None:
    view = study_view(Study.open(small_study_folder))
    out = "".join(shown(part, width) for part in study_tables(view, limit=3))
    assert all(cell_len(line) <= width for line in out.splitlines())
    assert f"3 of {len(view.gates)} gates, by evidence" in out
    assert "…" not in out
    for heading in ("Sparse autoencoders", "Connectors", "Feature network", "Gate kinds", "Caveats"):
        assert heading in out
    assert "after thresholding" in " ".join(out.split())
    assert view.final is not None
    assert f"{view.final.edges:,}" in out


def test_all_gates_without_a_limit() -> None:
    rows = gate_rows([of30(), of505()], {})
    assert "--limit" not in shown(gate_table(rows, None), 120)
    assert "1 of 2 gates, by evidence: `circuitlogic show STUDY --limit 2`" in shown(gate_table(rows, 1), 120)
    assert "_high: above the median" in shown(gate_table(rows, 1), 120)
    with pytest.raises(ConfigError, match="-2"):
        gate_table(rows, -2)


HOSTILE = "[bold red]x[/] \x1b[31m \u202eevil\n`<script>`"


def test_foreign_labels_are_text() -> None:
    labels = {**LABELS, SAID: HOSTILE}
    for part in (gate_table(gate_rows([of505()], labels)), gate_panel(of505(), labels)):
        out = shown(part, 160)
        assert "[bold red]x[/]" in out
        assert "\x1b" not in out
        assert "\u202e" not in out


@pytest.mark.parametrize("width", [80, 120])
def test_a_panel_says_all_about_a_gate(width: int) -> None:
    out = shown(gate_panel(of505(), LABELS), width)
    words = " ".join(out.replace("│", " ").split())
    assert "said AND NOT «said after quotes»" in words
    assert "0.68 said - 0.21 «said after quotes»" in words
    assert "0.82 (0.78–0.85)" in words.replace("\N{NO-BREAK SPACE}", " ")
    assert "2,000 samples, 200 firings" in words
    assert "runner-up said (copy, train F1 0.70)" in words
    assert "«said after quotes» implies said: it fires only where said does" in words
    assert "−0.21" in words
    assert all(cell_len(line) <= width for line in out.splitlines())


def test_a_panel_counts_what_it_leaves_out() -> None:
    weights = {FeatureId("a", i): 0.5 - i / 100 for i in range(40)}
    out = shown(gate_panel(gate(OF505, "unexplained", None, weights, evidence(0.3)), {}, max_inputs=5), 100)
    assert "35 weaker inputs not shown" in out
    assert "Evidence for the rejected formula" in out
    read = gate(OF505, "copy", Literal(FeatureId("a", 39)), weights, evidence(0.9))
    assert "35 inputs outside the formula not shown" in shown(gate_panel(read, {}, max_inputs=5), 100)


def test_a_gate_without_evidence_or_inputs_has_a_panel() -> None:
    out = shown(gate_panel(gate(OF505, "insufficient", None, {}), {}), 80)
    assert "fires too seldom" in out


def test_pictures_need_colours_and_come_with_their_activations() -> None:
    images = np.arange(3 * 5 * 4, dtype=np.uint8).reshape(3, 5, 4)
    pictures = FeatureExamples(images, np.array([3.0, 2.5, 0.5], np.float32), np.arange(3), images[0])
    out = shown(gate_panel(of505(), LABELS, pictures), 80, color=True)
    assert out.count("▀") == 4 * 4 * 3
    plain = shown(gate_panel(of505(), LABELS, pictures), 80)
    assert "▀" not in plain
    assert "optimised, 3.00, 2.50, 0.50" in plain


def test_examples_come_from_the_study_and_hold_no_empty_places(small_study_folder: Path) -> None:
    study = Study.open(small_study_folder)
    site = study_view(study).header.sites[-1]
    book = ExampleBook(study)
    found = [book.of(FeatureId(site, index)) for index in range(8)]
    assert any(one is not None and len(one.values) for one in found)
    assert all((one.values > 0).all() and len(one.images) == len(one.values) for one in found if one)
    assert book.of(FeatureId(site, 10**6)) is None
    assert book.of(FeatureId("nowhere", 0)) is None


def test_kinds_without_a_formula_show_words_instead() -> None:
    rows = gate_rows(
        [gate(OF505, "unexplained", None, {SAID: 0.3}, replace(evidence(0.3), ceiling_f1=0.41))], {}
    )
    assert "not explained by its inputs" in " ".join(shown(gate_table(rows), 120).split())
