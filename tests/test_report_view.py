"""The view of a study: its numbers are the artefacts' own, its sentences follow from them."""

from dataclasses import replace
from pathlib import Path

import pytest
from report_gates import LABELS, OF30, OF505, evidence, gate, of30, of505

from circuitlogic.errors import ConfigError, StudyError, UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import Literal
from circuitlogic.report.caveats import unexplained_share, with_caveats
from circuitlogic.report.flags import flag_text
from circuitlogic.report.gate_rows import best_across_kinds, gate_row, gate_rows, kind_rows, sorted_gates
from circuitlogic.report.numbers import NONE, share, small, weight
from circuitlogic.report.rows import StudyView
from circuitlogic.report.tiles import tiles
from circuitlogic.report.view import study_view
from circuitlogic.stages.dictionaries import load_sae_metrics
from circuitlogic.stages.extracted import load_gates, load_graph
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study


@pytest.fixture(scope="module")
def view(small_study_folder: Path) -> StudyView:
    return study_view(Study.open(small_study_folder))


def test_numbers_are_the_artefacts_own(view: StudyView, small_study_folder: Path) -> None:
    study = Study.open(small_study_folder)
    card = load_card(study)
    assert view.header.sites == card.sites
    assert view.header.accuracy("heldout") == next(s.accuracy for s in card.scores if s.split == "heldout")
    assert [row.metrics for row in view.saes] == [load_sae_metrics(study, site) for site in card.sites]
    assert sum(row.sparsity.edges for row in view.cut) == load_graph(study).edge_count
    assert view.final is not None
    assert view.final.edges == load_graph(study).edge_count
    assert [row.gate for row in view.gates] == list(load_gates(study))
    assert sum(row.gates for row in view.kinds) == len(view.gates)
    assert sum(row.share for row in view.kinds) == pytest.approx(1.0)


def test_the_header_says_how_to_do_it_again_without_naming_the_machine(view: StudyView) -> None:
    train, extract, report = view.header.commands
    assert train.startswith("circuitlogic train study/study.toml --out study-again")
    assert f"--threshold {view.header.threshold:g}" in extract
    assert report == "circuitlogic report study-again"
    assert {name for name, _ in view.header.hashes} >= {"graph", "gates", "network", "fidelity"}
    assert all(len(digest) == 12 for _, digest in view.header.hashes)


def test_a_study_that_is_only_trained_has_a_view_without_gates(study_copy: Path) -> None:
    study = Study.open(study_copy)
    for artefact in ("gates", "graph", "fidelity"):
        study.forget(artefact)
    view = study_view(study)
    assert view.saes
    assert view.connectors
    assert not view.gates
    assert view.final is None
    assert view.header.threshold is None
    assert tiles(view) == ()
    assert any("not extracted" in sentence for sentence in view.caveats)


def test_a_damaged_artefact_is_a_study_error(study_copy: Path) -> None:
    (study_copy / "fidelity" / "metrics.json").write_text("{}")
    with pytest.raises(StudyError, match="damaged"):
        study_view(Study.open(study_copy))


def test_seed_gates_read_as_in_the_seed() -> None:
    former, said = gate_rows([of30(), of505()], LABELS)
    assert former.expression == "former OR old OR young"
    assert former.graded == "0.26 former + 0.23 old + 0.10 young"
    assert said.expression == "said AND NOT «said after quotes»"
    assert said.graded_brief == "0.68 said - 0.21 «said after quotes»"
    assert gate_row(of30(), {}).brief == "IF2797 OR IF259 OR IF946"
    assert said.flags[0] == "«said after quotes» implies said: it fires only where said does"
    assert said.gain == pytest.approx(0.22)


def test_brief_names_are_full_where_inputs_come_from_several_sites() -> None:
    one, other = FeatureId("a", 1), FeatureId("b", 1)
    row = gate_row(gate(FeatureId("c", 0), "copy", Literal(one), {one: 0.5, other: 0.2}, evidence()), {})
    assert row.brief == "a/1"


def test_a_bias_is_part_of_the_graded_form() -> None:
    assert gate_row(replace(of30(), bias=-0.2), LABELS).graded.endswith("+ 0.10 young - 0.20")


@pytest.mark.parametrize("flag", ["new-thing", "subset:", "subset:x<y", "damped:a/1=high", "partial:=0.5"])
def test_flags_nobody_knows_are_shown_as_they_are(flag: str) -> None:
    assert flag_text(flag, str) == flag


def test_sorting_puts_the_best_proven_formula_first_and_ends_with_the_feature() -> None:
    graded = gate(FeatureId("m", 2), "graded", None, {OF30: 0.3}, evidence(0.99))
    silent = gate(FeatureId("m", 1), "insufficient", None, {})
    rows = gate_rows([silent, graded, of505(), of30()], {})
    assert [row.gate.feature for row in sorted_gates(rows)] == [OF30, OF505, graded.feature, silent.feature]
    with pytest.raises(UnknownNameError, match="f1"):
        sorted_gates(rows, "f2")


def test_the_best_of_each_kind_comes_before_the_second_best_of_any() -> None:
    copies = [gate(FeatureId("m", i), "copy", Literal(OF30), {OF30: 1.0}, evidence(0.97)) for i in range(5)]
    rows = gate_rows([*copies, of505(), of30()], {})
    chosen = best_across_kinds(rows, 4)
    assert [row.gate.kind for row in chosen] == ["copy", "or", "and-not", "copy"]
    assert best_across_kinds(rows, 0) == ()
    with pytest.raises(ConfigError, match="-1"):
        best_across_kinds(rows, -1)


def test_unexplained_share_leaves_out_features_too_silent_to_be_read() -> None:
    kinds = ["unexplained", "unexplained", "graded", "insufficient", "dead"]
    rows = gate_rows([gate(FeatureId("m", i), kind, None, {}) for i, kind in enumerate(kinds)], {})
    assert unexplained_share((*rows, gate_row(of30(), {}))) == pytest.approx(0.5)
    assert unexplained_share(rows[3:]) is None


def test_caveats_count_what_they_say(view: StudyView) -> None:
    weak = [
        gate(FeatureId("m", i), "or", of30().formula, {OF30: 0.2}, evidence(0.7, support=20, baseline=0.69))
        for i in range(3)
    ]
    copy = gate(FeatureId("m", 9), "copy", Literal(OF30), {OF30: 1.0}, evidence(0.9, baseline=0.9))
    rows = gate_rows([*weak, replace(copy, flags=("other-causes:0.30",)), of30()], {})
    text = " ".join(with_caveats(replace(view, gates=rows)).caveats)
    assert "1 of 5 gates with a formula beat the best single input by at least 0.05 F1" in text
    assert "1 of the others copies one input and cannot" in text
    assert "3 of 5 formulas have a held-out F1 under 0.80" in text
    assert "1 of 5 formulas leave out other causes" in text
    assert "3 of 5 formulas are scored on fewer than 100 held-out firings" in text


def test_kinds_of_a_newer_version_are_counted_and_named() -> None:
    rows = gate_rows([gate(FeatureId("m", 0), "quantum", None, {})], {})
    assert "does not know" in rows[0].text
    assert kind_rows(rows)[0].kind == "quantum"


def test_numbers_that_do_not_exist_are_a_dash() -> None:
    assert share(None) == share(float("nan")) == small(float("inf")) == NONE
    assert share(0.974) == "97.4 %"
    assert [small(x) for x in (0.0, 0.03968, 1.2e-5, 123.4)] == ["0", "0.0397", "1.20e-05", "123"]
    assert weight(-0.21) == "−0.21"
