"""Owns the table of the states that samples were seen in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray

Codes: TypeAlias = NDArray[np.int32] | IntArray
"""State codes, of 32 bits where these hold them and a few flags."""

_SHORT = 27
"""Literals up to which codes and three flags fit 32 bits."""
_FIRST: IntArray = np.zeros(1, dtype=np.int64)


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
    return _tallied(keys >> 1, counts, counts * (keys & 1), literals, silent)


def count_states_twice(
    codes: Codes, fired: BoolArray, clear: BoolArray, literals: int, silent: Silent = NONE
) -> tuple[States, States]:
    """The states of all samples, and of the `clear` ones."""
    keys, counts = distinct((codes << 2) | (clear.astype(codes.dtype) << 1) | fired)
    every = _tallied(keys >> 2, counts, counts * (keys & 1), literals, silent)
    kept = (keys & 2) != 0
    keys, counts = keys[kept], counts[kept]
    return every, _tallied(keys >> 2, counts, counts * (keys & 1), literals, silent)


def _tallied(state: IntArray, counts: IntArray, firing: IntArray, literals: int, silent: Silent) -> States:
    """Sums of `counts` and `firing` per state, `state` ascending; the state of nothing on is always listed."""
    if state.size == 0 or state[0] != 0:
        state, counts, firing = (np.concatenate((_FIRST, part)) for part in (state, counts, firing))
    starts = np.concatenate((_FIRST, (state[1:] != state[:-1]).nonzero()[0] + 1))
    codes = state[starts]
    bits = ((codes[:, None] >> np.arange(literals)) & 1).astype(np.float64)
    samples = np.add.reduceat(counts, starts).astype(np.float64)
    hits = np.add.reduceat(firing, starts).astype(np.float64)
    samples[0] += silent.samples
    hits[0] += silent.firing
    return States(bits, samples, hits, codes)
