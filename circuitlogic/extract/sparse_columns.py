"""Owns the columns of a sparse feature matrix: on which samples a feature is positive, and how much."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


def width_of(matrix: sp.csc_array) -> int:
    """How many features."""
    return cast("tuple[int, int]", matrix.shape)[1]


def column(matrix: sp.csc_array, index: int) -> tuple[IntArray, FloatArray]:
    """Samples of one feature in order, and its values there."""
    ends = np.asarray(matrix.indptr, dtype=np.int64)
    start, end = int(ends[index]), int(ends[index + 1])
    rows = np.asarray(matrix.indices[start:end], dtype=np.int64)
    values = np.asarray(matrix.data[start:end], dtype=np.float64)
    order = np.argsort(rows, kind="stable")
    return rows[order], values[order]


def columns(matrix: sp.csc_array) -> Iterator[tuple[IntArray, FloatArray]]:
    """Every feature's, in order."""
    return (column(matrix, index) for index in range(width_of(matrix)))
