"""A folder of four IDX files under their standard names: finding it and reading it whole."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from circuitlogic.datasets.idx import read_images, read_labels
from circuitlogic.datasets.images import RawImages, RawSplit
from circuitlogic.errors import DataError
from circuitlogic.progress import Progress

DATA_VARIABLE = "CIRCUITLOGIC_DATA"
"""Environment variable that names a folder of data."""
FILE_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""Training images, training labels, test images, test labels; each may end in `.gz`."""
_SUBFOLDERS = ("", "mnist", "MNIST/raw")
_WHITE = 255


@dataclass(frozen=True, slots=True)
class IdxFolder:
    """Where the four files are."""

    train_images: Path
    train_labels: Path
    test_images: Path
    test_labels: Path


def files_in(folder: Path) -> dict[str, Path]:
    """The standard names that `folder` itself holds, each with its file (plain before gzipped)."""
    found: dict[str, Path] = {}
    for name in FILE_NAMES:
        # `train-images.idx3-ubyte` is how some archives spell `train-images-idx3-ubyte`.
        spellings = (name, name.replace("-idx", ".idx"))
        candidates = [folder / f"{spelling}{end}" for spelling in spellings for end in ("", ".gz")]
        file = next((candidate for candidate in candidates if candidate.is_file()), None)
        if file is not None:
            found[name] = file
    return found


def complete_folder(folder: Path) -> IdxFolder | None:
    """The four files in `folder` itself; None where one is missing."""
    found = files_in(folder)
    return IdxFolder(*(found[name] for name in FILE_NAMES)) if len(found) == len(FILE_NAMES) else None


def find_under(root: Path) -> IdxFolder | None:
    """The four files in `root`, `root/mnist` or `root/MNIST/raw`; None where none of these holds any of them.

    Raises:
        DataError: a folder holds some of the four files but not all.
    """
    for folder in (root / subfolder for subfolder in _SUBFOLDERS):
        found = files_in(folder)
        if len(found) == len(FILE_NAMES):
            return IdxFolder(*(found[name] for name in FILE_NAMES))
        if found:
            missing = [name for name in FILE_NAMES if name not in found]
            raise DataError(f"{folder}: {_listed(missing)} missing: the four IDX files must lie together")
    return None


def find_given(path: Path) -> IdxFolder:
    """The four files under a path the user named; nothing else is tried.

    Raises:
        DataError: they are not there.
    """
    found = find_under(path)
    if found is None:
        state = "holds none of the IDX files" if path.is_dir() else "is not a folder"
        raise DataError(f"{path}: {state}: expected {wanted_files()} there or in its mnist/ or MNIST/raw/")
    return found


def find_by_variable() -> IdxFolder | None:
    """The four files under the folder that `CIRCUITLOGIC_DATA` names; None where it is unset or has none."""
    root = os.environ.get(DATA_VARIABLE)
    return find_under(Path(root)) if root else None


def wanted_files() -> str:
    """The four names in words, for messages."""
    return _listed(f"{name}[.gz]" for name in FILE_NAMES)


def load_idx(path: Path | None, progress: Progress) -> RawImages:
    """Any four IDX files: images of any one size, labels 0..255.

    Raises:
        DataError: the files are missing, damaged, or do not fit together.
    """
    found = find_by_variable() if path is None else find_given(path)
    if found is None:
        raise DataError(
            f"dataset 'idx' needs a folder: give the path of one that holds {wanted_files()}, "
            f"or name it in {DATA_VARIABLE}"
        )
    return read_folder(found, progress)


def read_folder(folder: IdxFolder, progress: Progress) -> RawImages:
    """Read the four files.

    Raises:
        DataError: a file is damaged, counts or sizes differ, or a test label is above all training labels.
    """
    progress.note(f"reading {folder.train_images.parent}")
    training, shape = _read_part(folder.train_images, folder.train_labels)
    test, test_shape = _read_part(folder.test_images, folder.test_labels)
    if test_shape != shape:
        raise DataError(
            f"{folder.test_images}: images of {test_shape[0]}x{test_shape[1]}, "
            f"but the training images are {shape[0]}x{shape[1]}: both must have one size"
        )
    classes = int(training.labels.max()) + 1
    check_labels(folder.test_labels, test, classes)
    return RawImages(shape, classes, _WHITE, training, test)


def check_labels(path: Path, part: RawSplit, classes: int) -> None:
    """Refuse labels outside 0..classes-1.

    Raises:
        DataError: names the first label that is too large.
    """
    bad = np.flatnonzero(part.labels >= classes)
    if bad.size:
        at = int(bad[0])
        raise DataError(
            f"{path}: label {part.labels[at]} of sample {at} is out of range: allowed 0..{classes - 1}"
        )


def _read_part(images_path: Path, labels_path: Path) -> tuple[RawSplit, tuple[int, int]]:
    images, labels = read_images(images_path), read_labels(labels_path)
    count, height, width = images.shape
    if len(labels) != count:
        raise DataError(f"{labels_path}: {len(labels)} labels for the {count} images of {images_path.name}")
    return RawSplit(images.reshape(count, height * width), labels.astype(np.int64)), (height, width)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
