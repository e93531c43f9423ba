"""Owns the table of the states that samples were seen in."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray

Codes: TypeAlias = NDArray[np.int32] | IntArray
"""State codes, of 32 bits where these hold them and a few flags."""

_SHORT = 27
"""Literals up to which codes and three flags fit 32 bits."""
_SMALL = 1 << 15
"""Codes below which counting each possible one is faster than sorting."""
_FIRST: IntArray = np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class States:
    """The distinct states of some literals that samples were seen in."""

    literals: int
    samples: FloatArray
    """[states] samples seen in the state."""
    firing: FloatArray
    """[states] of these, how many have the target firing."""
    codes: IntArray
    """[states] the state as bits of a number, ascending."""

    @cached_property
    def bits(self) -> FloatArray:
        """[states, literals] 1.0 where the literal is on."""
        return ((self.codes[:, None] >> np.arange(self.literals)) & 1).astype(np.float64)

    @cached_property
    def total(self) -> float:
        """All firings of the target."""
        return float(self.firing.sum())

    def cells(self, chosen: Sequence[int]) -> IntArray:
        """[states] the cell that each state is in, of a table over the literals `chosen`."""
        powers = np.zeros(self.literals)
        powers[list(chosen)] = 1 << np.arange(len(chosen))
        return (self.bits @ powers).astype(np.int64)

    def marginal(self, chosen: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        """Samples and firings of each cell over the literals `chosen`."""
        at, size = self.cells(chosen), 1 << len(chosen)
        samples, firing = np.bincount(at, self.samples, size), np.bincount(at, self.firing, size)
        return np.asarray(samples, dtype=np.float64), np.asarray(firing, dtype=np.float64)

    def over(self, places: Sequence[int]) -> "States":
        """Every state of a few literals `places` alone, in that order, seen or not."""
        codes, size = picked(self.codes, places), 1 << len(places)
        weights = self.samples, self.firing
        samples, firing = (np.asarray(np.bincount(codes, w, size), dtype=np.float64) for w in weights)
        return States(len(places), samples, firing, np.arange(size))


def picked(codes: IntArray, places: Sequence[int]) -> IntArray:
    """Codes of the bits `places` of `codes` alone, in that order."""
    found = np.zeros(codes.shape[0], dtype=np.int64)
    for i, place in enumerate(places):
        found |= ((codes >> place) & 1) << i
    return found


def state_codes(rows: Sequence[IntArray], samples: int) -> Codes:
    """[samples] bit i of a sample's code: literal i is on. At most 62 literals; few of them fit 32 bits."""
    codes: Codes = np.zeros(samples, dtype=np.int64)
    if len(rows) <= _SHORT:
        codes = np.zeros(samples, dtype=np.int32)
    for i, where in enumerate(rows):
        codes[where] |= codes.dtype.type(1 << i)
    return codes


def distinct(codes: Codes) -> tuple[IntArray, IntArray]:
    """Distinct codes ascending, and how often each occurs."""
    if codes.size == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if codes.max() < _SMALL:
        counts = np.bincount(codes)
        known = counts.nonzero()[0]
        return known, counts[known]
    keyed = np.sort(codes)
    ends = (keyed[1:] != keyed[:-1]).nonzero()[0] + 1
    starts = np.concatenate((_FIRST, ends))
    return keyed[starts].astype(np.int64), np.concatenate((ends, [keyed.size])) - starts


@dataclass(frozen=True, slots=True)
class Silent:
    """Samples that are counted and not listed: nothing is on in any of them."""

    samples: int = 0
    firing: int = 0
    """Of these, how many have what is sought (all or none)."""


NONE = Silent()


def count_states(codes: Codes, fired: BoolArray, literals: int, silent: Silent = NONE) -> States:
    """Distinct `codes` with how often each occurs, and how often with the target firing."""
    keys, counts = distinct((codes << 1) | fired)
    return tallied(keys >> 1, counts, counts * (keys & 1), literals, silent)


def tallied(
    state: IntArray, counts: IntArray, firing: IntArray, literals: int, silent: Silent = NONE
) -> States:
    """Sums of `counts` and `firing` per state, `state` ascending; the state of nothing on is always listed."""
    if state.size == 0 or state[0] != 0:
        state, counts, firing = (np.concatenate((_FIRST, part)) for part in (state, counts, firing))
    starts = np.concatenate((_FIRST, (state[1:] != state[:-1]).nonzero()[0] + 1))
    samples = np.add.reduceat(counts, starts).astype(np.float64)
    hits = np.add.reduceat(firing, starts).astype(np.float64)
    samples[0] += silent.samples
    hits[0] += silent.firing
    return States(literals, samples, hits, state[starts])
