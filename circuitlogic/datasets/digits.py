"""scikit-learn's embedded handwritten digits: 1,797 images of 8 x 8, nothing to download.

They have no official test part, so one is cut here, stratified by class, with a constant seed of its own:
the test images are the same whatever seed the user gives.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitlogic.datasets.images import Labels, RawImages, RawSplit
from circuitlogic.errors import ConfigError
from circuitlogic.progress import Progress

_TEST_SEED = 1797
_TEST_FRACTION = 0.2
_WHITE = 16


def load_digits(path: Path | None, progress: Progress) -> RawImages:  # noqa: ARG001
    """The digits in their two parts.

    Raises:
        ConfigError: a path is given; there is nothing to read.
    """
    if path is not None:
        raise ConfigError(f"dataset 'digits' is built in and reads no files: leave out the path {path}")
    # Reason for the late import: it takes a second that the readers of other datasets need not wait for.
    from sklearn.datasets import load_digits as embedded_digits

    pixels, targets = embedded_digits(return_X_y=True)
    pixels = np.asarray(pixels).astype(np.uint8)
    labels = np.asarray(targets).astype(np.int64)
    is_test = _stratified_test_mask(labels)
    return RawImages(
        shape=(8, 8),
        classes=10,
        white=_WHITE,
        training=RawSplit(pixels[~is_test], labels[~is_test]),
        test=RawSplit(pixels[is_test], labels[is_test]),
    )


def _stratified_test_mask(labels: Labels) -> NDArray[np.bool_]:
    generator = np.random.Generator(np.random.PCG64(_TEST_SEED))
    mask = np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        mask[generator.permutation(rows)[: round(len(rows) * _TEST_FRACTION)]] = True
    return mask
