"""A network of one's own through `own_subject`: without resume(), with and without labels, on images."""

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from study_cases import files_below
from torch import Tensor, nn

from circuitlogic import pipeline
from circuitlogic.config import StudyConfig, config_from_mapping
from circuitlogic.errors import ConfigError, DataError, StudyError, UnknownNameError
from circuitlogic.stages.captured import load_activations, load_labels
from circuitlogic.stages.dictionaries import load_dictionary
from circuitlogic.stages.extracted import load_gates, load_graph
from circuitlogic.stages.feature_pictures import load_examples
from circuitlogic.stages.subject import Subject, own_subject
from circuitlogic.study import Study

CONFIG: StudyConfig = config_from_mapping(
    {
        "saes": {"expansion": 1.5, "k": 4, "epochs": 3, "batch_size": 64},
        "connectors": {"epochs": 3, "batch_size": 64},
        "tune": {"epochs": 3, "batch_size": 64, "edges": 60},
        "extract": {"threshold": 0.05, "bootstrap": 5, "min_firings": 5},
    }
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Generator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _seeded(*layers: Callable[[], nn.Module]) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(*(layer() for layer in layers))


def _mlp() -> nn.Sequential:
    return _seeded(
        lambda: nn.Linear(12, 16), nn.ReLU, lambda: nn.Linear(16, 16), nn.ReLU, lambda: nn.Linear(16, 3)
    )


def _conv() -> nn.Sequential:
    """With what may go wrong behind a site: batch statistics, dropout, a ReLU in place."""
    return _seeded(
        lambda: nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU,
        nn.Flatten,
        lambda: nn.Linear(256, 16),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.Linear(16, 16),
        lambda: nn.ReLU(inplace=True),
        lambda: nn.BatchNorm1d(16),
        lambda: nn.Dropout(0.5),
        lambda: nn.Linear(16, 5),
    )


def _inputs(count: int, shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.rand((count, *shape), generator=torch.Generator().manual_seed(seed))


def _subject(network: nn.Module, sites: Iterable[str], shape: tuple[int, ...], **more: Any) -> Subject:
    train, heldout = _inputs(300, shape, 1), _inputs(100, shape, 2)
    settings: dict[str, Any] = {"identity": "mine", **more}
    return own_subject(network, sites, lambda: train.split(64), lambda: heldout.split(64), **settings)


def _state(network: nn.Module) -> list[object]:
    tensors = [tensor.clone() for tensor in network.state_dict().values()]
    modes = [module.training for module in network.modules()]
    learning = [(p.requires_grad, p.grad is None) for p in network.parameters()]
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules()]  # pyright: ignore
    return [[t.tolist() for t in tensors], modes, learning, hooks]


@pytest.mark.parametrize("labelled", [False, True])
def test_plain_mlp(tmp_path: Path, labelled: bool) -> None:
    labels = torch.arange(300) % 3, torch.arange(100) % 3
    more: dict[str, Any] = {"train_labels": labels[0], "heldout_labels": labels[1]} if labelled else {}
    network = _mlp()
    subject = _subject(network, ["1", "3"], (12,), **more)
    before = _state(network)
    study = pipeline.train_on(tmp_path / "s", CONFIG, subject)
    metrics = pipeline.extract(study, subject)
    assert _state(network) == before
    assert load_graph(study).sites == ("1", "3")
    assert load_graph(study).edge_count == metrics.variants[-1].edges[0] > 0
    assert len(load_gates(study)) > 0
    assert load_examples(study, "1") is None
    found = load_labels(study, "heldout")
    if labelled:
        assert torch.equal(found, labels[1])
    else:
        with torch.no_grad():
            assert torch.equal(found, network(_inputs(100, (12,), 2)).argmax(1))
        assert all(v.accuracy == v.agreement for v in metrics.variants)
    _check_last_site(study, network[4], "3", metrics.variants[0].accuracy)


def _check_last_site(study: Study, readout: nn.Module, site: str, accuracy: float) -> None:
    """By hand: the last site's reconstruction through the rest of the network."""
    heldout = load_activations(study, "heldout").stores[site].as_tensor()
    sae = load_dictionary(study, site).encoder
    with torch.no_grad():
        outputs = readout(sae.decode(sae.encode(heldout)))  # pyright: ignore[reportAttributeAccessIssue]
    expected = (outputs.argmax(1) == load_labels(study, "heldout")).double().mean()
    assert accuracy == pytest.approx(float(expected), abs=1e-9)


@pytest.mark.parametrize("sites", [("4", "6"), ("5:in", "7:in")])
def test_convolutional_network_on_images(tmp_path: Path, sites: tuple[str, str]) -> None:
    network = _conv()
    with torch.no_grad():
        network(_inputs(50, (1, 8, 8), 9))
    network.train()
    network[7].eval()
    network[9].requires_grad_(False)
    subject = _subject(network, sites, (1, 8, 8), image_shape=(8, 8))
    before = _state(network)
    study = pipeline.train_on(tmp_path / "s", CONFIG, subject)
    metrics = pipeline.extract(study, subject)
    assert _state(network) == before
    network.eval()
    last = load_graph(study).sites[1]
    rest = network[int(last[0]) + (0 if last.endswith(".in") else 1) :]
    _check_last_site(study, rest, last, metrics.variants[0].accuracy)
    for site in load_graph(study).sites:
        _check_examples(study, site)


def _check_examples(study: Study, site: str) -> None:
    examples = load_examples(study, site)
    assert examples is not None
    encoder = load_dictionary(study, site).encoder
    with torch.no_grad():
        features = encoder.encode(load_activations(study, "heldout").stores[site].as_tensor()).numpy()
    assert examples.images.shape == (features.shape[1], 9, 8, 8)
    assert examples.optimised.shape == (features.shape[1], 8, 8)
    np.testing.assert_allclose(examples.values[:, 0], features.max(axis=0), rtol=1e-6)
    pictures = (_inputs(100, (8, 8), 2).numpy() * 255).round().astype(np.uint8)
    shown = examples.values[:, 0] > 0
    assert shown.any()
    np.testing.assert_array_equal(examples.images[shown, 0], pictures[examples.rows[shown, 0]])


def test_activations_before_a_relu_in_place_are_the_linear_ones(tmp_path: Path) -> None:
    subject = _subject(_conv(), ["3", "5"], (1, 8, 8))
    study = pipeline.train_on(tmp_path / "s", CONFIG, subject)
    assert float(load_activations(study, "heldout").stores["5"].as_tensor().min()) < 0


def test_same_subject_same_bytes_and_no_work_again(tmp_path: Path) -> None:
    for name in ("a", "b"):
        subject = _subject(_mlp(), ["1", "3"], (12,))
        pipeline.extract(pipeline.train_on(tmp_path / name, CONFIG, subject), subject)
    assert files_below(tmp_path / "a") == files_below(tmp_path / "b")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "a").rglob("*/*") if p.is_file()}
    pipeline.extract(pipeline.train_on(tmp_path / "a", CONFIG, subject), subject)
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_new_heldout_samples_are_measured(tmp_path: Path) -> None:
    network, train = _mlp(), _inputs(300, (12,), 1)

    def run(folder: str, seed: int) -> object:
        heldout = _inputs(100, (12,), seed)
        subject = own_subject(
            network, ["1", "3"], lambda: [train], lambda: [heldout], identity=f"mine {seed}"
        )
        pipeline.extract(pipeline.train_on(tmp_path / folder, CONFIG, subject), subject)
        return files_below(tmp_path / folder)

    run("changed", 2)
    assert run("changed", 3) == run("fresh", 3)


