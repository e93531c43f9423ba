"""The compiled form of `listing.Lister`: same arguments, same answers, with a bit per sample for a buffer."""

from typing import cast

import numpy as np
import scipy.sparse as sp

from circuitlogic.compiling import compiled
from circuitlogic.extract.listing import Listed, Output
from circuitlogic.logic.activity import FloatArray, IntArray
from circuitlogic.logic.columns import Columns, stored

_WORD = 64


@compiled
def _ones(word: np.uint64) -> int:
    count = 0
    while word:
        word &= word - np.uint64(1)
        count += 1
    return count


@compiled
def _bit(sample: int) -> np.uint64:
    return np.uint64(1) << np.uint64(sample & 63)


@compiled
def _ranks(bits: np.ndarray) -> IntArray:
    """[words + 1] how many bits are set before each word."""
    ranks = np.empty(bits.size + 1, np.int64)
    ranks[0] = 0
    for w in range(bits.size):
        ranks[w + 1] = ranks[w] + _ones(bits[w])
    return ranks


@compiled
def _place(bits: np.ndarray, ranks: IntArray, sample: int) -> int:
    """Where `sample` stands among those whose bits are set."""
    word = np.uint64(sample) >> np.uint64(6)
    return ranks[word] + _ones(bits[word] & (_bit(sample) - np.uint64(1)))


@compiled
def _list(
    data: FloatArray,
    indices: IntArray,
    indptr: IntArray,
    sources: IntArray,
    weights: FloatArray,
    bias: float,
    values: FloatArray,
    fired: IntArray,
    words: int,
) -> tuple[IntArray, FloatArray, IntArray, IntArray, FloatArray, FloatArray]:
    bits = np.zeros(words, np.uint64)
    starts = np.zeros(sources.size + 1, np.int64)
    for i in range(sources.size):
        low, high = indptr[sources[i]], indptr[sources[i] + 1]
        starts[i + 1] = starts[i] + high - low
        for at in range(low, high):
            bits[np.uint64(indices[at]) >> np.uint64(6)] |= _bit(indices[at])
    for at in range(fired.size):
        bits[fired[at] >> 6] |= _bit(fired[at])
    ranks = _ranks(bits)
    samples = np.empty(ranks[-1], np.int64)
    own, where = np.empty(starts[-1], np.float64), np.empty(starts[-1], np.int64)
    driven, target = np.zeros(samples.size), np.zeros(samples.size)
    for i in range(sources.size):
        low = indptr[sources[i]] - starts[i]
        for at in range(starts[i], starts[i + 1]):
            place = _place(bits, ranks, int(indices[low + at]))
            own[at], where[at], samples[place] = data[low + at], place, indices[low + at]
            driven[place] += weights[i] * data[low + at]
    for at in range(fired.size):
        place = _place(bits, ranks, fired[at])
        target[place], samples[place] = values[at], fired[at]
    for place in range(driven.size):
        driven[place] = max(driven[place] + bias, 0.0)
    return samples, own, where, starts, driven, target


def list_samples(
    matrix: sp.csc_array, sources: IntArray, weights: FloatArray, bias: float, output: Output
) -> Listed:
    """See `listing.Lister`."""
    words = -(-cast("tuple[int, int]", matrix.shape)[0] // _WORD)
    row = sources, weights, bias, *output
    samples, data, where, starts, predicted, target = _list(*stored(matrix), *row, words)
    return Listed(samples, Columns(data, where, starts, (samples.size, sources.size)), predicted, target)
