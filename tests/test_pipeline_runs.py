"""Whole studies: same bytes again, interruption and resumption, what a changed setting makes again."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from study_cases import contents, files_below, run_all, tiny_config, use_tiny_data

from circuitlogic import pipeline
from circuitlogic.datasets.images import ImageSplit
from circuitlogic.errors import (
    CircuitLogicError,
    ConfigError,
    DataError,
    NothingLeftError,
    StudyError,
    UnknownNameError,
)
from circuitlogic.networks.image_mlp import ImageClassifier
from circuitlogic.progress import SILENT
from circuitlogic.stages.extracted import load_gates, load_graph
from circuitlogic.stages.subject import load_classifier, load_data
from circuitlogic.study import Study

ARTEFACTS = (
    "network", "activations/train", "activations/heldout", "saes/hidden.0", "saes/hidden.1", "saes/hidden.2",
    "connectors/hidden.0__hidden.1", "connectors/hidden.1__hidden.2", "feature_network", "graph", "gates",
    "examples/hidden.1", "fidelity",
)  # fmt: skip
WORK = (
    "circuitlogic.stages.dictionaries.feature_statistics",
    "circuitlogic.stages.examples.optimised_input",
)


@pytest.fixture(autouse=True)
def _tiny_data(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_data(monkeypatch)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Generator[None]:
    """Tensors this small only wait for other threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One uninterrupted run; copy it before changing it."""
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_data(patch)
        return run_all(tmp_path_factory.mktemp("finished") / "study", tiny_config()).root


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Study:
    shutil.copytree(finished, tmp_path / "study")
    return Study.open(tmp_path / "study")


def test_same_settings_same_bytes(finished: Path, tmp_path: Path) -> None:
    again = run_all(tmp_path / "again", tiny_config())
    assert files_below(again.root) == files_below(finished)
    assert again.damaged() == ()


def test_another_seed_gives_another_study(finished: Path, tmp_path: Path) -> None:
    ours, others = contents(Study.open(finished)), contents(run_all(tmp_path / "b", tiny_config(seed=1)))
    assert ours.keys() == others.keys()
    assert all(ours[name] != others[name] for name in ours)


def test_finished_study_is_left_alone(copied: Study) -> None:
    before = {p: p.stat().st_mtime_ns for p in copied.root.rglob("*") if p.parent != copied.root}
    run_all(copied.root, tiny_config())
    assert {p: p.stat().st_mtime_ns for p in copied.root.rglob("*") if p.parent != copied.root} == before


@pytest.mark.parametrize(
    ("artefact", "moment"),
    [
        ("network", "filled"),
        ("saes/hidden.1", "filled"),
        ("connectors/hidden.1__hidden.2", "empty"),
        ("feature_network", "filled"),
        ("gates", "filled"),
        ("fidelity", "empty"),
    ],
)
def test_interrupted_run_resumes_to_the_same_bytes(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, artefact: str, moment: str
) -> None:
    making = Study.making

    @contextmanager
    def interrupted(study: Study, name: str, key: str) -> Generator[Path]:
        with making(study, name, key) as folder:
            if name == artefact and moment == "empty":
                raise KeyboardInterrupt
            yield folder
            if name == artefact:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Study, "making", interrupted)
        _check_resumes(finished, _started_by(finished, tmp_path, artefact), patch)


@pytest.mark.parametrize("function", WORK)
def test_interrupted_work_resumes_to_the_same_bytes(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def interrupt(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(function, interrupt)
        _check_resumes(finished, _started_by(finished, tmp_path, "saes/hidden.0"), patch)


@pytest.mark.parametrize("write", [5, 19])
def test_interruption_before_the_manifest_is_written(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    original = Study._write_manifest  # pyright: ignore[reportPrivateUsage]
    count = 0

    def counted(study: Study) -> None:
        nonlocal count
        count += 1
        if count == write:
            raise KeyboardInterrupt
        original(study)

    with monkeypatch.context() as patch:
        patch.setattr(Study, "_write_manifest", counted)
        _check_resumes(finished, tmp_path / "study", patch)


def _started_by(finished: Path, tmp_path: Path, artefact: str) -> Path:
    """A study in which everything before `artefact` is finished; saves doing it again for every case."""
    root = tmp_path / "study"
    shutil.copytree(finished, root)
    study = Study.open(root)
    for name in ARTEFACTS[ARTEFACTS.index(artefact) :]:
        study.forget(name)
    return root


def _check_resumes(finished: Path, root: Path, patch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_all(root, tiny_config())
    patch.undo()
    use_tiny_data(patch)
    half = Study.open(root)
    assert half.damaged() == ()
    assert not (root / ".building").exists()
    run_all(root, tiny_config())
    assert files_below(root) == files_below(finished)


CHANGES: list[tuple[dict[str, dict[str, object]], set[str]]] = [
    ({"extract": {"threshold": 0.08}}, {"feature_network"}),
    ({"extract": {"bootstrap": 6}}, set()),
    ({"connectors": {"l1": 0.01}}, {"connectors", "feature_network"}),
    ({"saes": {"k": 4}}, {"saes", "connectors", "feature_network"}),
]


@pytest.mark.parametrize(("change", "kinds"), CHANGES)
def test_only_what_depends_on_a_setting_is_made_again(
    copied: Study, change: dict[str, dict[str, object]], kinds: set[str]
) -> None:
    before = contents(copied)
    after = contents(pipeline.train(copied.root, tiny_config(**change)))
    changed = {name.split("/")[0] for name in before if name in after and after[name] != before[name]}
    assert changed == kinds
    gone = {name.split("/")[0] for name in before if name not in after}
    late = {"graph", "gates", "fidelity", "class_evidence", "sample_evidence"} if kinds else set()
    assert gone == (late | {"examples"} if "saes" in kinds else late)


def test_trained_again_and_extracted_again_equals_a_fresh_study(copied: Study, tmp_path: Path) -> None:
    """`firing` changes the features' statistics but no weight: the graph must notice all the same."""
    changed = tiny_config(extract={"firing": 0.5})
    fresh = run_all(tmp_path / "fresh", changed)
    assert files_below(run_all(copied.root, changed).root) == files_below(fresh.root)


