"""What a report says beside a gate: counter-examples, histogram, margin, relations; columns are told once."""

import io
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from report_gates import LABELS, QUOTED, SAID, of505
from rich.console import Console

from circuitlogic.features import FeatureId
from circuitlogic.logic.flags import Brake, Caveat, OtherCauses, Relation, flags_of, parse_flag
from circuitlogic.logic.formula import And, Literal, Or, evaluate, literals_of
from circuitlogic.report.card_parts import WIDTH, bars_of
from circuitlogic.report.columns import SAE_COLUMNS, gate_numbers
from circuitlogic.report.edge_rows import edge_list
from circuitlogic.report.flags import given_text
from circuitlogic.report.html import html_report
from circuitlogic.report.literal_names import literal_name
from circuitlogic.report.looks import Looks
from circuitlogic.report.margins import margin_text
from circuitlogic.report.network_lines import NETWORK_COLUMNS, network_lines
from circuitlogic.report.rows import GateRow, StudyView
from circuitlogic.report.tables import sae_table
from circuitlogic.report.view import study_view
from circuitlogic.saes.topk import TopK
from circuitlogic.stages.composed import HeldoutFeatures
from circuitlogic.stages.sample_evidence import COUNTER_EXAMPLES
from circuitlogic.study import Study


@pytest.fixture(scope="module")
def study(small_study_folder: Path) -> Study:
    return Study.open(small_study_folder)


@pytest.fixture(scope="module")
def view(study: Study) -> StudyView:
    return study_view(study)


@pytest.fixture(scope="module")
def looks(study: Study, view: StudyView) -> Looks:
    return Looks(study, view)


@pytest.fixture(scope="module")
def claimed(view: StudyView) -> list[GateRow]:
    return [row for row in view.gates if row.claims][:12]


def test_counter_examples_are_wrong_and_all_are_counted(
    study: Study, looks: Looks, claimed: list[GateRow]
) -> None:
    features = HeldoutFeatures(study)
    for row in claimed:
        gate, samples = row.gate, looks.of(row).samples
        assert gate.formula is not None
        assert gate.evidence is not None
        assert samples is not None
        assert samples.counter is not None
        cuts = {given.feature: (given.threshold, *given.level_thresholds) for given in gate.inputs}
        on = {
            lit: features.of(lit.feature.site).column(lit.feature.index) > cuts[lit.feature][lit.level]
            for lit in literals_of(gate.formula)
        }
        said = evaluate(gate.formula, on, samples.samples)
        values = features.of(gate.feature.site).column(gate.feature.index)
        true = values > gate.threshold
        assert all(said[i] and not true[i] for i in samples.counter.silent)
        assert all(true[i] and not said[i] for i in samples.counter.missed)
        assert samples.counter.silent_total == int((said & ~true).sum())
        assert samples.counter.missed_total == int((true & ~said).sum())
        assert len(samples.counter.missed) == min(samples.counter.missed_total, COUNTER_EXAMPLES)
        strengths = [values[i] for i in samples.counter.missed]
        assert all(a >= b for a, b in pairwise(strengths))
        assert sum(samples.histogram.counts) + samples.histogram.zero == samples.samples


def test_bars_part_at_theta(looks: Looks, claimed: list[GateRow]) -> None:
    samples = looks.of(claimed[0]).samples
    assert samples is not None
    everything = bars_of(samples.histogram, 0.0)
    nothing = bars_of(samples.histogram, samples.histogram.top + 1)
    assert everything is not None
    assert nothing is not None
    assert (everything.below, nothing.above) == ("", "")
    assert everything.above == nothing.below
    assert nothing.theta == WIDTH
    assert bars_of(replace(samples.histogram, counts=(0,) * 24), 0.1) is None


