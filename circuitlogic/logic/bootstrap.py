"""Owns the interval of F1: a Poisson bootstrap over samples, or over the documents that these come from.

In every draw a sample weighs Poisson(1), so that n samples weigh Poisson(n) together. The weights of samples are
drawn once, on a ring; every gate reads off the weights of its hits and its errors, from a place of its own on.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.gate import Interval
from circuitlogic.logic.scores import Counts, count

RING = 1 << 13
"""Samples whose weights are kept; gates with more hits and errors draw their own."""
_STEP = 5063
"""From one gate's place to the next one's: the golden section of the ring, which keeps neighbours apart."""
_LOW, _HIGH = 0.025, 0.975

Weights: TypeAlias = NDArray[np.int32] | IntArray


@dataclass(frozen=True, slots=True)
class Resampling:
    """How the interval of one gate is drawn."""

    draws: int
    seed: int
    number: int
    """Of the gate."""

    def generator(self) -> np.random.Generator:
        """For draws of the gate's own."""
        return np.random.default_rng([self.seed, self.number])


def f1_interval(said: BoolArray, true: BoolArray, groups: IntArray | None, how: Resampling) -> Interval:
    """95 % interval of F1 over groups (samples, where there are none)."""
    if groups is None:
        return interval_of_counts(count(said, true), how)
    triples, copies = _triples(said, true, groups)
    if not copies.size:
        return Interval(0.0, 0.0)
    # Groups with equal counts of hits, false and missed are drawn together.
    sums = how.generator().poisson(copies, size=(how.draws, copies.size)) @ triples
    return _interval(sums[:, 0], sums[:, 1] + sums[:, 2])


def interval_of_counts(counts: Counts, how: Resampling) -> Interval:
    """The same over samples, of which it matters only how many are hits and how many are errors."""
    hits, errors = counts.hits, counts.false + counts.missed
    if hits + errors > RING:
        drawn = how.generator().poisson((hits, errors), size=(how.draws, 2))
        return _interval(drawn[:, 0], drawn[:, 1])
    ring, start = _ring(how.draws, how.seed), how.number * _STEP % RING
    before, between, after = ring[start], ring[start + hits], ring[start + hits + errors]
    return _interval(between - before, after - between)


@lru_cache(maxsize=4)
def _ring(draws: int, seed: int) -> Weights:
    """[2 * RING + 1, draws] the weight of all samples before each, twice around."""
    once = np.random.default_rng(seed).poisson(1.0, size=(RING, draws))
    ring = np.zeros((2 * RING + 1, draws), dtype=np.int32)
    np.cumsum(np.concatenate((once, once)), axis=0, out=ring[1:])
    return ring


def _interval(hits: Weights, errors: Weights) -> Interval:
    """From the weights of hits and of errors in every draw."""
    f1: FloatArray = np.sort(2 * hits / np.maximum(2 * hits + errors, 1))
    low, high = (int(share * (f1.size - 1)) for share in (_LOW, _HIGH))
    return Interval(float(f1[low]), float(f1[min(high + 1, f1.size - 1)]))


def _triples(said: BoolArray, true: BoolArray, groups: IntArray) -> tuple[IntArray, FloatArray]:
    """Distinct (hits, false, missed) of groups, and how many groups have each;
    groups without any are left out."""
    any_ = np.flatnonzero(said | true)
    _, at = np.unique(groups[any_], return_inverse=True)
    kind = np.where(said[any_] & true[any_], 0, np.where(said[any_], 1, 2))
    per_group = np.bincount(at * 3 + kind, minlength=3 * (int(at.max(initial=-1)) + 1)).reshape(-1, 3)
    triples, copies = np.unique(per_group, axis=0, return_counts=True)
    return triples.astype(np.int64), copies.astype(np.float64)