def test_other_sites_make_the_study_of_those_sites(copied: Study) -> None:
    run_all(copied.root, tiny_config(sites=["hidden.0", "hidden.2"]))
    assert load_graph(Study.open(copied.root)).sites == ("hidden.0", "hidden.2")


def test_interrupted_training_with_other_settings_is_not_extracted(
    copied: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: object, **_kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("circuitlogic.stages.subject.train_classifier", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pipeline.train(copied.root, tiny_config(seed=9))
    for command in (pipeline.extract, pipeline.verify):
        with pytest.raises(StudyError, match=r"other settings or data .* run `circuitlogic train"):
            command(Study.open(copied.root))


def test_higher_threshold_gives_a_part_of_the_edges(copied: Study) -> None:
    weak = set(_edges(copied))
    metrics = pipeline.extract(copied, threshold=0.3)
    strong = set(_edges(copied))
    assert 0 < len(strong) < len(weak)
    assert strong < weak
    assert all(abs(weight) > 0.3 for _, _, weight in strong)
    assert metrics.threshold == load_graph(copied).threshold == 0.3
    assert sum(metrics.variants[-1].edges) == len(strong)
    assert {g.feature for g in load_gates(copied)} >= {target for _, target, _ in strong}


def _edges(study: Study) -> list[tuple[object, object, float]]:
    graph = load_graph(study)
    edges = (e for node in range(len(graph)) for e in graph.edges_into(graph.feature(node)))
    return [(e.source, e.target, e.weight) for e in edges]


def test_extracting_twice_at_different_thresholds_comes_back(copied: Study) -> None:
    before = files_below(copied.root)
    pipeline.extract(copied, threshold=0.3)
    assert files_below(copied.root) != before
    pipeline.extract(copied)
    assert files_below(copied.root) == before


def test_threshold_that_leaves_nothing_keeps_the_earlier_graph(copied: Study) -> None:
    before = files_below(copied.root)
    with pytest.raises(NothingLeftError, match=r"above 1e\+06; the strongest is .* lower --threshold"):
        pipeline.extract(copied, threshold=1e6)
    assert files_below(copied.root) == before


@pytest.mark.parametrize("threshold", [-0.1, float("nan"), float("inf")])
def test_senseless_threshold(copied: Study, threshold: float) -> None:
    before = files_below(copied.root)
    for command in (pipeline.extract, pipeline.verify):
        with pytest.raises(ConfigError, match=r"extract\.threshold = "):
            command(copied, threshold=threshold)
    assert files_below(copied.root) == before


def test_verify_on_heldout_repeats_what_extract_measured(copied: Study) -> None:
    extracted = pipeline.extract(copied, threshold=0.2)
    before = files_below(copied.root)
    assert pipeline.verify(copied) == extracted
    assert files_below(copied.root) == before


def test_verify_on_the_official_test_set(copied: Study) -> None:
    before = files_below(copied.root)
    metrics = pipeline.verify(copied, "test")
    assert {(v.split, v.samples) for v in metrics.variants} == {("test", 60)}
    assert files_below(copied.root) == before
    assert metrics != pipeline.verify(copied)


def test_unknown_split(copied: Study) -> None:
    with pytest.raises(ConfigError, match="split 'train' is not known: use heldout or test"):
        pipeline.verify(copied, "train")


def test_untrained_study_says_what_to_run(tmp_path: Path) -> None:
    study = Study.create(tmp_path, tiny_config())
    for command in (pipeline.extract, pipeline.verify):
        with pytest.raises(StudyError, match="no network yet: run `circuitlogic train --out"):
            command(study)


@pytest.mark.parametrize("site", ["hidden.3", "hiden.1", "hidden.0.7"])
def test_site_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: str) -> None:
    monkeypatch.setattr("circuitlogic.stages.subject.train_classifier", _not_called)
    with pytest.raises(UnknownNameError, match=rf"unknown site '{site}': did you mean .*hidden\."):
        pipeline.train(tmp_path / "s", tiny_config(sites=["hidden.0", site]))


@pytest.mark.parametrize("sites", [["hidden.0"], ["../x", "hidden.0"], ["hidden.0", "hidden.0"]])
def test_sites_that_make_no_sense_cost_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sites: list[str]
) -> None:
    monkeypatch.setattr("circuitlogic.stages.subject.train_classifier", _not_called)
    with pytest.raises(ConfigError):
        pipeline.train(tmp_path / "s", tiny_config(sites=sites))
    assert not (tmp_path / "s").exists()


