"""`verify --causal` on a digits study and on a network of one's own: stored, kept, shown, held to a minimum."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from cli_runs import Cli
from torch import Tensor, nn

from circuitlogic import pipeline
from circuitlogic.config import config_from_mapping
from circuitlogic.errors import ConfigError, StudyError
from circuitlogic.extract.gates_file import save_gates
from circuitlogic.logic.formula import Literal
from circuitlogic.logic.gate import Gate
from circuitlogic.stages import causal
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_dictionary
from circuitlogic.stages.extracted import load_gates
from circuitlogic.stages.subject import Subject, own_subject
from circuitlogic.study import Study
from circuitlogic.verify.causal_summary import summarise
from circuitlogic.verify.intervention import GateIntervention


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture(scope="module")
def checked(small_study_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with interventions on its held-out samples. Never write into it."""
    root = tmp_path_factory.mktemp("checked") / "study"
    shutil.copytree(small_study_folder, root)
    pipeline.verify_gates(Study.open(root))
    return root


def interventions(root: Path) -> tuple[GateIntervention, ...]:
    found = causal.load_causal(Study.open(root))
    assert found is not None
    return found


def never(*_: object) -> None:
    raise AssertionError("the interventions were run again")


def test_every_gate_with_a_formula_is_checked_once(
    checked: Path, small_study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert causal.load_causal(Study.open(small_study_folder)) is None
    study, found = Study.open(checked), interventions(checked)
    tested = [g.feature for g in load_gates(study) if g.formula is not None or g.kind == "graded"]
    assert [g.feature for g in found] == tested
    assert len(found) > 0
    monkeypatch.setattr(causal, "intervene", never)
    assert pipeline.verify_gates(study) == found
    assert study.damaged() == ()


def test_a_second_run_gives_the_same_bytes_and_other_gates_are_checked_anew(
    checked: Path, study_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study.open(study_copy)
    pipeline.verify_gates(study)
    path = Path("causal", "heldout", "causal.json")
    assert (study_copy / path).read_bytes() == (checked / path).read_bytes()
    with study.making("gates", "others") as folder:
        save_gates(load_gates(Study.open(checked))[:-1], folder)
    assert causal.load_causal(study) is None
    monkeypatch.setattr(causal, "intervene", never)
    with pytest.raises(AssertionError, match="run again"):
        pipeline.verify_gates(study)


def test_causal_figures_of_digits_beat_their_control(checked: Path) -> None:
    summary = summarise(interventions(checked))
    assert summary.literals_decided > 10
    assert summary.effect is not None
    assert summary.control is not None
    assert summary.effect > 2 * summary.control
    assert summary.kinds_confirmed + summary.kinds_refuted + summary.kinds_undecided == summary.gates


def test_the_official_test_set_is_kept_beside_the_held_out_samples(checked: Path, tmp_path: Path) -> None:
    shutil.copytree(checked, tmp_path / "study")
    study, heldout = Study.open(tmp_path / "study"), interventions(checked)
    test = pipeline.verify_gates(study, split="test")
    assert {g.split for g in test} == {"test"}
    assert [g.feature for g in heldout] == [g.feature for g in test]
    assert (causal.load_causal(study, "heldout"), causal.load_causal(study, "test")) == (heldout, test)
    with pytest.raises(ConfigError, match=r"train.*heldout or test"):
        pipeline.verify_gates(study, split="train")


def mine(samples: int = 400) -> Subject:
    """Without resume(), images as inputs, a ReLU in place."""

    def inputs(seed: int) -> Tensor:
        return torch.rand((samples, 3, 4), generator=torch.Generator().manual_seed(seed))

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Flatten(), nn.Linear(12, 16), nn.ReLU(inplace=True), nn.Linear(16, 16), nn.ReLU(inplace=True),
            nn.Dropout(0.5), nn.Linear(16, 3),
        )  # fmt: skip
    train, heldout = inputs(1), inputs(2)
    return own_subject(
        network, ["2", "4"], lambda: train.split(64), lambda: heldout.split(64), identity="mine"
    )


def test_a_network_of_ones_own_is_run_by_hooks_and_left_as_it_was(tmp_path: Path) -> None:
    config = config_from_mapping(
        {
            "saes": {"expansion": 1.5, "k": 4, "epochs": 3, "batch_size": 64},
            "connectors": {"epochs": 3, "batch_size": 64},
            "tune": {"epochs": 3, "batch_size": 64, "edges": 60},
            "extract": {"threshold": 0.05, "bootstrap": 5, "min_firings": 5},
        }
    )
    subject = mine()
    study = pipeline.train_on(tmp_path / "s", config, subject)
    pipeline.extract(study, subject)
    copies = [
        replace(g, kind="copy", formula=Literal(g.inputs[0].feature)) for g in load_gates(study) if g.inputs
    ]
    with study.making("gates", "copies") as folder:
        save_gates(copies, folder)
    subject.network.train()
    found = pipeline.verify_gates(study, subject)
    assert all(module.training for module in subject.network.modules())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in subject.network.modules())  # pyright: ignore
    assert check_removals(study, subject, copies, found) > 0
    with pytest.raises(StudyError, match="Python"):
        pipeline.verify_gates(study)
    with pytest.raises(ConfigError, match="official test set"):
        pipeline.verify_gates(study, subject, "test")


