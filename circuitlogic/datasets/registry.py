"""The datasets by name, and `load_images`, the one way in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from circuitlogic.datasets.digits import load_digits
from circuitlogic.datasets.idx_folder import load_idx
from circuitlogic.datasets.images import ImageData, RawImages, split_images
from circuitlogic.datasets.mnist import load_mnist
from circuitlogic.progress import SILENT, Progress
from circuitlogic.registry import Registry

Loader: TypeAlias = Callable[[Path | None, Progress], RawImages]


@dataclass(frozen=True, slots=True)
class Dataset:
    """One kind of labelled images."""

    name: str
    summary: str
    """One line for listings."""
    load: Loader
    """Reads the official parts from a path, or from where the dataset is usually found."""


_DATASETS: Registry[Dataset] = Registry("dataset")


def register_dataset(dataset: Dataset) -> None:
    """Make `dataset` known by its name.

    Raises:
        ConfigError: the name is taken.
    """
    _DATASETS.add(dataset.name, dataset)


def dataset_names() -> tuple[str, ...]:
    """All registered names, in the order of registration."""
    return tuple(_DATASETS)


def dataset_named(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        UnknownNameError: there is none; suggests near names.
    """
    return _DATASETS[name]


def load_images(
    name: str,
    path: Path | None = None,
    seed: int = 0,
    heldout_fraction: float | None = None,
    progress: Progress = SILENT,
) -> ImageData:
    """Load a dataset and cut its training part into train and held-out by `seed`.

    Args:
        heldout_fraction: share of the training part that is held out; None means one sixth.

    Raises:
        UnknownNameError: no dataset of that name.
        ConfigError: a senseless seed or fraction, or a path for a dataset that reads no files.
        DataError: files that are missing or damaged.
    """
    return split_images(name, dataset_named(name).load(path, progress), seed, heldout_fraction)


register_dataset(Dataset("digits", "scikit-learn's 1,797 digits of 8x8, built in", load_digits))
register_dataset(Dataset("mnist", "MNIST, 70,000 digits of 28x28, downloaded once", load_mnist))
register_dataset(Dataset("idx", "any folder of four IDX files, e.g. Fashion-MNIST", load_idx))
