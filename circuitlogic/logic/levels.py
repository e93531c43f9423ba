"""Owns the literals of inputs: from where on each holds, and how often, as measured on training samples."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import scipy.sparse

from circuitlogic.features import FeatureId
from circuitlogic.logic.columns import FloatArray, IntArray, column_of, firing_threshold, quantile
from circuitlogic.logic.formula import Literal


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Where the literals of some inputs begin, and how often each holds."""

    cuts: FloatArray
    """[inputs, levels] thresholds, ascending (raw units)."""
    means: FloatArray
    """[inputs, levels] mean activation of the samples between a level and the next (raw units)."""
    sizes: IntArray
    """[inputs, levels] samples above each threshold."""
    weak: IntArray
    """[inputs] samples on which it is active below its first threshold."""

    @classmethod
    def none(cls, inputs: int, levels: int) -> "Levels":
        """Room for so many."""
        cuts, means = np.zeros((inputs, levels)), np.zeros((inputs, levels))
        return cls(cuts, means, np.zeros((inputs, levels), dtype=np.int64), np.zeros(inputs, dtype=np.int64))

    def picked(self, numbers: IntArray) -> "Levels":
        """Inputs `numbers`, in that order."""
        return Levels(self.cuts[numbers], self.means[numbers], self.sizes[numbers], self.weak[numbers])

    def measure(self, at: int, values: FloatArray, fraction: float) -> None:
        """Fill in input `at` from its stored activations."""
        cut = self.cuts[at, 0] = firing_threshold(values, fraction)
        self.weak[at] = np.count_nonzero((values > 0) & (values <= cut))
        values = values[(values > cut).nonzero()[0]]
        levels = self.cuts.shape[1]
        self.sizes[at, 0] = values.size
        if levels == 1:
            self.means[at, 0] = values.mean() if values.size else 0.0
            return
        for level in range(1, levels):
            self.cuts[at, level] = quantile(values, 1 - 0.5**level)
            self.sizes[at, level] = np.count_nonzero(values > self.cuts[at, level])
        bands = np.searchsorted(self.cuts[at], values, side="left") - 1
        sums = np.bincount(bands, weights=values, minlength=levels)
        self.means[at] = sums / np.maximum(np.bincount(bands, minlength=levels), 1)


class SharedLevels:
    """The levels of a matrix's columns, each measured once however many rows read it."""

    def __init__(self, matrix: scipy.sparse.csc_array) -> None:
        """Measure columns of `matrix` [training samples, features] when asked."""
        self.matrix = matrix
        self._known: dict[tuple[float, int], tuple[np.ndarray, Levels]] = {}

    def of(self, columns: IntArray, fraction: float, levels: int) -> Levels:
        """The levels of `columns`."""
        found = self._known.get((fraction, levels))
        if found is None:
            features = cast("tuple[int, int]", self.matrix.shape)[1]
            found = np.zeros(features, dtype=np.bool_), Levels.none(features, levels)
            self._known[(fraction, levels)] = found
        measured, every = found
        for column in columns[~measured[columns]].tolist():
            every.measure(column, column_of(self.matrix, column)[0], fraction)
            measured[column] = True
        return every.picked(columns)


@dataclass(frozen=True, slots=True, eq=False)
class InputColumn:
    """One input of the row: where its literals begin, and the samples on which they hold."""

    feature: FeatureId
    cuts: tuple[float, ...]
    """Threshold per level, ascending (raw units)."""
    means: tuple[float, ...]
    """Mean activation of the samples between a level and the next (raw units)."""
    values: FloatArray
    """What is stored of it."""
    where: IntArray
    """On which samples, ascending."""

    @property
    def rows(self) -> tuple[IntArray, ...]:
        """Samples above each threshold, ascending; each a subset of the one before."""
        return tuple(self.where[(self.values > cut).nonzero()[0]] for cut in self.cuts)

    def literal(self, level: int) -> Literal:
        """The literal of `level`."""
        return Literal(self.feature, level)
