"""Lists the samples on which a row is active, with its inputs there: the plain form, which defines it."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import column_of

Listed: TypeAlias = tuple[IntArray, FloatArray, IntArray, IntArray, FloatArray]
"""Samples ascending; values, places among these samples and column starts of the inputs; their weighted sums."""
Listing: TypeAlias = Callable[[sp.csc_array, IntArray, FloatArray, IntArray, BoolArray, IntArray], Listed]


def list_samples(
    matrix: sp.csc_array,
    sources: IntArray,
    weights: FloatArray,
    fired: IntArray,
    active: BoolArray,
    place: IntArray,
) -> Listed:
    """The samples on which an input or the target is active.

    Args:
        matrix: Source features [samples, features].
        sources: The row's inputs.
        weights: Of these inputs.
        fired: Samples on which the target is active.
        active: [samples] all False; comes back so.
        place: [samples] is told where a listed sample stands among the listed ones.
    """
    columns = [column_of(matrix, at) for at in sources.tolist()]
    for where in (fired, *(where for _, where in columns)):
        active[where] = True
    listed = active.nonzero()[0]
    active[listed] = False
    place[listed] = np.arange(listed.size)
    starts = np.cumsum([0, *(values.size for values, _ in columns)]).astype(np.int64)
    data = np.concatenate([np.zeros(0), *(values for values, _ in columns)])
    at = place[np.concatenate([np.zeros(0, dtype=np.int64), *(where for _, where in columns)])]
    weighted = data * np.repeat(weights, np.diff(starts))
    driven = np.asarray(np.bincount(at, weighted, listed.size), dtype=np.float64)
    return listed, data, at, starts, driven
