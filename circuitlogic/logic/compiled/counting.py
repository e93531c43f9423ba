"""The compiled forms of `tallies.overlap` and `tallies.tally`: same arguments, same answers."""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import Columns
from circuitlogic.logic.tallies import DOUBTED, FLAGS, Flags, Overlap, Tally

_FIRST = 10
"""Bits of the number of slots to begin with."""
_EMPTY = -1
_MIX = 0x9E3779B97F4A7C1


@compiled
def _overlap(
    data: FloatArray,
    where: IntArray,
    starts: IntArray,
    cuts: FloatArray,
    wanted: BoolArray,
    sought: BoolArray,
) -> tuple[IntArray, int, int]:
    both = np.zeros(cuts.shape, np.int64)
    support = np.zeros(sought.size, np.bool_)
    samples, hits = 0, 0
    for c in range(cuts.shape[0]):
        for at in range(starts[c], starts[c + 1]):
            for level in range(cuts.shape[1]):
                if wanted[c, level] and data[at] > cuts[c, level]:
                    sample = where[at]
                    both[c, level] += sought[sample]
                    if not support[sample]:
                        support[sample] = True
                        samples += 1
                        hits += 1 if sought[sample] else 0
    return both, samples, hits


def overlap(inputs: Columns, cuts: FloatArray, wanted: BoolArray, sought: BoolArray) -> Overlap:
    """See `tallies.overlap`."""
    return Overlap(*_overlap(inputs.data, inputs.indices, inputs.indptr, cuts, wanted, sought))


@compiled
def _counted(keys: IntArray, size: int) -> tuple[IntArray, IntArray, bool]:
    """Distinct keys, in no order, and how often each occurs, by a table of `size` slots; and whether they fit."""
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
    used = slots != _EMPTY
    return slots[used], counts[used], 2 * distinct <= size


@compiled
def _tally(
    data: FloatArray,
    where: IntArray,
    starts: IntArray,
    cuts: FloatArray,
    places: IntArray,
    doubted: BoolArray,
    flags: Flags,
) -> tuple[IntArray, IntArray, IntArray]:
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
    columns = inputs.data, inputs.indices, inputs.indptr
    keys, distinct, sizes = _tally(*columns, cuts, places, doubted, flags)
    order = distinct.argsort()
    return Tally(keys, distinct[order], sizes[order])
