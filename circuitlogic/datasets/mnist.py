"""MNIST: where its four files are looked for, and fetching them once into the user's cache.

A path that is given is read or refused. Else the first of these that has them is read: the folder in
CIRCUITLOGIC_DATA; the cache; a download. Checksums hold for downloads only: a user's own
files may be packed differently.
"""

from pathlib import Path

import platformdirs

from circuitlogic.datasets.download import PublishedFile, fetch
from circuitlogic.datasets.idx_folder import (
    DATA_VARIABLE,
    FILE_NAMES,
    IdxFolder,
    check_labels,
    complete_folder,
    files_in,
    find_by_variable,
    find_given,
    read_folder,
)
from circuitlogic.datasets.images import RawImages
from circuitlogic.errors import DataError
from circuitlogic.progress import Progress

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
PUBLISHED = (
    PublishedFile("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
    PublishedFile("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
    PublishedFile("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
    PublishedFile("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
)
_SHAPE = (28, 28)
_CLASSES = 10


def load_mnist(path: Path | None, progress: Progress) -> RawImages:
    """MNIST, or a set of the same form such as Fashion-MNIST: 28 x 28, ten classes.

    Raises:
        DataError: the files cannot be had, are damaged, or are not of MNIST's form.
    """
    folder = find_given(path) if path is not None else find_by_variable() or _cached(progress)
    raw = read_folder(folder, progress)
    if raw.shape != _SHAPE:
        raise DataError(
            f"{folder.train_images}: images of {raw.shape[0]}x{raw.shape[1]}, MNIST has 28x28: "
            "use dataset 'idx' for images of another size"
        )
    check_labels(folder.train_labels, raw.training, _CLASSES)
    return RawImages(raw.shape, _CLASSES, raw.white, raw.training, raw.test)


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path(platformdirs.user_cache_dir("circuitlogic", appauthor=False)) / "mnist"


def _cached(progress: Progress) -> IdxFolder:
    folder = cache_folder()
    if complete_folder(folder) is None:
        _download_missing(folder, progress)
    found = complete_folder(folder)
    if found is None:
        raise DataError(f"{folder}: files vanished while they were being downloaded: run the command again")
    return found


def _download_missing(folder: Path, progress: Progress) -> None:
    present = files_in(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in zip(FILE_NAMES, PUBLISHED, strict=True):
            if name not in present:
                progress.note(f"downloading {file.name} to {folder}")
                fetch(file, MIRRORS, folder, progress)
    except (OSError, DataError) as error:
        names = ", ".join(file.name for file in PUBLISHED)
        raise DataError(
            f"MNIST is not on this machine and {error}: put {names} into {folder}, "
            f"or into a folder that you give as the path or in {DATA_VARIABLE}"
        ) from error
