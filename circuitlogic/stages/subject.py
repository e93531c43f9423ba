"""Stage 1: the network under study, trained here or brought by the caller, and the samples it is studied on."""

import hashlib
import math
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from circuitlogic.activations.paired import INPUTS, OUTPUTS
from circuitlogic.activations.sites import Site, find_sites
from circuitlogic.activations.windows import TokenWindows
from circuitlogic.config import StudyConfig
from circuitlogic.datasets.images import ImageData, ImageSplit
from circuitlogic.datasets.registry import load_images
from circuitlogic.errors import ConfigError, DataError, StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.networks.image_mlp import ImageClassifier
from circuitlogic.networks.training import ClassifierScores, score_classifier, train_classifier
from circuitlogic.progress import Progress
from circuitlogic.stages.seeds import seed_for
from circuitlogic.study import Study
from circuitlogic.tensor_files import read_tensors, write_tensors

NETWORK = "network"
_WEIGHTS = "weights.safetensors"
CARD_FILE = "network.json"
_BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """One split: batches of inputs, as often as asked for, and their labels."""

    batches: Callable[[], Iterable[Tensor]]
    labels: Tensor | None
    """[samples]; None takes the original network's own answers as labels."""


@dataclass(frozen=True, slots=True, eq=False)
class SubjectText:
    """What a subject reads, where its samples are tokens: row r of the activations is the r-th kept token."""

    train: TokenWindows
    heldout: TokenWindows
    vocabulary: tuple[str, ...]
    """Every token as people read it; foreign text."""

    def windows(self, split: str) -> TokenWindows:
        """Of `train` or `heldout`."""
        return self.train if split == "train" else self.heldout


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A network, the sites to decompose, and samples."""

    network: nn.Module
    sites: tuple[Site, ...]
    train: Samples
    heldout: Samples
    identity: str
    """Changes when the network or the samples do: the key of everything made from them."""
    image_shape: tuple[int, int] | None = None
    """Height and width, where the inputs are images."""
    text: SubjectText | None = None
    """Where the inputs are tokens."""

    @contextmanager
    def at_rest(self) -> Generator["Subject"]:
        """Itself; while inside, the network is in eval mode and takes no gradients; then it is as it was."""
        modes = [(module, module.training) for module in self.network.modules()]
        learning = [(parameter, parameter.requires_grad) for parameter in self.network.parameters()]
        self.network.eval().requires_grad_(False)
        try:
            yield self
        finally:
            for module, training in modes:
                module.training = training
            for parameter, required in learning:
                parameter.requires_grad_(required)


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """What a study remembers of its network."""

    kind: str
    """`image-classifier`, `language-model`, or `module` for a network brought by the caller."""
    sites: tuple[str, ...]
    image_shape: tuple[int, int] | None
    classes: int | None
    """Classes, or tokens."""
    hidden: tuple[int, ...]
    parameters: int
    scores: tuple[ClassifierScores, ...]


def own_subject(
    network: nn.Module,
    sites: Iterable[str],
    train: Callable[[], Iterable[Tensor]],
    heldout: Callable[[], Iterable[Tensor]],
    *,
    identity: str,
    train_labels: Tensor | None = None,
    heldout_labels: Tensor | None = None,
    image_shape: tuple[int, int] | None = None,
) -> Subject:
    """A subject of your own: any module, the names of its sites, and batch iterators.

    Args:
        network: Evaluated in eval mode, never changed.
        sites: At least two, in the order in which the network computes them.
        train: Makes a fresh iterator over batches of training inputs [batch, ...], the same at every call.
        heldout: The same for held-out inputs.
        identity: A name or hash of the network and the data; another one makes every artefact again.
        train_labels: [samples], class numbers; None takes the network's own answers.
        heldout_labels: The same for held-out inputs.
        image_shape: Height and width, where each input is one image with values 0..1: gives example pictures.

    Raises:
        ConfigError, UnknownNameError: fewer than two sites, one that does not exist, or inputs that are not
            images of `image_shape`.
    """
    found = at_least_two(find_sites(network, tuple(sites)))
    for site in found:
        if site.name in (INPUTS, OUTPUTS):
            raise ConfigError(f"site {site.name!r} has a name that is taken: write {site.module}:{site.side}")
    first = next(iter(heldout()), None) if image_shape is not None else None
    if image_shape is not None and first is not None and first[0].numel() != math.prod(image_shape):
        raise ConfigError(
            f"inputs of shape {list(first.shape[1:])} are no images of {list(image_shape)}: leave out image_shape"
        )
    return Subject(
        network, found, Samples(train, train_labels), Samples(heldout, heldout_labels), identity, image_shape
    )


def at_least_two(sites: tuple[Site, ...]) -> tuple[Site, ...]:
    """`sites`; fewer are refused."""
    if len(sites) < 2:
        raise ConfigError(f"{len(sites)} site is given: a connector needs at least two")
    return sites


def load_data(config: StudyConfig, progress: Progress) -> ImageData:
    """The images that the config names."""
    path = None if config.data.path is None else Path(config.data.path)
    return load_images(config.data.dataset, path, config.seed, config.data.heldout_fraction, progress)


def make_classifier(study: Study, data: ImageData, progress: Progress) -> Subject:
    """Train (or take up) the config's image classifier.

    Raises:
        ConfigError, UnknownNameError: sites that do not suit it.
        DataError: the images or the loss are not finite.
    """
    _check_finite(data)
    config, key = study.config, _classifier_key(study, data)
    check_sites(config, data)
    if not study.is_done(NETWORK, key):
        generator = torch.Generator().manual_seed(seed_for(config.seed, NETWORK))
        network = train_classifier(data, config.network, generator, progress)
        with study.making(NETWORK, key) as folder:
            write_tensors(folder / _WEIGHTS, network.state_dict())
            write_json(folder / CARD_FILE, asdict(_classifier_card(network, data, config)))
    return classifier_subject(study, data)


def _check_finite(data: ImageData) -> None:
    for name, split in (("train", data.train), ("held-out", data.heldout), ("test", data.test)):
        bad = np.flatnonzero(~np.isfinite(split.images).all(axis=1))
        if bad.size:
            raise DataError(f"{name} image {bad[0]} of {data.name} is not finite: check the data")


def _classifier_key(study: Study, data: ImageData) -> str:
    config = study.config
    return study.key("network", config.network, config.sites, config.seed, _fingerprint(data))


def _classifier_sites(network: ImageClassifier, config: StudyConfig) -> tuple[Site, ...]:
    return at_least_two(find_sites(network, config.sites or network.site_names))


def check_sites(config: StudyConfig, data: ImageData) -> None:
    """A wrong site should cost neither the training of a network nor the settings of an earlier one.

    Raises:
        ConfigError, UnknownNameError: fewer than two sites, or one that the config's classifier lacks.
    """
    pixels = data.shape[0] * data.shape[1]
    _classifier_sites(ImageClassifier(pixels, config.network.hidden, data.classes, torch.Generator()), config)


def _classifier_card(network: ImageClassifier, data: ImageData, config: StudyConfig) -> NetworkCard:
    splits = (("train", data.train), ("heldout", data.heldout))
    return NetworkCard(
        kind="image-classifier",
        sites=tuple(site.name for site in _classifier_sites(network, config)),
        image_shape=data.shape,
        classes=data.classes,
        hidden=config.network.hidden,
        parameters=sum(p.numel() for p in network.parameters()),
        scores=tuple(score_classifier(network, split, name) for name, split in splits),
    )


def classifier_subject(study: Study, data: ImageData) -> Subject:
    """The study's trained classifier with the samples of `data`.

    Raises:
        StudyError: it is missing, damaged, brought by the caller, or was trained with other settings or data.
    """
    network = load_classifier(study)
    if study.entry(NETWORK).key != _classifier_key(study, data):
        raise StudyError(
            f"{study.root}: the network was trained with other settings or data than the study has now: "
            f"run `circuitlogic train --out {study.root}`"
        )
    return Subject(
        network,
        _classifier_sites(network, study.config),
        image_samples(data.train),
        image_samples(data.heldout),
        study.entry(NETWORK).content,
        data.shape,
    )


def image_samples(split: ImageSplit) -> Samples:
    """A split of images as batches."""
    images = torch.from_numpy(split.images)
    return Samples(lambda: images.split(_BATCH), torch.from_numpy(split.labels))


def make_own_card(study: Study, subject: Subject) -> None:
    """Remember a network brought by the caller; its weights are kept for the record only."""
    key = _own_key(study, subject)
    if study.is_done(NETWORK, key):
        return
    card = NetworkCard(
        kind="module",
        sites=tuple(site.name for site in subject.sites),
        image_shape=subject.image_shape,
        classes=None,
        hidden=(),
        parameters=sum(p.numel() for p in subject.network.parameters()),
        scores=(),
    )
    with study.making(NETWORK, key) as folder:
        write_tensors(folder / _WEIGHTS, {k: v.clone() for k, v in subject.network.state_dict().items()})
        write_json(folder / CARD_FILE, {**asdict(card), "identity": subject.identity})


def _own_key(study: Study, subject: Subject) -> str:
    return study.key("module", subject.identity, [site.name for site in subject.sites], subject.image_shape)


def check_subject(study: Study, subject: Subject) -> None:
    """Refuse a subject that the study was not made from.

    Raises:
        StudyError: it has another identity, other sites or another image shape; or the study is not trained.
    """
    entry = study.entry(NETWORK)
    if entry.key != _own_key(study, subject) and entry.content != subject.identity:
        raise StudyError(
            f"{study.root} was made from another network than {subject.identity!r}: "
            "pass the subject that it was trained on"
        )


def load_card(study: Study) -> NetworkCard:
    """What the study remembers of its network.

    Raises:
        StudyError: missing or damaged.
    """
    path = study.folder(NETWORK) / CARD_FILE
    value = read_json(path)
    try:
        shape = value["image_shape"]
        return NetworkCard(
            kind=str(value["kind"]),
            sites=tuple(str(s) for s in value["sites"]),
            image_shape=None if shape is None else (int(shape[0]), int(shape[1])),
            classes=None if value["classes"] is None else int(value["classes"]),
            hidden=tuple(int(n) for n in value["hidden"]),
            parameters=int(value["parameters"]),
            scores=tuple(ClassifierScores(**score) for score in value["scores"]),
        )
    except (KeyError, TypeError, ValueError):
        raise StudyError(f"{path} is damaged: it does not describe a network") from None


def load_classifier(study: Study) -> ImageClassifier:
    """The study's classifier, in eval mode.

    Raises:
        StudyError: the study's network was brought by the caller, or its files are damaged.
    """
    card = load_card(study)
    if card.kind != "image-classifier" or card.image_shape is None or card.classes is None:
        raise StudyError(
            f"{study.root}: its network was given as a Python module; pass it again through the Python API"
        )
    pixels = card.image_shape[0] * card.image_shape[1]
    network = ImageClassifier(pixels, card.hidden, card.classes, torch.Generator().manual_seed(0))
    tensors = read_tensors(study.folder(NETWORK) / _WEIGHTS, tuple(network.state_dict()))
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise StudyError(
            f"{study.root / NETWORK / _WEIGHTS}: {str(error).splitlines()[-1].strip()}"
        ) from None
    return network.eval()


def _fingerprint(data: ImageData) -> list[object]:
    """Identifies the images and labels of every split, wherever they lie."""
    arrays = (a for split in (data.train, data.heldout, data.test) for a in (split.images, split.labels))
    return [
        data.name,
        data.shape,
        *(hashlib.sha256(np.ascontiguousarray(a).data).hexdigest() for a in arrays),
    ]
