"""A language model's study from one config to gates, the splice test and interventions."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
import pytest
import torch
from cli_runs import Cli
from text_cases import tiny_settings, write_model

from circuitlogic import pipeline
from circuitlogic.config import (
    StudyConfig,
    TranscoderConfig,
    TranscoderKind,
    config_from_mapping,
    config_to_toml,
)
from circuitlogic.errors import ConfigError, DataError, StudyError, UnknownNameError
from circuitlogic.progress import SILENT
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.causal import load_causal
from circuitlogic.stages.dictionaries import load_dictionary
from circuitlogic.stages.extracted import load_gates
from circuitlogic.stages.feature_network import make_feature_network
from circuitlogic.stages.firing_ladder import load_firing_ladder, make_firing_ladder
from circuitlogic.stages.network_metrics import FIDELITY, load_metrics
from circuitlogic.stages.splicing import CUT, MADE, SAE_OUT
from circuitlogic.stages.subject import load_card
from circuitlogic.stages.subject_kinds import stored_subject
from circuitlogic.stages.text_subject import prepare_text
from circuitlogic.stages.token_rows import load_windows
from circuitlogic.stages.transcoding import WAYS, transcoder_artefacts
from circuitlogic.study import Study
from circuitlogic.verify.scores import ORIGINAL, ZERO

pytest.importorskip("transformers", reason="language models need the extra `hf`")
T = TypeVar("T")
IN, OUT = "gpt_neox.layers.1.mlp.in", "gpt_neox.layers.1.mlp.out"


@pytest.fixture
def study(text_folder: Path, tmp_path: Path) -> Study:
    shutil.copytree(text_folder / "study", tmp_path / "study")
    return Study.open(tmp_path / "study")


def test_the_study_joins_the_two_ends_of_the_layer(study: Study) -> None:
    assert load_card(study).sites == (IN, OUT)
    assert load_card(study).kind == "language-model"
    gates = load_gates(study)
    assert {gate.feature.site for gate in gates} == {OUT}
    assert {given.feature.site for gate in gates for given in gate.inputs} == {IN}
    assert any(gate.formula is not None for gate in gates)


def _seen(network: torch.nn.Module, ids: torch.Tensor) -> list[torch.Tensor]:
    """What the layer takes and gives, by a hook of the test's own."""
    caught: list[torch.Tensor] = []
    module = network.get_submodule("gpt_neox.layers.1.mlp")
    handle = module.register_forward_hook(lambda _m, args, out: caught.extend((args[0], out)))
    with torch.no_grad():
        network(ids)
    handle.remove()
    return caught


