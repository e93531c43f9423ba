"""Owns firing: thresholds, literals as sets of samples, and the table of the states that samples were seen
in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.formula import Literal


def quantile(values: FloatArray, share: float) -> float:
    """The `share` quantile of `values` (linear between neighbours), without a full sort; 0 for no values."""
    if values.size == 0:
        return 0.0
    at = share * (values.size - 1)
    low = int(at)
    high = min(low + 1, values.size - 1)
    parted = np.partition(values, (low, high))
    return float(parted[low] + (at - low) * (parted[high] - parted[low]))


def firing_threshold(values: FloatArray, fraction: float) -> float:
    """θ: `fraction` of the 95 % quantile of the positive `values`."""
    return fraction * quantile(values[values > 0], 0.95)


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


def read_column(
    inputs: scipy.sparse.csc_array, at: int, feature: FeatureId, fraction: float, levels: int
) -> InputColumn:
    """Thresholds and firings of column `at`, measured on it."""
    span = slice(int(inputs.indptr[at]), int(inputs.indptr[at + 1]))
    values = np.asarray(inputs.data[span], dtype=np.float64)
    where = np.asarray(inputs.indices[span], dtype=np.int64)
    cut = firing_threshold(values, fraction)
    fired = values > cut
    weak = where[(values > 0) & ~fired]
    values, where = values[fired], where[fired]
    cuts = [cut]
    cuts += [quantile(values, 1 - 0.5**level) for level in range(1, levels)]
    rows, means = [where], [float(values.mean()) if levels == 1 and values.size else 0.0]
    if levels > 1:
        rows = [where[values > c] for c in cuts]
        bands = np.searchsorted(np.asarray(cuts), values, side="left") - 1
        counts = np.bincount(bands, minlength=levels)
        means = (np.bincount(bands, weights=values, minlength=levels) / np.maximum(counts, 1)).tolist()
    return InputColumn(feature, tuple(cuts), tuple(rows), tuple(means), weak)


def samples_above(inputs: scipy.sparse.csc_array, at: int, cut: float) -> IntArray:
    """The samples on which column `at` exceeds `cut`."""
    span = slice(int(inputs.indptr[at]), int(inputs.indptr[at + 1]))
    return np.asarray(inputs.indices[span], dtype=np.int64)[inputs.data[span] > cut]


@dataclass(frozen=True, slots=True, eq=False)
class States:
    """The distinct states of some literals that samples were seen in."""

    bits: FloatArray
    """[states, literals] 1.0 where the literal is on."""
    samples: FloatArray
    """[states] samples seen in the state."""
    firing: FloatArray
    """[states] of these, how many have the target firing."""
    codes: IntArray
    """[states] the state as bits of a number, ascending."""

    @property
    def total(self) -> float:
        """All firings of the target."""
        return float(self.firing.sum())


def state_codes(rows: Sequence[IntArray], samples: int) -> IntArray:
    """[samples] bit i of a sample's code: literal i is on. At most 62 literals."""
    codes = np.zeros(samples, dtype=np.int64)
    for i, where in enumerate(rows):
        codes[where] |= np.int64(1 << i)
    return codes


def count_states(codes: IntArray, fired: BoolArray, literals: int) -> States:
    """Distinct `codes` with how often each occurs, and how often with the target firing."""
    active = codes != 0
    keyed = np.sort((codes[active] << 1) | fired[active])
    edges = (
        np.flatnonzero(np.concatenate(([True], keyed[1:] != keyed[:-1]))) if keyed.size else np.zeros(0, int)
    )
    counts = np.diff(np.append(edges, keyed.size)).astype(np.float64)
    keys = keyed[edges]
    state = keys >> 1
    first = np.concatenate(([True], state[1:] != state[:-1])) if state.size else np.zeros(0, np.bool_)
    at = np.cumsum(first)
    distinct = np.concatenate((np.zeros(1, dtype=np.int64), state[first]))
    samples = np.bincount(at, weights=counts, minlength=distinct.size).astype(np.float64)
    firing = np.bincount(at, weights=counts * (keys & 1), minlength=distinct.size).astype(np.float64)
    samples[0] = codes.size - keyed.size
    firing[0] = float(np.count_nonzero(fired)) - firing.sum()
    bits = ((distinct[:, None] >> np.arange(literals)) & 1).astype(np.float64)
    return States(bits, samples, firing, distinct)
