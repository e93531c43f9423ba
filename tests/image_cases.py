"""Easy labelled images, shared by the tests of networks and of feature networks."""

import numpy as np

from circuitlogic.datasets.images import ImageData, ImageSplit


def blobs(samples: int = 600, classes: int = 4, seed: int = 0) -> ImageData:
    """4 by 4 images: each class a random pattern under noise."""
    rng = np.random.default_rng(seed)
    patterns = rng.random((classes, 16))

    def split(count: int) -> ImageSplit:
        labels = rng.integers(classes, size=count).astype(np.int64)
        images = patterns[labels] + 0.15 * rng.standard_normal((count, 16))
        return ImageSplit(images.astype(np.float32), labels)

    return ImageData("blobs", (4, 4), classes, split(samples), split(300), split(300))
