"""Lists the samples on which a row is active, with its inputs there: the plain form, which defines it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import scipy.sparse as sp

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import Columns


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A row where any of its inputs or its output is active."""

    samples: IntArray
    """[N] which samples these are, ascending."""
    inputs: Columns
    """[N, k] the row's inputs there."""
    predicted: FloatArray
    """[N] their weighted sum with the bias, where that is above 0."""
    target: FloatArray
    """[N] the output's activation."""


Output: TypeAlias = tuple[FloatArray, IntArray]
"""The values of the row's output, and on which samples."""
Listing: TypeAlias = Callable[[sp.csc_array, IntArray, FloatArray, float, Output], Listed]


class Lister:
    """Lists the samples of one row after another; its buffers serve every row in turn."""

    def __init__(self, samples: int) -> None:
        """Buffers for so many samples."""
        self._active: BoolArray = np.zeros(samples, dtype=np.bool_)
        self._place: IntArray = np.zeros(samples, dtype=np.int64)
        """Where a listed sample stands among the listed ones."""

    def __call__(
        self, matrix: sp.csc_array, sources: IntArray, weights: FloatArray, bias: float, output: Output
    ) -> Listed:
        """List one row.

        Args:
            matrix: Source features [samples, features].
            sources: The row's inputs.
            weights: Of these inputs.
            bias: Of the output.
            output: The row's output.
        """
        values, fired = output
        stored = cast("FloatArray", matrix.data)
        lows, highs = matrix.indptr[sources].tolist(), matrix.indptr[sources + 1].tolist()
        spans = [slice(low, high) for low, high in zip(lows, highs, strict=True)]
        where = np.concatenate([fired, *(matrix.indices[span] for span in spans)])
        self._active[where] = True
        samples = self._active.nonzero()[0]
        self._active[samples] = False
        self._place[samples] = np.arange(samples.size)
        at = self._place[where]
        data = np.concatenate([np.zeros(0), *(stored[span] for span in spans)])
        starts = np.cumsum([0, *(span.stop - span.start for span in spans)]).astype(np.int64)
        inputs = Columns(data, at[fired.size :], starts, (samples.size, sources.size))
        target = np.zeros(samples.size)
        target[at[: fired.size]] = values
        predicted = np.maximum(inputs.weighted(weights) + bias, 0.0)
        return Listed(samples, inputs, predicted, target)
