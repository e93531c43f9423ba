"""The compiled forms of `tallies.totals` and `tallies.tally`: same arguments, same answers."""

from collections.abc import Sequence

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import Columns
from circuitlogic.logic.compiled.bits import descending
from circuitlogic.logic.tallies import DOUBTED, FLAGS, Flags, Tally

_FIRST = 10
"""Bits of the number of slots to begin with."""
_EMPTY = -1
_MIX = 0x9E3779B97F4A7C1


@compiled
def _totals(keys: IntArray, places: IntArray, values: FloatArray) -> FloatArray:
    sums, active, count = np.zeros(1 << places.size), np.empty(keys.size, np.int64), 0
    for s in range(keys.size):
        active[count] = s
        count += values[s] != 0  # without a branch that nothing predicts
    for s in active[:count]:
        state = 0
        for i in range(places.size):
            state |= ((keys[s] >> places[i]) & 1) << i
        sums[state] += values[s]
    return sums


def totals(keys: IntArray, places: Sequence[int], values: FloatArray) -> FloatArray:
    """See `tallies.totals`."""
    return _totals(keys, np.array(places, dtype=np.int64) + FLAGS, values)


@compiled
def _counted(keys: IntArray, size: int) -> tuple[IntArray, IntArray, bool]:
    """Distinct keys ascending, and how often each occurs, by a table of `size` slots; and whether they fit."""
    slots, counts = np.full(size, _EMPTY, np.int64), np.zeros(size, np.int64)
    distinct = 0
    for key in keys:
        at = (key * _MIX >> 32) & (size - 1)
        while slots[at] != key:
            if slots[at] == _EMPTY:
                slots[at] = key
                distinct += 1
                break
            at = (at + 1) & (size - 1)
        counts[at] += 1
        if 2 * distinct > size:
            break
    used, falling, at = np.empty(distinct, np.int64), np.empty(distinct), 0
    for slot in range(size):
        if slots[slot] != _EMPTY:
            used[at], falling[at] = slot, -slots[slot]  # exactly: a key is below 2^53
            at += 1
    found, sizes, order = np.empty(distinct, np.int64), np.empty(distinct, np.int64), descending(falling)
    for i in range(distinct):
        found[i], sizes[i] = slots[used[order[i]]], counts[used[order[i]]]
    return found, sizes, 2 * distinct <= size


@compiled
def tallied(
    data: FloatArray,
    where: IntArray,
    starts: IntArray,
    cuts: FloatArray,
    places: IntArray,
    doubted: BoolArray,
    flags: Flags,
) -> tuple[IntArray, IntArray, IntArray]:
    """The key of each sample, the keys that occur, ascending, and how often each does."""
    keys = flags.astype(np.int64)
    for c in range(cuts.shape[0]):
        for level in range(cuts.shape[1]):
            if places[c, level] >= 0:
                bit, cut = 1 << (places[c, level] + FLAGS), cuts[c, level]
                for at in range(starts[c], starts[c + 1]):
                    if data[at] > cut:
                        keys[where[at]] |= bit
        if doubted[c]:
            for at in range(starts[c], starts[c + 1]):
                if 0 < data[at] <= cuts[c, 0]:
                    keys[where[at]] |= DOUBTED
    distinct, sizes, fits = _counted(keys, 1 << _FIRST)
    growth = _FIRST
    while not fits:
        growth += 3
        distinct, sizes, fits = _counted(keys, 1 << growth)
    return keys, distinct, sizes


def tally(inputs: Columns, cuts: FloatArray, places: IntArray, doubted: BoolArray, flags: Flags) -> Tally:
    """See `tallies.tally`."""
    return Tally(*tallied(inputs.data, inputs.indices, inputs.indptr, cuts, places, doubted, flags))