def test_rows_are_the_kept_tokens_of_the_windows(study: Study) -> None:
    subject = stored_subject(study)
    for split in ("train", "heldout"):
        windows, activations = load_windows(study, split), load_activations(study, split)
        assert len(windows.rows) == len(activations)
        assert not np.isin(windows.row_tokens, [0]).any()
        at = int(windows.rows[len(activations) // 2])
        window = int(windows.windows_at(np.array([at]))[0])
        ids = windows.ids[windows.starts[window] : windows.starts[window + 1]].astype(np.int64)
        caught = _seen(subject.network, torch.from_numpy(ids)[None])
        for site, seen in zip((IN, OUT), caught, strict=True):
            stored = activations.stores[site].rows(np.array([len(activations) // 2]))[0]
            expected = seen[0, at - windows.starts[window]].numpy()
            assert np.allclose(stored, expected, atol=1e-5)


def test_the_splice_test_orders_what_must_be_ordered(study: Study) -> None:
    metrics = pipeline.verify(study)
    rows = {row.variant: row for row in metrics.variants}
    assert metrics.variants[0].variant == SAE_OUT
    assert metrics.variants[-1].variant == CUT
    assert rows[ORIGINAL].agreement == 1.0
    assert rows[ORIGINAL].kl == pytest.approx(0.0, abs=1e-9)
    assert rows[ORIGINAL].loss_recovered == pytest.approx(1.0)
    assert rows[ZERO].loss_recovered == pytest.approx(0.0)
    assert {row.samples for row in metrics.variants} == {rows[ZERO].samples}
    assert rows[SAE_OUT].kl < rows[ZERO].kl
    assert rows[SAE_OUT].kl < rows[CUT].kl < rows[ZERO].kl


@pytest.mark.parametrize("kind", ["readout", "trained"])
def test_a_transcoder_is_spliced_beside_the_connector(kind: TranscoderKind, study: Study) -> None:
    before = {row.variant: row for row in pipeline.verify(study).variants}
    asked = replace(study.config, transcoders=TranscoderConfig(kind=kind))
    made = pipeline.train(study.root, asked)
    after = {row.variant: row for row in pipeline.extract(made).variants}
    names = [MADE[way] for way in WAYS[kind]]
    assert set(after) == {*before, *names}
    assert all(after[name].kl < after[ZERO].kl for name in names)
    assert {name: after[name] for name in before} == before
    pipeline.extract(pipeline.train(study.root, study.config))
    assert not transcoder_artefacts(Study.open(study.root))


@pytest.mark.parametrize("interventions", [0.0, 0.5])
def test_a_layers_autoencoder_moves_with_its_connector_and_the_inputs_does_not(
    study: Study, interventions: float
) -> None:
    before = pipeline.verify(study)
    tune = replace(study.config.tune, dictionaries="later", epochs=6, live_rate=0.0, batch_size=128)
    changed = replace(study.config, tune=replace(tune, edges=10_000, interventions=interventions))
    (study.root / "study.toml").write_text(config_to_toml(changed))
    tuned = Study.open(study.root)
    subject = stored_subject(tuned)
    with subject.at_rest():
        make_feature_network(tuned, subject, SILENT)
    after = pipeline.extract(tuned)
    assert after.fidelity[0].fvu < before.fidelity[0].fvu
    rows_of = load_activations(tuned, "heldout").rows(slice(0, 200))
    for site, same in ((IN, True), (OUT, False)):
        own, used = (load_dictionary(tuned, site, moved) for moved in (False, True))
        x = torch.from_numpy(rows_of[site])
        assert torch.equal(own.encoder.encode(x), used.encoder.encode(x)) == same
    # what moved is what the splice test and the gates take
    rows = {row.variant: row for row in after.variants}
    assert rows[SAE_OUT].loss != {row.variant: row for row in before.variants}[SAE_OUT].loss


def test_extraction_is_repeatable_and_a_changed_model_is_refused(study: Study, text_folder: Path) -> None:
    before = {name: study.entry(name).content for name in study.artefacts()}
    again = Study.open(study.root)
    pipeline.extract(again)
    assert {name: again.entry(name).content for name in again.artefacts()} == before
    other = write_model(study.root.parent / "other", seed=5)
    changed = replace(study.config, network=replace(study.config.network, model=str(other)))
    (study.root / "study.toml").write_text(config_to_toml(changed))
    with pytest.raises(StudyError, match="is not the model"):
        pipeline.extract(Study.open(study.root))


def test_formulas_are_counted_at_other_firing_thresholds(study: Study) -> None:
    subject = stored_subject(study)
    with subject.at_rest():
        make_firing_ladder(study, subject, (0.1, 0.5), 0.0, -1.0, SILENT)
    own, high = load_firing_ladder(study, OUT)
    gates = [gate for gate in load_gates(study) if gate.evidence is not None]
    claimed = [gate for gate in gates if gate.formula is not None]
    assert (own.firing, own.read, own.good) == (0.1, len(gates), len(claimed))
    assert own.contextual == len(claimed)
    assert own.row_f1 == pytest.approx(median(g.evidence.connector_f1 for g in gates if g.evidence))
    assert own.both <= own.one <= own.contextual
    assert (high.read, high.row_f1) != (own.read, own.row_f1)
    assert load_firing_ladder(study, OUT) == (own, high)


def test_interventions_run_the_real_layer(study: Study) -> None:
    some = [gate.feature for gate in load_gates(study) if gate.formula is not None][1:3]
    assert load_causal(study) is None
    chosen = pipeline.verify_gates(study, only=some)
    assert [one.feature for one in chosen] == some
    assert load_causal(study) == chosen
    gates = pipeline.verify_gates(study)
    assert load_causal(study) == gates
    assert len(gates) > len(chosen)
    assert gates
    assert any(literal.samples for gate in gates for literal in gate.literals)
    with pytest.raises(ConfigError, match="official test set"):
        pipeline.verify_gates(study, split="test")
    with pytest.raises(ConfigError, match="official test set"):
        pipeline.verify(study, split="test")


@pytest.mark.parametrize("command", [["show"], ["verify"], ["report"]])
def test_commands_that_read_a_study_read_this_one(
    command: list[str], study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Cli(capsys)(*command, study.root)
    assert ran.code == 0, ran.err
    if command == ["report"]:
        page = (study.root / "report" / "index.html").read_text(encoding="utf-8")
        assert "language model model" in page


def _refused(text_folder: Path, **tables: object) -> pytest.ExceptionInfo[Exception]:
    settings = {name: dict(t) if isinstance(t, dict) else t for name, t in tiny_settings(text_folder).items()}
    for name, table in tables.items():
        settings[name] = {**settings[name], **table} if isinstance(table, dict) else table
    with pytest.raises((ConfigError, DataError, UnknownNameError)) as error:
        pipeline.train(text_folder / "never", config_from_mapping(settings))
    assert not (text_folder / "never").exists()
    assert "\n" not in str(error.value)
    return error


def test_what_cannot_work_is_refused_before_anything_is_written(text_folder: Path) -> None:
    asked = [
        ({"network": {"model": "./nowhere"}}, "does not exist"),
        ({"network": {"model": "./nowhere/at/all"}}, "does not exist"),
        ({"sites": ["gpt_neox.layers.1.mpl:in", "gpt_neox.layers.1.mlp:out"]}, "gpt_neox.layers.1.mlp"),
        ({"sites": ["gpt_neox.layers.*.mpl:in"]}, "gpt_neox.layers.0.mlp"),
        ({"sites": ["gpt_neox.layers.1.mlp:out"]}, "at least two"),
        ({"sites": ["gpt_neox.layers.1.mlp:out", "gpt_neox.layers.1.mlp:in"]}, "give them so"),
        ({"text": {"files": []}}, "text.files"),
        ({"text": {"heldout": []}}, "held out"),
        ({"text": {"context": 65}}, "64 positions"),
        ({"text": {"skip_first": 31}}, "text.context"),
        ({"text": {"heldout": [str(text_folder / "train.txt")]}}, "heldout_documents"),
    ]
    for tables, words in asked:
        assert words in str(_refused(text_folder, **tables).value)


def test_a_budget_of_disk_is_kept(text_folder: Path, tmp_path: Path) -> None:
    settings = {name: dict(t) if isinstance(t, dict) else t for name, t in tiny_settings(text_folder).items()}
    kept = [
        len(load_windows(Study.open(text_folder / "study"), split).rows) for split in ("train", "heldout")
    ]
    gigabytes = [rows * 2 * 16 * 4 / 1e9 for rows in kept]
    asked = [
        (sum(gigabytes) * 0.99, "lower text.tokens below"),
        (gigabytes[1] * 0.9, "lower text.heldout_tokens"),
    ]
    for budget, words in asked:
        settings["text"] |= {"disk_budget": budget}
        with pytest.raises(ConfigError, match=rf"disk_budget.*{words}"):
            pipeline.train(tmp_path / "study", config_from_mapping(settings))
    assert not (tmp_path / "study").exists()


class _Notes:
    """Remembers what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def track(self, steps: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:  # noqa: ARG002
        yield from steps

    def note(self, message: str) -> None:
        self.said.append(message)


def _quick(text_folder: Path, model: Path, sites: list[str]) -> StudyConfig:
    settings = tiny_settings(text_folder)
    return config_from_mapping(
        {
            **settings,
            "sites": sites,
            "network": {"kind": "hf", "model": str(model)},
            "text": {**settings["text"], "tokens": 1500, "heldout_tokens": 900},
            "saes": {**settings["saes"], "epochs": 1},
            "connectors": {**settings["connectors"], "epochs": 2},
        }
    )


def test_patterns_stand_for_sites_in_the_order_in_which_the_model_runs_them(
    text_folder: Path, tmp_path: Path
) -> None:
    """A Llama's norm before the MLP is registered after it."""
    model = write_model(tmp_path / "model", "llama")
    patterns = ["model.layers.*.mlp:out", "model.layers.*.post_attention_layernorm:in", "model.embed_tokens"]
    notes = _Notes()
    prepared = prepare_text(_quick(text_folder, model, patterns), notes)
    study = Study.create(tmp_path / "study", _quick(text_folder, model, patterns))
    ends = [f"model.layers.{n}.{end}" for n in (0, 1) for end in ("post_attention_layernorm.in", "mlp.out")]
    assert [site.name for site in prepared.make(study, notes).sites] == ["model.embed_tokens", *ends]
    assert any("less likely than random tokens" in line for line in notes.said)


def test_sites_that_no_connector_joins_are_named(text_folder: Path, tmp_path: Path) -> None:
    sites = ["gpt_neox.layers.0:in", "gpt_neox.layers.0:out", "gpt_neox.layers.1:out"]
    notes = _Notes()
    pipeline.train(tmp_path / "study", _quick(text_folder, text_folder / "model", sites), notes)
    assert any("no connector leads from or to gpt_neox.layers.1.out" in line for line in notes.said)


def test_an_encoder_is_studied_without_a_splice_test(
    text_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(tmp_path / "model", "bert")
    sites = ["encoder.layer.1.intermediate:in", "encoder.layer.1.output.dense:out"]
    config = _quick(text_folder, model, sites)
    study = pipeline.train(tmp_path / "study", config)
    cli = Cli(capsys)
    for command in ("extract", "show", "verify", "report"):
        ran = cli(command, study.root)
        assert ran.code == 0, ran.err
    assert load_metrics(Study.open(study.root), FIDELITY).variants == ()
    for page in ("index.html", "report.md"):
        assert "predicts no next tokens" in (study.root / "report" / page).read_text(encoding="utf-8")
    ran = cli("verify", study.root, "--min-agreement", 0.5)
    assert (ran.code, "no next tokens" in ran.err) == (3, True)
    with pytest.raises(ConfigError, match=r"tune.splice = 1: BertModel predicts no next tokens"):
        pipeline.train(
            tmp_path / "other", replace(config, tune=replace(config.tune, splice=1.0, dictionaries="later"))
        )
