"""Owns the scores of a prediction of firing: counts, precision, recall, F1, MCC."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Counts:
    """A two by two table: said and true, said only, true only, neither."""

    hits: int
    false: int
    missed: int
    rest: int

    @property
    def precision(self) -> float:
        """Of what was said, the share that is true; 0 where nothing was said."""
        return self.hits / (self.hits + self.false) if self.hits + self.false else 0.0

    @property
    def recall(self) -> float:
        """Of what is true, the share that was said; 0 where nothing is true."""
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        total = 2 * self.hits + self.false + self.missed
        return 2 * self.hits / total if total else 0.0

    @property
    def off_f1(self) -> float:
        """F1 of saying when it does *not* fire."""
        return Counts(self.rest, self.missed, self.false, self.hits).f1

    @property
    def mcc(self) -> float:
        """Matthews correlation; 0 where either side is constant."""
        said, true = self.hits + self.false, self.hits + self.missed
        total = said + self.missed + self.rest
        spread = sqrt(said * true) * sqrt((total - said) * (total - true))
        return (self.hits * self.rest - self.false * self.missed) / spread if spread else 0.0


def count(
    said: BoolArray, true: BoolArray, unlisted: int = 0, said_there: bool = False, true_there: bool = False
) -> Counts:
    """Compare a prediction with the truth, given for all samples but `unlisted` ones that are all alike."""
    hits = int(np.count_nonzero(said & true))
    false, missed = int(np.count_nonzero(said)) - hits, int(np.count_nonzero(true)) - hits
    cells = [hits, false, missed, said.size - hits - false - missed]
    cells[2 * (not said_there) + (not true_there)] += unlisted
    return Counts(*cells)


def counted(said: BoolArray, true: BoolArray, sizes: IntArray) -> Counts:
    """The same of cases that stand for `sizes` samples each."""
    hits, every = int(sizes.dot(said & true)), int(sizes.sum())
    false, missed = int(sizes.dot(said)) - hits, int(sizes.dot(true)) - hits
    return Counts(hits, false, missed, every - hits - false - missed)


def unprompted(on: Iterable[BoolArray], true: BoolArray) -> int:
    """Firings on which none of some literals is on."""
    left = true.copy()
    for literal in on:
        left &= ~literal
    return int(np.count_nonzero(left))


def wilson_low(hits: int, size: int, z: float = 1.96) -> float:
    """Lower bound of a share by Wilson's score interval; z 1.96 is two-sided 95 %, 1.645 one-sided."""
    if size == 0:
        return 0.0
    rate = hits / size
    spread = z * sqrt(rate * (1 - rate) / size + z * z / (4 * size * size))
    return max(0.0, (rate + z * z / (2 * size) - spread) / (1 + z * z / size))


def r_squared(predicted: FloatArray, true: FloatArray, unlisted: int = 0, resting: float = 0.0) -> float:
    """Share of the variance of `true` that `predicted` explains; 0 where there is none.

    On `unlisted` samples more, `true` is 0 and `predicted` is `resting`. Sums by NumPy, not by a BLAS whose threads
    would change the last digit.
    """
    samples = true.size + unlisted
    mean = float(true.sum()) / samples if samples else 0.0
    spread = true - mean
    variance = float((spread * spread).sum()) + unlisted * mean * mean
    error = predicted - true
    missed = float((error * error).sum()) + unlisted * resting * resting
    return 1.0 - missed / variance if variance > 0 else 0.0
