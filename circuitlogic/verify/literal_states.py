"""Owns the literals of a formula on samples: which state each sample is in, and what value brings about another.

The literals of one feature are a thermometer: its *count* is how many of their thresholds it exceeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from circuitlogic.logic.formula import Formula, Literal, evaluate, literals_of
from circuitlogic.logic.gate import Gate

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class LiteralStates:
    """A gate's formula on the samples of one split."""

    formula: Formula
    literals: tuple[Literal, ...]
    """In `literals_of` order."""
    place: Mapping[Literal, tuple[int, int]]
    """Of each literal its feature's column, and its rank among that feature's literals."""
    features: IntArray
    """[k] indices of the distinct features at the source site."""
    values: FloatArray
    """[samples, k] their activations (raw units)."""
    counts: IntArray
    """[samples, k]"""
    typical: tuple[tuple[float | None, ...], ...]
    """Per feature and count the median activation of its samples: what brings that count about; 0 for count 0."""

    def holds(self, counts: IntArray) -> BoolArray:
        """The formula's value for given counts [n, k]."""
        return evaluate(self.formula, self._on(counts), len(counts))

    def states(self, counts: IntArray) -> BoolArray:
        """[n, literals] which literals are on."""
        on = self._on(counts)
        return np.stack([on[literal] for literal in self.literals], axis=1)

    def moved(self, literal: Literal, insert: bool) -> IntArray:
        """All counts after switching `literal` on (or off); the feature's other literals follow as they must."""
        column, rank = self.place[literal]
        counts = self.counts.copy()
        bound = np.maximum if insert else np.minimum
        counts[:, column] = bound(counts[:, column], rank + 1 if insert else rank)
        return counts

    def settable(self, counts: IntArray) -> BoolArray:
        """[n] whether a typical value is known for every one of the counts."""
        known = [np.array([v is not None for v in values]) for values in self.typical]
        return np.logical_and.reduce([known[k][counts[:, k]] for k in range(counts.shape[1])])

    def deltas(self, rows: IntArray, counts: IntArray) -> FloatArray:
        """[n, k] what to add to the features of samples `rows` so that they have `counts`; 0 where they do."""
        table = [np.array([np.nan if v is None else v for v in values]) for values in self.typical]
        wanted = np.stack([table[k][counts[:, k]] for k in range(counts.shape[1])], axis=1)
        same = counts == self.counts[rows]
        return np.where(same, 0.0, wanted - self.values[rows])

    def _on(self, counts: IntArray) -> dict[Literal, BoolArray]:
        return {
            literal: counts[:, column] > rank
            for literal, (column, rank) in ((li, self.place[li]) for li in self.literals)
        }


def literal_states(gate: Gate, formula: Formula, inputs: sp.csc_array) -> LiteralStates:
    """Read `formula`, the gate's, on true source features [samples, m] in raw units.

    Raises:
        KeyError: the formula names a feature or level that is none of the gate's inputs.
    """
    cuts = {i.feature: (i.threshold, *i.level_thresholds) for i in gate.inputs}
    ordered = sorted(literals_of(formula))
    groups = [list(group) for _, group in groupby(ordered, key=lambda literal: literal.feature)]
    features = np.array([group[0].feature.index for group in groups], dtype=np.int64)
    values = np.asarray(inputs[:, features].toarray(), dtype=np.float64)
    counts = np.zeros(values.shape, dtype=np.int64)
    for column, group in enumerate(groups):
        for literal in group:
            counts[:, column] += values[:, column] > _cut(cuts[literal.feature], literal)
    typical = tuple(
        _typical(values[:, column], counts[:, column], len(group)) for column, group in enumerate(groups)
    )
    place = {li: (column, rank) for column, group in enumerate(groups) for rank, li in enumerate(group)}
    return LiteralStates(formula, literals_of(formula), place, features, values, counts, typical)


def _cut(cuts: tuple[float, ...], literal: Literal) -> float:
    if literal.level >= len(cuts):
        raise KeyError(literal)
    return cuts[literal.level]


def _typical(values: FloatArray, counts: IntArray, literals: int) -> tuple[float | None, ...]:
    bands = (values[counts == count] for count in range(1, literals + 1))
    return (0.0, *(float(np.median(band)) if band.size else None for band in bands))


def distinct_rows(counts: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """The distinct rows of small counts [n, k] in lexicographic order, which of them each row is, and their sizes.

    As `np.unique` along the rows, by one number per row.
    """
    radix = counts.max(axis=0, initial=0) + 1
    if np.prod(radix.astype(np.float64)) >= 2.0**62:
        rows, codes, sizes = np.unique(counts, axis=0, return_inverse=True, return_counts=True)
        return rows, codes.reshape(-1).astype(np.int64), sizes.astype(np.int64)
    places = np.concatenate([np.cumprod(radix[:0:-1])[::-1], np.ones(1, dtype=np.int64)])[-len(radix) :]
    numbers, first, codes, sizes = np.unique(
        counts @ places, return_index=True, return_inverse=True, return_counts=True
    )
    del numbers
    return counts[first], codes.reshape(-1).astype(np.int64), sizes.astype(np.int64)
