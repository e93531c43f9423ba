"""The value types of labelled images, and the one place that cuts a training part into train and held-out."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import ConfigError, DataError

Images: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int64]
Pixels: TypeAlias = NDArray[np.uint8]

DEFAULT_HELDOUT_FRACTION = 1 / 6
"""MNIST: 10,000 of the 60,000 training images."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageSplit:
    """Images with their labels, row for row."""

    images: Images
    """[n, pixels], brightness 0..1, each row an image read line by line."""
    labels: Labels
    """[n], class numbers from 0."""

    def __post_init__(self) -> None:
        if self.images.ndim != 2 or self.labels.shape != self.images.shape[:1]:
            raise DataError(
                f"images of shape {self.images.shape} do not go with labels of shape {self.labels.shape}: "
                "they must be [n, pixels] and [n]"
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class ImageData:
    """A dataset, split: learn on `train`, measure on `heldout`, report the last word on `test`."""

    name: str
    """The dataset's registered name."""
    shape: tuple[int, int]
    """Height and width of one image; height * width = pixels."""
    classes: int
    """Number of classes; labels are 0..classes-1."""
    train: ImageSplit
    heldout: ImageSplit
    """Cut from the official training part by the seed; never trained on."""
    test: ImageSplit
    """The official test part; the same for every seed."""


@dataclass(frozen=True, slots=True, eq=False)
class RawSplit:
    """Images as their file holds them."""

    pixels: Pixels
    """[n, pixels], 0..white."""
    labels: Labels
    """[n]."""

    def take(self, rows: NDArray[np.int64] | slice, white: int) -> ImageSplit:
        """The given rows with brightness scaled to 0..1."""
        scaled = self.pixels[rows].astype(np.float32)
        scaled /= np.float32(white)
        return ImageSplit(scaled, self.labels[rows])


@dataclass(frozen=True, slots=True, eq=False)
class RawImages:
    """What a loader returns: the official parts, not yet scaled nor cut by the user's seed."""

    shape: tuple[int, int]
    """Height and width of one image."""
    classes: int
    white: int
    """The pixel value that stands for full brightness."""
    training: RawSplit
    test: RawSplit


def heldout_rows(n: int, seed: int, fraction: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row numbers (train, held-out) of a training part of `n` rows, each ascending.

    Raises:
        ConfigError: the seed is negative, or a side would be empty.
    """
    if seed < 0:
        raise ConfigError(f"seed {seed} is negative: give 0 or a positive whole number")
    count = round(n * fraction) if 0 < fraction < 1 else 0
    if not 0 < count < n:
        raise ConfigError(
            f"a held-out fraction of {fraction:g} of {n} images leaves train or held-out empty: "
            "give a number between 0 and 1"
        )
    order = np.random.Generator(np.random.PCG64(seed)).permutation(n).astype(np.int64)
    return np.sort(order[count:]), np.sort(order[:count])


def split_images(name: str, raw: RawImages, seed: int, heldout_fraction: float | None) -> ImageData:
    """Scale to 0..1 and cut the training part by the seed (`heldout_fraction` None: one sixth)."""
    fraction = DEFAULT_HELDOUT_FRACTION if heldout_fraction is None else heldout_fraction
    train, heldout = heldout_rows(len(raw.training.labels), seed, fraction)
    return ImageData(
        name=name,
        shape=raw.shape,
        classes=raw.classes,
        train=raw.training.take(train, raw.white),
        heldout=raw.training.take(heldout, raw.white),
        test=raw.test.take(slice(None), raw.white),
    )