def check_removals(
    study: Study, subject: Subject, gates: list[Gate], found: tuple[GateIntervention, ...]
) -> int:
    """Every removal that was run on all its samples, from the layers themselves; how many there were."""
    source, target = (load_dictionary(study, site).encoder for site in ("2", "4"))
    x = load_activations(study, "heldout").stores["2"].as_tensor()
    linear: Any = subject.network[3]  # pyright: ignore[reportIndexIssue]
    done = 0
    for gate, intervention in zip(gates, found, strict=True):
        removal, i, j = intervention.literals[0].removal, gate.inputs[0].feature.index, gate.feature.index
        if not 0 < removal.pivotal == removal.samples:
            continue
        with torch.no_grad():
            features, decoder = source.encode(x)[:, [i]], source.W_dec  # pyright: ignore
            before = target.encode(torch.relu(linear(x)))[:, j]
            after = target.encode(torch.relu(linear(x - features * decoder[i])))[:, j]
        rows = (features[:, 0] > gate.inputs[0].threshold) & (before > gate.threshold)
        assert removal.samples == int(rows.sum())
        assert removal.change == pytest.approx(float((after - before)[rows].mean()), abs=1e-5)
        assert removal.flips == pytest.approx(float((after[rows] <= gate.threshold).double().mean()))
        done += 1
    return done


def test_the_command_prints_a_table_and_totals(cli: Cli, checked: Path) -> None:
    ran = cli("verify", checked, "--causal", "-q")
    found = interventions(checked)
    assert ran.code == 0, ran.err
    for gate in found:
        assert f"{gate.feature}  " in ran.out
    summary = summarise(found)
    totals = next(line for line in ran.out.splitlines() if line.startswith("sign confirmed"))
    assert f"sign confirmed: {summary.literals_confirmed} of {summary.literals_decided} literals" in totals
    assert f"{summary.kinds_undecided} undecided" in totals


def test_one_gate_is_shown_with_both_truth_tables(cli: Cli, checked: Path) -> None:
    first = interventions(checked)[0]
    ran = cli("verify", checked, "--causal", "--feature", first.feature, "-q")
    assert ran.code == 0, ran.err
    assert f"{first.feature}, {first.kind}: kind confirmed {first.kind_confirmed}" in ran.out
    assert "observed and under intervention" in ran.out
    for state in first.states:
        assert str(state.observed_samples) in ran.out
    unknown = cli("verify", checked, "--causal", "--feature", f"{first.feature}9")
    assert unknown.code == 1
    assert "unknown gate that was intervened on" in unknown.err


def test_the_document_holds_every_figure(cli: Cli, checked: Path) -> None:
    document = cli("verify", checked, "--causal", "--json", "-q").document
    stored = json.loads((checked / "causal" / "heldout" / "causal.json").read_text())
    assert (document["schema"], stored["$schema"]) == ("circuitlogic/causal/1", "circuitlogic/causal/2")
    assert document["gates"] == stored["gates"]
    assert document["rereadings"] == stored["rereadings"]
    assert document["summary"]["gates"] == sum(bool(gate["literals"]) for gate in stored["gates"])
    confirmed = sum(li["confirmed"] for gate in stored["gates"] for li in gate["literals"])
    assert document["summary"]["literals_confirmed"] == confirmed


def test_a_minimum_decides_the_exit_code_and_the_numbers_are_still_printed(cli: Cli, checked: Path) -> None:
    share = summarise(interventions(checked)).confirmed_share
    assert share is not None
    assert 0 < share < 1
    assert cli("verify", checked, "--causal", "--min-confirmed", share - 0.01).code == 0
    failed = cli("verify", checked, "--causal", "--json", "--min-confirmed", share + 0.01)
    assert failed.code == 3
    assert failed.document["summary"]["confirmed_share"] == share
    assert f"{share:.4f}" in failed.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--causal", "--threshold", 0.2), "--threshold"),
        (("--causal", "--min-accuracy", 0.2), "--min-accuracy"),
        (("--min-confirmed", 0.2), "--min-confirmed"),
        (("--feature", "hidden.1/3"), "--feature"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(
    cli: Cli, small_study_folder: Path, options: tuple[object, ...], named: str
) -> None:
    ran = cli("verify", small_study_folder, *options)
    assert ran.code == 2
    assert named in ran.err
    assert ran.out == ""


def test_a_study_without_gates_says_what_to_run(cli: Cli, study_copy: Path) -> None:
    Study.open(study_copy).forget("gates")
    ran = cli("verify", study_copy, "--causal")
    assert ran.code == 1
    assert "circuitlogic extract" in ran.err
