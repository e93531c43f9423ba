"""Tuning a language model's layer on whole windows: rows fit windows, the cost is that of the model itself."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from circuitlogic import pipeline
from circuitlogic.config import StudyConfig, TuneConfig, config_from_mapping, config_to_toml
from circuitlogic.errors import ConfigError
from circuitlogic.progress import SILENT
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.feature_network import make_feature_network
from circuitlogic.stages.splicing import CUT
from circuitlogic.stages.subject import Subject
from circuitlogic.stages.subject_kinds import stored_subject
from circuitlogic.stages.token_rows import load_windows
from circuitlogic.study import Study
from circuitlogic.substitute.spliced_text import SplicedText

pytest.importorskip("transformers", reason="language models need the extra `hf`")
OUT = "gpt_neox.layers.1.mlp.out"


@pytest.fixture
def study(text_folder: Path, tmp_path: Path) -> Study:
    shutil.copytree(text_folder / "study", tmp_path / "study")
    return Study.open(tmp_path / "study")


def _text(study: Study, subject: Subject) -> SplicedText:
    target = next(site for site in subject.sites if site.name == OUT)
    return SplicedText.of(subject.network, target, load_windows(study, "train"))


def test_a_pass_has_every_row_once_in_the_order_of_its_windows(study: Study) -> None:
    subject = stored_subject(study)
    with subject.at_rest():
        text = _text(study, subject)
    chosen = list(text.batches(100, np.random.default_rng(0)))
    assert len(chosen) == text.batch_count(100)
    rows = [text.rows(windows) for windows in chosen]
    assert np.array_equal(np.sort(np.concatenate(rows)), np.arange(len(load_activations(study, "train"))))
    places = text.windows.rows[rows[0]]
    assert set(text.windows.windows_at(places)) == set(chosen[0])
    assert 50 < len(rows[0]) < 200


def test_the_cost_is_nothing_for_the_true_rows_and_one_for_none(study: Study) -> None:
    subject = stored_subject(study)
    with subject.at_rest():
        text = _text(study, subject)
        everything = np.flatnonzero(np.diff(text.windows.starts) > 0)
        everything = everything[
            np.isin(everything, np.concatenate(list(text.batches(1, np.random.default_rng(0)))))
        ]
        true = torch.from_numpy(load_activations(study, "train").stores[OUT].rows(text.rows(everything)))
        assert float(text.cost(everything, true)) == pytest.approx(0.0, abs=1e-4)
        assert float(text.cost(everything, torch.zeros_like(true))) == pytest.approx(1.0, rel=1e-3)


def test_windows_of_different_lengths_cost_what_they_cost_alone(study: Study) -> None:
    subject = stored_subject(study)
    with subject.at_rest():
        text = _text(study, subject)
        lengths = np.diff(text.windows.starts)
        mixed = np.array([int(lengths.argmax()), int(lengths.argmin())])
        assert lengths[mixed[0]] > lengths[mixed[1]]
        parts = [text.rows(mixed[k : k + 1]) for k in (0, 1)]
        width = load_activations(study, "train").stores[OUT].d
        noise = [torch.randn(len(p), width, generator=_seeded()) for p in parts]
        together = float(text.cost(mixed, torch.cat(noise))) * sum(map(len, parts))
        alone = [float(text.cost(mixed[k : k + 1], noise[k])) * len(parts[k]) for k in (0, 1)]
    assert together == pytest.approx(sum(alone), rel=1e-3)


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _tuned_kl(study: Study, folder: Path, splice: float) -> float:
    """KL of the thresholded connector, held out, after tuning with this weight."""
    shutil.copytree(study.root, folder)
    tune = TuneConfig(
        dictionaries="later", epochs=4, live_rate=0.0, batch_size=128, edges=10_000, splice=splice
    )
    (folder / "study.toml").write_text(config_to_toml(replace(study.config, tune=tune)))
    tuned = Study.open(folder)
    subject = stored_subject(tuned)
    with subject.at_rest():
        make_feature_network(tuned, subject, SILENT)
    return next(row.kl for row in pipeline.extract(tuned).variants if row.variant == CUT)


def test_the_next_token_follows_the_original_closer_on_held_out_text(study: Study, tmp_path: Path) -> None:
    without, small, large = (_tuned_kl(study, tmp_path / f"s{w:g}", w) for w in (0.0, 1.0, 20.0))
    assert large < small < without


@pytest.mark.parametrize(
    ("network", "tune", "says"),
    [
        ({"kind": "image"}, {"splice": 1.0}, "tune.splice is for language models"),
        ({"kind": "hf", "model": "m"}, {"splice": 1.0}, "tune.splice does nothing with"),
        (
            {"kind": "hf", "model": "m"},
            {"splice": 1.0, "dictionaries": "later", "interventions": 0.5},
            "do not go together",
        ),
        ({"kind": "hf", "model": "m"}, {"splice": -1.0}, "tune.splice = -1.0 is not allowed"),
    ],
)
def test_a_weight_that_cannot_be_served_is_refused(
    network: dict[str, str], tune: dict[str, float | str], says: str
) -> None:
    kind = network if network["kind"] == "hf" else {}
    with pytest.raises(ConfigError, match=says):
        config_from_mapping({"network": kind, "tune": tune})
    assert isinstance(config_from_mapping({"network": kind, "tune": {}}), StudyConfig)
