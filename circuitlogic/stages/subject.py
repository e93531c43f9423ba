"""Stage 1: the network under study, trained here or brought by the caller, and the samples it is studied on."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from circuitlogic.activations.sites import Site, find_sites
from circuitlogic.config import StudyConfig
from circuitlogic.datasets.images import ImageData, ImageSplit
from circuitlogic.datasets.registry import load_images
from circuitlogic.errors import ConfigError, StudyError
from circuitlogic.networks.image_mlp import ImageClassifier
from circuitlogic.networks.training import ClassifierScores, score_classifier, train_classifier
from circuitlogic.progress import Progress
from circuitlogic.stages.seeds import seed_for
from circuitlogic.study import Study
from circuitlogic.tensor_files import read_json, read_tensors, write_json, write_tensors

NETWORK = "network"
_WEIGHTS = "weights.safetensors"
_CARD = "network.json"
_BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """One split: batches of inputs, as often as asked for, and their labels."""

    batches: Callable[[], Iterable[Tensor]]
    labels: Tensor | None
    """[samples]; None takes the original network's own answers as labels."""


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


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """What a study remembers of its network."""

    kind: str
    """`image-classifier`, or `module` for a network brought by the caller."""
    sites: tuple[str, ...]
    image_shape: tuple[int, int] | None
    classes: int | None
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
        train: Makes a fresh iterator over batches of training inputs.
        heldout: The same for held-out inputs.
        identity: A name or hash of the network and the data; another one makes every artefact again.

    Raises:
        ConfigError, UnknownNameError: fewer than two sites, or one that does not exist.
    """
    found = find_sites(network, tuple(sites))
    if len(found) < 2:
        raise ConfigError(f"{len(found)} site is given: a connector needs at least two")
    return Subject(
        network, found, Samples(train, train_labels), Samples(heldout, heldout_labels), identity, image_shape
    )


def load_data(config: StudyConfig, progress: Progress) -> ImageData:
    """The images that the config names."""
    path = None if config.data.path is None else Path(config.data.path)
    return load_images(config.data.dataset, path, config.seed, config.data.heldout_fraction, progress)


def make_classifier(study: Study, data: ImageData, progress: Progress) -> Subject:
    """Train (or take up) the config's image classifier."""
    config = study.config
    key = study.key("network", config.network, config.data, config.seed, _fingerprint(data))
    if not study.is_done(NETWORK, key):
        generator = torch.Generator().manual_seed(seed_for(config.seed, NETWORK))
        network = train_classifier(data, config.network, generator, progress)
        with study.making(NETWORK, key) as folder:
            write_tensors(folder / _WEIGHTS, network.state_dict())
            write_json(folder / _CARD, asdict(_classifier_card(network, data, config)))
    return classifier_subject(study, data)


def _classifier_card(network: ImageClassifier, data: ImageData, config: StudyConfig) -> NetworkCard:
    splits = (("train", data.train), ("heldout", data.heldout))
    return NetworkCard(
        kind="image-classifier",
        sites=config.sites or network.site_names,
        image_shape=data.shape,
        classes=data.classes,
        hidden=config.network.hidden,
        parameters=sum(p.numel() for p in network.parameters()),
        scores=tuple(score_classifier(network, split, name) for name, split in splits),
    )


def classifier_subject(study: Study, data: ImageData) -> Subject:
    """The study's trained classifier with the samples of `data`."""
    network = load_classifier(study)
    sites = find_sites(network, study.config.sites or network.site_names)
    if len(sites) < 2:
        raise ConfigError(f"{len(sites)} site is given: a connector needs at least two")
    return Subject(
        network,
        sites,
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
    key = study.key("module", subject.identity, [site.name for site in subject.sites])
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
        write_json(folder / _CARD, {**asdict(card), "identity": subject.identity})


def load_card(study: Study) -> NetworkCard:
    """What the study remembers of its network.

    Raises:
        StudyError: missing or damaged.
    """
    path = study.folder(NETWORK) / _CARD
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
    """Identifies the images without hashing all of them twice: sizes and sums of every split."""
    splits = (data.train, data.heldout, data.test)
    return [
        data.name,
        *(part for s in splits for part in (len(s), float(s.images.sum(dtype="f8")), int(s.labels.sum()))),
    ]
