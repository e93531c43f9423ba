"""The language-model experiment: layer by layer, with families of words and linear shares."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from feature_cases import identity_dictionary, seeded
from text_cases import tiny_settings, write_model

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.activations.windows import TokenWindows
from circuitlogic.activations.writer import ActivationWriter
from circuitlogic.benchmarks.lm.run import layer_configs, run_lm
from circuitlogic.benchmarks.lm.settings import settings_lines
from circuitlogic.benchmarks.lm.throughput import measure_throughput, write_throughput
from circuitlogic.config import WordFamily, changed_settings, config_from_mapping, config_to_toml
from circuitlogic.errors import ConfigError
from circuitlogic.stages.network_metrics import FIDELITY, load_metrics
from circuitlogic.stages.splicing import CUT, READOUT
from circuitlogic.study import Study
from circuitlogic.verify import linearity
from circuitlogic.verify.linearity import measure_linearity
from circuitlogic.verify.scores import BEFORE_TUNING
from circuitlogic.verify.word_families import family_rows, frequent_words

WORDS = ("said", "cried", '"', "Said", " he")


def test_a_family_is_its_words_where_nothing_excluded_is_near() -> None:
    ids = [[4, 0, 2, 4, 4, 1], [2, 4, 4, 4, 0, 3]]
    windows = TokenWindows.of(ids, [0, 1], [[True] * 6] * 2)
    near = family_rows(WordFamily("speech", ("said", "cried"), ('"',), 3), windows, WORDS)
    assert near.words.tolist() == [ids[i // 6][i % 6] in (0, 1, 3) for i in range(12)]
    assert near.meant.tolist() == [i in (1, 10, 11) for i in range(12)]
    far = family_rows(WordFamily("speech", ("SAID",), ('"',), 4), windows, WORDS)
    # the quote is four before the first `said` of the second window, five before the next
    assert np.flatnonzero(far.words).tolist() == [1, 10, 11]
    assert np.flatnonzero(far.meant).tolist() == [1, 11]
    every = family_rows(WordFamily("speech", ("said",)), windows, WORDS)
    assert (every.words == every.meant).all()


def test_forms_that_differ_in_case_alone_are_one_word() -> None:
    vocabulary = (" it", "It", "it", " he", "He", "she")
    tokens = np.array([0] * 3 + [1] * 4 + [2] * 2 + [3] * 6 + [5])
    # `it` nine times in three forms, shown in its most frequent one; `she` too seldom
    assert frequent_words(tokens, vocabulary, 2.0) == ("It", "he")
    assert frequent_words(tokens[:9], vocabulary, 2.0) == ("It",)
    assert frequent_words(tokens[:0], vocabulary, 0.0) == ()


def _stored(folder: Path, values: dict[str, torch.Tensor]) -> PairedActivations:
    stores = {}
    for name, rows in values.items():
        writer = ActivationWriter(folder / name, name, rows.shape[1])
        writer.append(rows)
        stores[name] = writer.finish()
    return PairedActivations(stores)


def test_linear_features_are_told_from_others(tmp_path: Path) -> None:
    x = torch.randn(6000, 6, generator=seeded(0))
    linear = torch.relu(x @ torch.randn(6, 5, generator=seeded(1)) - 0.5)
    bent = torch.relu(x[:, :5] * x[:, 1:6] - 0.3)
    values = {"in": x, "out": torch.cat([linear, bent], 1)}
    train = _stored(tmp_path / "t", {n: v[:5000] for n, v in values.items()})
    heldout = _stored(tmp_path / "h", {n: v[5000:] for n, v in values.items()})
    found = measure_linearity("in", identity_dictionary(train, "out"), train, heldout, 0)
    assert found.features == tuple(range(10))
    assert max(found.fvu_linear[:5]) < 0.1
    assert min(found.fvu_linear[5:]) > 0.6
    assert found.share == pytest.approx(0.5)


def test_families_survive_the_settings_file() -> None:
    families = [{"name": 'say "so"', "words": ["said", " cried"], "unless": ['"', "\\"], "near": 2}]
    config = config_from_mapping({"text": {"families": families}})
    assert config.text.families[0] == WordFamily('say "so"', ("said", " cried"), ('"', "\\"), 2)
    assert 'families = [{ name = "say' in config_to_toml(config)


def test_settings_are_printed_once_and_without_defaults() -> None:
    families = [{"name": "speech", "words": ["said", "cried"], "unless": ['"']}]
    first = config_from_mapping({"text": {"tokens": 9, "families": families}, "saes": {"k": 3}})
    second = replace(first, saes=replace(first.saes, k=16), seed=7)
    assert list(changed_settings(first)) == ["text.tokens", "text.families", "saes.k"]
    text = "\n".join(settings_lines([("one", first), ("two", second)]))
    assert "text.tokens = 9" in text.splitlines()
    assert "| `saes.k` | `3` | default |" in text
    assert "| `seed` | default | `7` |" in text
    assert text.count("cried") == 1
    assert "connectors" not in text
    alone = "\n".join(settings_lines([("one", config_from_mapping({"saes": {"k": 3}}))]))
    assert "saes.k = 3" in alone
    assert "| `" not in alone


@pytest.mark.slow
def test_the_experiment_reports_every_layer_and_is_taken_up_again(
    text_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linearity, "STEPS", 20)
    pytest.importorskip("transformers", reason="language models need the extra `hf`")
    settings = {name: dict(t) if isinstance(t, dict) else t for name, t in tiny_settings(text_folder).items()}
    settings["sites"] = ["gpt_neox.layers.*.mlp:in", "gpt_neox.layers.*.mlp:out"]
    settings["saes"] |= {"epochs": 3}
    settings["transcoders"] = {"kind": "readout"}
    settings["tune"] = {"dictionaries": "later", "epochs": 2, "live_rate": 0.0, "edges": 9999}
    settings["text"]["families"] = [
        {"name": "speech", "words": ["said", "cried"], "unless": ['"']},
        {"name": "nouns", "words": ["man", "dog", "house", "tree"]},
    ]
    config = config_from_mapping(settings)
    assert list(layer_configs(config)) == ["gpt_neox.layers.0.mlp", "gpt_neox.layers.1.mlp"]
    out = tmp_path / "report"
    report = run_lm(tmp_path / "work", out, [config], "layers.1", "the command")
    text = report.read_text(encoding="utf-8")
    for words in (
        "pass in one direction",
        "all layers",
        "control layers.1.mlp",
        "the command",
        "linear output",
        "Settings other than the defaults",
        "word list",
        "token and the one before",
    ):
        assert words in text, words
    assert "None" not in text
    assert {path.name for path in out.iterdir()} >= {
        "README.md",
        "layers.0.mlp-or.md",
        "layers.1.mlp-context.md",
    }
    study = Study.open(tmp_path / "work" / "trained" / "gpt_neox.layers.1.mlp")
    names = {row.variant for row in load_metrics(study, FIDELITY).variants}
    assert {READOUT, CUT, f"{CUT}{BEFORE_TUNING}"} <= names
    before = {name: study.entry(name).content for name in study.artefacts()}
    run_lm(tmp_path / "work", out, [config], "layers.1", "the command")
    again = Study.open(study.root)
    assert {name: again.entry(name).content for name in again.artefacts()} == before
    assert report.read_text(encoding="utf-8") == text
    random = replace(config.network, random_weights=True)
    other = replace(config.network, model="another")
    with pytest.raises(ConfigError, match="a folder of its own"):
        run_lm(tmp_path / "work", out, [config, replace(config, network=other)], None, "")
    with pytest.raises(ConfigError, match="without random_weights"):
        run_lm(tmp_path / "work", out, [replace(config, network=random)], None, "")


def test_an_encoder_is_refused_before_a_study_is_made(text_folder: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", "bert")
    sites = ["encoder.layer.1.intermediate:in", "encoder.layer.1.intermediate:out"]
    settings = {**tiny_settings(text_folder), "sites": sites, "network": {"kind": "hf", "model": str(model)}}
    with pytest.raises(ConfigError, match=r"BertModel predicts no next tokens"):
        run_lm(tmp_path / "work", tmp_path / "out", [config_from_mapping(settings)], None, "")
    assert not (tmp_path / "work").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_throughput_counts_tokens_and_memory(text_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="language models need the extra `hf`")
    config = config_from_mapping(tiny_settings(text_folder))
    found = measure_throughput(tmp_path / "study", config)
    capture, dictionaries, connectors = found.stages
    assert capture.tokens == found.train_tokens + found.heldout_tokens
    assert dictionaries.tokens == found.train_tokens * config.saes.epochs * 2
    assert connectors.peak >= capture.peak > 1 << 20
    write_throughput(found, config, "the command", tmp_path / "tokens.md")
    text = (tmp_path / "tokens.md").read_text(encoding="utf-8")
    assert "the command" in text
    assert f"{found.train_tokens:,} training" in text
    with pytest.raises(ConfigError, match="exists"):
        measure_throughput(tmp_path / "study", config)
