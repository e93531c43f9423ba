"""Owns the counting of samples by the literals that hold on them: the plain forms, which define it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import Columns
from circuitlogic.logic.states import distinct, picked

Flags: TypeAlias = NDArray[np.uint8]

FLAGS = 3
"""Low bits of a sample's key that are not literals."""
DOUBTED = 2
"""The flag of a sample on which a literal is in doubt."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Samples by key: the literals that hold on them, above `FLAGS` flags."""

    of: IntArray
    """[N] the key of each sample."""
    keys: IntArray
    """Those that occur, ascending."""
    sizes: IntArray
    """How often each does."""


def totals(keys: IntArray, places: Sequence[int], values: FloatArray) -> FloatArray:
    """[2^n] the sum of `values` [N] in each state of the literals `places`, added in the order of the samples."""
    active = (values != 0).nonzero()[0]
    codes = picked(keys[active] >> FLAGS, places)
    return np.asarray(np.bincount(codes, values[active], 1 << len(places)), dtype=np.float64)


def tally(inputs: Columns, cuts: FloatArray, places: IntArray, doubted: BoolArray, flags: Flags) -> Tally:
    """Count samples by the literals that hold on them.

    Args:
        inputs: Activations [N, columns].
        cuts: [columns, levels] where literals begin.
        places: [columns, levels] each literal's bit above the flags, at most 49: keys are exact as
            floating-point numbers; -1: it does not count.
        doubted: [columns] of these, a value above 0 and below the first cut sets the flag `DOUBTED`.
        flags: [N] the flags to begin with.
    """
    lengths, samples = np.diff(inputs.indptr), flags.shape[0]
    codes = np.zeros(samples)
    for level in range(cuts.shape[1]):
        place = places[:, level]
        bits = np.repeat(np.where(place < 0, 0.0, 2.0 ** np.maximum(place, 0)), lengths)
        bits *= inputs.data > np.repeat(cuts[:, level], lengths)
        codes += np.bincount(inputs.indices, bits, samples)
    keys = (codes.astype(np.int64) << FLAGS) | flags
    if doubted.any():
        highest = np.repeat(np.where(doubted, cuts[:, 0], -np.inf), lengths)
        keys[inputs.indices[(inputs.data > 0) & (inputs.data <= highest)]] |= DOUBTED
    return Tally(keys, *distinct(keys))
