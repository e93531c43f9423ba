"""The compiled form of `listing.list_samples`: same arguments, same answers."""

import numpy as np
import scipy.sparse as sp

from circuitlogic.compiling import compiled
from circuitlogic.extract.listing import Listed
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import stored


@compiled
def _marked(active: BoolArray, place: IntArray, most: int) -> IntArray:
    """The samples marked in `active`, at most `most`, ascending; marks are taken back."""
    listed = np.empty(most, np.int64)
    count = 0
    words = active.view(np.uint64) if active.size % 8 == 0 else np.empty(0, np.uint64)
    sample = 0
    while sample < active.size:
        if sample % 8 == 0 and sample // 8 < words.size and words[sample // 8] == 0:
            sample += 8
            continue
        if active[sample]:
            active[sample] = False
            place[sample] = count
            listed[count] = sample
            count += 1
        sample += 1
    return listed[:count]


@compiled
def _list_samples(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    sources: IntArray,
    weights: FloatArray,
    fired: IntArray,
    active: BoolArray,
    place: IntArray,
) -> tuple[IntArray, FloatArray, IntArray, IntArray, FloatArray]:
    starts = np.zeros(sources.size + 1, np.int64)
    for i in range(sources.size):
        starts[i + 1] = starts[i] + indptr[sources[i] + 1] - indptr[sources[i]]
        for at in range(indptr[sources[i]], indptr[sources[i] + 1]):
            active[indices[at]] = True
    for sample in fired:
        active[sample] = True
    listed = _marked(active, place, min(starts[-1] + fired.size, active.size))
    values, where = np.empty(starts[-1], np.float64), np.empty(starts[-1], np.int64)
    driven = np.zeros(listed.size)
    for i in range(sources.size):
        low = indptr[sources[i]]
        for at in range(starts[i + 1] - starts[i]):
            values[starts[i] + at] = data[low + at]
            where[starts[i] + at] = place[indices[low + at]]
            driven[place[indices[low + at]]] += weights[i] * data[low + at]
    return listed, values, where, starts, driven


def list_samples(
    matrix: sp.csc_array,
    sources: IntArray,
    weights: FloatArray,
    fired: IntArray,
    active: BoolArray,
    place: IntArray,
) -> Listed:
    """See `listing.list_samples`."""
    return _list_samples(*stored(matrix), sources, weights, fired, active, place)