def test_another_subject_is_refused(tmp_path: Path) -> None:
    subject = _subject(_mlp(), ["1", "3"], (12,))
    study = pipeline.train_on(tmp_path / "s", CONFIG, subject)
    before = files_below(study.root)
    for other in (
        _subject(_mlp(), ["1", "3"], (12,), identity="other"),
        _subject(_mlp(), ["0", "3"], (12,)),
    ):
        with pytest.raises(StudyError, match="was made from another network"):
            pipeline.extract(study, other)
    for command in (pipeline.extract, pipeline.verify):
        with pytest.raises(StudyError, match="through the Python API"):
            command(study)
    assert files_below(study.root) == before


def test_sites_of_an_own_network() -> None:
    with pytest.raises(UnknownNameError, match="unknown site '9'"):
        _subject(_mlp(), ["1", "9"], (12,))
    with pytest.raises(ConfigError, match="needs at least two"):
        _subject(_mlp(), ["1"], (12,))
    with pytest.raises(ConfigError, match="name that is taken: write outputs:out"):
        _subject(_Named(), ["first", "outputs"], (12,))


class _Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.outputs = nn.Linear(12, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.outputs(torch.relu(self.first(x)))


def test_site_called_like_the_stored_outputs(tmp_path: Path) -> None:
    subject = _subject(_Named(), ["first", "outputs:out"], (12,))
    study = pipeline.train_on(tmp_path / "s", CONFIG, subject)
    assert set(load_activations(study, "train").stores) >= {"first", "outputs.out", "outputs", "inputs"}


def test_sites_in_the_wrong_order(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in the order 1, 3: give them so"):
        pipeline.train_on(tmp_path / "s", CONFIG, _subject(_mlp(), ["3", "1"], (12,)))


def test_a_pass_that_cannot_be_repeated_is_refused(tmp_path: Path) -> None:
    inputs = _inputs(300, (12,), 1)
    once = iter(inputs.split(64))
    used_up = own_subject(_mlp(), ["1", "3"], lambda: once, lambda: inputs.split(64), identity="mine")
    with pytest.raises(ConfigError, match="train gives the same iterator twice"):
        pipeline.train_on(tmp_path / "s", CONFIG, used_up)
    fresh = own_subject(
        _mlp(), ["1", "3"], lambda: iter(inputs.split(64)), lambda: inputs.split(64), identity="mine"
    )
    study = pipeline.train_on(tmp_path / "t", CONFIG, fresh)
    assert len(load_labels(study, "train")) == 300


def test_image_shape_that_does_not_fit() -> None:
    with pytest.raises(ConfigError, match=r"shape \[3, 8, 8\] are no images of \[8, 8\]"):
        _subject(_mlp(), ["1", "3"], (3, 8, 8), image_shape=(8, 8))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (torch.zeros(7, dtype=torch.int64), "do not match 300 samples"),
        (torch.zeros(300, 1, dtype=torch.int64), "do not match 300 samples"),
        (torch.zeros(300), "class number"),
        (torch.full((300,), 3), "from 3 to 3: the network has 3 outputs"),
        (torch.full((300,), -1), "from -1 to -1"),
    ],
)
def test_labels_that_do_not_fit(tmp_path: Path, labels: Tensor, words: str) -> None:
    with pytest.raises(DataError, match=words):
        pipeline.train_on(tmp_path / "s", CONFIG, _subject(_mlp(), ["1", "3"], (12,), train_labels=labels))
    study = Study.open(tmp_path / "s")
    assert study.artefacts() == ("network",)
    assert not (study.root / "activations").exists()


class _Casting(nn.Module):
    """Takes whole numbers too."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(12, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(x.float())))


def _nan_at(row: int) -> Tensor:
    inputs = _inputs(300, (12,), 1)
    inputs[row, 2] = torch.nan
    return inputs


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (_nan_at(200), "sample 200 is not finite"),
        (torch.zeros(0, 12), "no samples|no activations|at least one"),
        (torch.ones(300, 12, dtype=torch.int64), "needs floats"),
    ],
)
def test_inputs_that_cannot_be_captured(tmp_path: Path, inputs: Tensor, words: str) -> None:
    subject = own_subject(
        _Casting(), ["first", "second"], lambda: inputs.split(64), lambda: inputs.split(64), identity="mine"
    )
    with pytest.raises(DataError, match=words):
        pipeline.train_on(tmp_path / "s", CONFIG, subject)
    assert Study.open(tmp_path / "s").artefacts() == ("network",)
    assert set(files_below(tmp_path / "s" )) == {
        "manifest.json", "study.toml", "network/network.json", "network/weights.safetensors"
    }  # fmt: skip