def _not_called(*_args: object, **_kwargs: object) -> None:
    pytest.fail("the network was trained")


def test_sites_in_the_wrong_order(copied: Study) -> None:
    with pytest.raises(ConfigError, match=r"in the order hidden\.0, hidden\.2: give them so"):
        pipeline.train(copied.root, tiny_config(sites=["hidden.2", "hidden.0"]))


@pytest.mark.parametrize("sites", [["hidden.0", "readout:in"], ["hidden.0.0", "hidden.1.0"]])
def test_sites_inside_layers_and_before_them(tmp_path: Path, sites: list[str]) -> None:
    study = run_all(tmp_path / "s", tiny_config(sites=sites))
    assert load_graph(study).edge_count > 0
    measured = pipeline.verify(study, "test")
    assert measured.variants[-1].samples == 60
    assert measured.original is not None
    assert (measured.original.split, measured.original.samples) == ("test", 60)
    assert 0 < measured.original.accuracy <= 1


def _one_nan(split: ImageSplit) -> ImageSplit:
    images = split.images.copy()
    images[7, 3] = np.nan
    return ImageSplit(images, split.labels)


@pytest.mark.parametrize("split", ["train", "heldout", "test"])
def test_images_that_are_not_finite(tmp_path: Path, split: str) -> None:
    data = load_data(tiny_config(), SILENT)
    bad = replace(data, **{split: _one_nan(getattr(data, split))})
    with pytest.raises(DataError, match="image 7 of tiny is not finite"):
        pipeline.train(tmp_path / "s", tiny_config(), data=bad)
    assert set(files_below(tmp_path / "s")) == {"manifest.json", "study.toml"}


def test_activations_that_are_not_finite(copied: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that overflows: the capture refuses, what was finished before stays whole."""
    copied.forget("activations/train")

    def overflowing(study: Study) -> ImageClassifier:
        network = load_classifier(study)
        with torch.no_grad():
            network.hidden[1].get_submodule("0").get_parameter("bias").fill_(torch.inf)
        return network

    monkeypatch.setattr("circuitlogic.stages.subject.load_classifier", overflowing)
    with pytest.raises(DataError, match=r"site 'hidden\.1': the activation of sample 0 is not finite"):
        pipeline.train(copied.root, tiny_config())
    study = Study.open(copied.root)
    assert not study.has("activations/train")
    assert not (study.root / "activations" / "train").exists()
    assert study.damaged() == ()


def test_relabelled_data_is_other_data(copied: Study) -> None:
    """The same images with permuted labels have the same sizes and sums."""
    before = contents(copied)
    data = load_data(tiny_config(), SILENT)
    rolled = replace(data, train=ImageSplit(data.train.images, np.roll(data.train.labels, 1)))
    after = contents(pipeline.train(copied.root, tiny_config(), data=rolled))
    assert after["network"] != before["network"]


@pytest.mark.parametrize(
    "change",
    [
        {"saes": {"k": 10_000}},
        {"data": {"dataset": "tinny"}},
        {"data": {"heldout_fraction": 0.0001}},
        {"network": {"lr": 1e30}},
        {"saes": {"lr": 1e30}},
        {"connectors": {"lr": 1e30}},
        {"tune": {"lr": 1e30}},
    ],
)
def test_hopeless_settings_are_one_line(tmp_path: Path, change: dict[str, dict[str, object]]) -> None:
    with pytest.raises(CircuitLogicError) as caught:
        run_all(tmp_path / "s", tiny_config(**change))
    assert str(caught.value).isprintable()
