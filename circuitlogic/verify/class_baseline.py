"""Owns the null reading of an image classifier's feature: its firing said by the image's class, no circuit."""

import numpy as np
from numpy.typing import NDArray

from circuitlogic.logic.scores import count

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def class_f1(train: BoolArray, train_labels: IntArray, heldout: BoolArray, heldout_labels: IntArray) -> float:
    """Held-out F1 of "the class is one of these", the classes chosen for training F1.

    The best set of classes is a prefix of the classes by firing rate.

    Args:
        train: [N] the feature fires on a training sample.
        train_labels: [N] classes, from 0.
        heldout: [M] the same on held-out samples.
        heldout_labels: [M]
    """
    classes = int(max(train_labels.max(initial=0), heldout_labels.max(initial=0))) + 1
    samples = np.bincount(train_labels, minlength=classes).astype(np.float64)
    firing = np.bincount(train_labels[train], minlength=classes).astype(np.float64)
    order = np.argsort(-firing / np.maximum(samples, 1.0), kind="stable")
    f1 = 2 * np.cumsum(firing[order]) / np.maximum(np.cumsum(samples[order]) + firing.sum(), 1.0)
    said = np.zeros(classes, dtype=np.bool_)
    said[order[: int(np.argmax(f1)) + 1]] = True
    return count(said[heldout_labels], heldout).f1