def test_pictures_are_those_of_the_samples_and_missing_data_only_loses_pictures(
    study: Study, view: StudyView, looks: Looks, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = looks.pictures((3, 0))
    assert pictures is not None
    assert pictures.shape == (2, 8, 8)
    first = looks.pictures((0,))
    assert first is not None
    assert (pictures[1] == first[0]).all()
    assert looks.pictures(()) is None
    assert looks.pictures((10**6,)) is None

    def gone(_: Study) -> None:
        from circuitlogic.errors import DataError

        raise DataError("the data set is gone")

    monkeypatch.setattr("circuitlogic.report.looks.heldout_pictures", gone)
    assert Looks(study, view).pictures((0,)) is None


def test_the_page_has_it_all(study: Study, view: StudyView) -> None:
    page = html_report(view, study, budget=600_000)
    for words in (
        "Counter-examples, held out",
        "layers back",
        "How strongly it fires",
        'id="edges-table"',
        "SymPy",
    ):
        assert words in page
    assert "cut-steps" in page


def test_the_margin_names_a_state_in_which_the_two_differ() -> None:
    text = margin_text(of505(), lambda feature: LABELS[feature])
    assert text.startswith("+0.120 F1 on train")
    assert text.endswith("with only said, «said after quotes» on")
    assert margin_text(replace(of505(), runner_up=None), str) == ""


def test_a_shorter_formula_is_offered_under_its_condition() -> None:
    both = replace(of505(), formula=And((Literal(SAID), Literal(QUOTED))))
    assert given_text(both, lambda feature: LABELS[feature]) == (
        "given that «said after quotes» implies said: «said after quotes»"
    )
    either = replace(of505(), formula=Or((Literal(SAID), Literal(QUOTED))))
    assert given_text(either, lambda feature: LABELS[feature]).endswith(": said")
    assert given_text(of505(), str) == ""
    assert given_text(replace(both, flags=("weak",)), str) == ""


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("said", "said_high"),
        ("oriental land", "«oriental land»_high"),
        ("A OR B", "«A OR B»_high"),
        ("not said", "«not said»_high"),
        ("in (some)", "«in (some)»_high"),
        ("said | cried", "«said | cried»_high"),
        ("‘.’ #33", "‘.’ #33_high"),
        ("and #33", "«and #33»_high"),
        ("«x» and y", "«‹x› and y»_high"),
    ],
)
def test_a_label_that_could_be_read_as_logic_is_quoted_in_formulas(label: str, written: str) -> None:
    assert literal_name(Literal(SAID, 1), lambda _: label) == written


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("weak", Caveat("weak")),
        ("subset:a/1<b/2", Relation("subset", FeatureId("a", 1), FeatureId("b", 2))),
        ("twin:a/1,b/2", Relation("twin", FeatureId("a", 1), FeatureId("b", 2))),
        ("damped:a/1=0.69", Brake("damped", FeatureId("a", 1), 0.69)),
        ("other-causes:0.22", OtherCauses(0.22)),
        ("damped:a/1=x", Caveat("damped:a/1=x")),
        ("subset:nothing", Caveat("subset:nothing")),
    ],
)
def test_flags_are_values_and_make_the_round_trip(text: str, flag: object) -> None:
    assert parse_flag(text) == flag
    assert str(parse_flag(text)) == text
    assert flags_of([text]) == (flag,)


def test_edges_fall_in_weight_and_the_steps_count_them(view: StudyView) -> None:
    edges = edge_list(view, most=10)
    weights = [abs(row.weight) for row in edges.rows]
    assert weights == sorted(weights, reverse=True)
    assert edges.total == sum(len(row.gate.inputs) for row in view.gates)
    assert edges.steps[0][1] == edges.total
    assert edges.steps[-1][1] >= 1
    assert all(a[1] >= b[1] and a[2] >= b[2] for a, b in pairwise(edges.steps))


def test_terminal_markdown_and_page_have_the_same_columns_and_cells(
    study: Study, view: StudyView, tmp_path: Path
) -> None:
    from circuitlogic.report.markdown import write_markdown

    page = html_report(view, study, budget=0)
    text = write_markdown(view, study, tmp_path).read_text()
    target = io.StringIO()
    Console(file=target, width=200).print(sae_table(view))
    for row in view.saes:
        for column in SAE_COLUMNS:
            cell = column.value(row)
            assert column.title in target.getvalue()
            assert column.title in text
            for place in (page.replace("\N{NO-BREAK SPACE}", " "), text, target.getvalue()):
                assert cell in place
    assert all(column.title in page for column in (*NETWORK_COLUMNS, *gate_numbers(view.gates)))
    assert [line.is_final for line in network_lines(view)][-1]


def test_an_architecture_without_a_sparsity_setting_is_no_error(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [name for name, _ in study_view(study).header.settings]
    assert "saes.k" in names
    for architecture in (TopK, *TopK.__subclasses__()):
        monkeypatch.setattr(architecture, "sparsity_setting", "")
    monkeypatch.setattr("circuitlogic.saes.batch_topk.BatchTopK.sparsity_setting", "")
    assert "saes.k" not in [name for name, _ in study_view(study).header.settings]
