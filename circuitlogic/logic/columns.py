"""Owns the inputs of a row as sparse columns, and firing: from where on a feature is on."""

from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A matrix [samples, columns] by its stored values, column after column.

    What a `csc_array` is, without its checks: a row is cut out of a site in less time than these take.
    """

    data: FloatArray
    indices: IntArray
    """The sample of each value, ascending within a column."""
    indptr: IntArray
    """[columns + 1] where each column begins."""
    shape: tuple[int, int]

    @classmethod
    def of(cls, matrix: "scipy.sparse.csc_array | Columns") -> "Columns":
        """The same values, as 64-bit numbers."""
        if isinstance(matrix, Columns):
            return matrix
        parts = np.asarray(matrix.indices, dtype=np.int64), np.asarray(matrix.indptr, dtype=np.int64)
        shape = cast("tuple[int, int]", matrix.shape)
        return cls(np.asarray(matrix.data, dtype=np.float64), *parts, shape)

    def picked(self, order: list[int]) -> "Columns":
        """Columns `order`, in that order."""
        spans = [slice(int(self.indptr[at]), int(self.indptr[at + 1])) for at in order]
        data = np.concatenate([self.data[:0], *(self.data[span] for span in spans)])
        indices = np.concatenate([self.indices[:0], *(self.indices[span] for span in spans)])
        starts = np.cumsum([0, *(span.stop - span.start for span in spans)]).astype(np.int64)
        return Columns(data, indices, starts, (self.shape[0], len(order)))

    def weighted(self, weights: FloatArray) -> FloatArray:
        """[samples] the weighted sum of the columns, added in their order."""
        terms = self.data * np.repeat(weights, np.diff(self.indptr))
        return np.asarray(np.bincount(self.indices, terms, self.shape[0]), dtype=np.float64)

    def toarray(self) -> FloatArray:
        """All of it, zeros included."""
        dense = np.zeros(self.shape)
        dense[self.indices, np.repeat(np.arange(self.shape[1]), np.diff(self.indptr))] = self.data
        return dense


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


def stored(matrix: scipy.sparse.csc_array) -> tuple[FloatArray, IntArray, IntArray]:
    """Values, rows and column starts, as they lie (of 32 or 64 bits)."""
    return cast("tuple[FloatArray, IntArray, IntArray]", (matrix.data, matrix.indices, matrix.indptr))


def column_of(inputs: scipy.sparse.csc_array | Columns, at: int) -> tuple[FloatArray, IntArray]:
    """The values stored in column `at`, and their samples."""
    span = slice(int(inputs.indptr[at]), int(inputs.indptr[at + 1]))
    values = np.asarray(inputs.data[span], dtype=np.float64)
    return values, np.asarray(inputs.indices[span], dtype=np.int64)


def samples_above(inputs: scipy.sparse.csc_array | Columns, at: int, cut: float) -> IntArray:
    """The samples on which column `at` exceeds `cut`."""
    values, where = column_of(inputs, at)
    return where[(values > cut).nonzero()[0]]
