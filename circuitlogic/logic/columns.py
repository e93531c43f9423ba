"""Owns firing: thresholds of an input, and its literals as sets of samples."""

from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import Literal

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]


def quantile(values: FloatArray, share: float) -> float:
    """The `share` quantile of `values` (linear between neighbours), without a full sort; 0 for no values."""
    if values.size == 0:
        return 0.0
    at = share * (values.size - 1)
    low = int(at)
    high = min(low + 1, values.size - 1)
    parted = values.copy()
    parted.partition((low, high))
    return float(parted[low] + (at - low) * (parted[high] - parted[low]))


def firing_threshold(values: FloatArray, fraction: float) -> float:
    """θ: `fraction` of the 95 % quantile of the positive `values`."""
    positive = values > 0
    return fraction * quantile(values if positive.all() else values[positive.nonzero()[0]], 0.95)


@dataclass(frozen=True, slots=True)
class Levels:
    """Where the literals of one input begin, measured on training samples."""

    cuts: tuple[float, ...]
    """Threshold per level, ascending (raw units)."""
    means: tuple[float, ...]
    """Mean activation of the samples between a level and the next (raw units)."""


@dataclass(frozen=True, slots=True, eq=False)
class InputColumn:
    """One input of the row: where its literals' thresholds lie, and the samples that pass them."""

    feature: FeatureId
    cuts: tuple[float, ...]
    """Threshold per level, ascending (raw units)."""
    rows: tuple[IntArray, ...]
    """Samples above each threshold, ascending; each a subset of the one before."""
    means: tuple[float, ...]
    """Mean activation of the samples between a level and the next (raw units)."""
    weak: IntArray
    """Samples on which it is active below its first threshold, ascending."""

    def literal(self, level: int) -> Literal:
        """The literal of `level`."""
        return Literal(self.feature, level)


def stored(matrix: scipy.sparse.csc_array) -> tuple[FloatArray, IntArray, IntArray]:
    """Values, rows and column starts, as they lie (of 32 or 64 bits)."""
    return cast("tuple[FloatArray, IntArray, IntArray]", (matrix.data, matrix.indices, matrix.indptr))


def column_of(inputs: scipy.sparse.csc_array, at: int) -> tuple[FloatArray, IntArray]:
    """The values stored in column `at`, and their samples."""
    span = slice(int(inputs.indptr[at]), int(inputs.indptr[at + 1]))
    values = np.asarray(inputs.data[span], dtype=np.float64)
    return values, np.asarray(inputs.indices[span], dtype=np.int64)


def measure_levels(values: FloatArray, fraction: float, levels: int) -> Levels:
    """Thresholds and means of one input from its stored activations."""
    cut = firing_threshold(values, fraction)
    values = values[(values > cut).nonzero()[0]]
    if levels == 1:
        return Levels((cut,), (float(values.mean()) if values.size else 0.0,))
    cuts = (cut, *(quantile(values, 1 - 0.5**level) for level in range(1, levels)))
    bands = np.searchsorted(np.asarray(cuts), values, side="left") - 1
    counts = np.bincount(bands, minlength=levels)
    means = np.bincount(bands, weights=values, minlength=levels) / np.maximum(counts, 1)
    return Levels(cuts, tuple(means.tolist()))


class SharedLevels:
    """The levels of a matrix's columns, each measured once however many rows read it."""

    def __init__(self, matrix: scipy.sparse.csc_array) -> None:
        """Measure columns of `matrix` [training samples, features] when asked."""
        self.matrix = matrix
        self._known: dict[tuple[int, float, int], Levels] = {}

    def of(self, column: int, fraction: float, levels: int) -> Levels:
        """The levels of `column`."""
        key = (column, fraction, levels)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = measure_levels(column_of(self.matrix, column)[0], fraction, levels)
        return found


def split_columns(
    inputs: scipy.sparse.csc_array, cuts: FloatArray
) -> tuple[tuple[tuple[IntArray, ...], ...], tuple[IntArray, ...]]:
    """Per column the samples above each of its `cuts` [columns, levels], and those in doubt below the first."""
    columns = [column_of(inputs, at) for at in range(cuts.shape[0])]
    above = tuple(
        tuple(where[(values > cut).nonzero()[0]] for cut in own)
        for (values, where), own in zip(columns, cuts.tolist(), strict=True)
    )
    weak = (
        where[((values > 0) & (values <= cut)).nonzero()[0]]
        for (values, where), cut in zip(columns, cuts[:, 0].tolist(), strict=True)
    )
    return above, tuple(weak)


def samples_above(inputs: scipy.sparse.csc_array, at: int, cut: float) -> IntArray:
    """The samples on which column `at` exceeds `cut`."""
    values, where = column_of(inputs, at)
    return where[(values > cut).nonzero()[0]]
