"""Owns what training data say about one row before any search: thresholds, firings, and which samples are clear."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, BoolArray, IntArray, Row
from circuitlogic.logic.columns import InputColumn, column_of, firing_threshold, measure_levels
from circuitlogic.logic.formula import Literal
from circuitlogic.logic.kernels import PLAIN, Kernels
from circuitlogic.logic.states import Silent

_FLOOR = 0.5
"""Weak activations per firing above which they are a noise floor, which counts as off."""


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What training data say about one row, before any search."""

    columns: tuple[InputColumn, ...]
    """In the order of `Row.sources`."""
    threshold: float
    fired: BoolArray
    """[N] the true output feature fires."""
    inverted: bool
    """Whether it fires on more than half of the samples: its absence is searched for instead."""
    unlisted: int = 0
    """Samples on which nothing of the row is active, over the N."""

    @property
    def samples(self) -> int:
        """All samples, listed or not."""
        return self.fired.shape[0] + self.unlisted

    @property
    def silent(self) -> Silent:
        """What the samples not listed count for in the search."""
        return Silent(self.unlisted, self.unlisted if self.inverted else 0)

    @property
    def sought(self) -> BoolArray:
        """[N] what the search explains."""
        return ~self.fired if self.inverted else self.fired

    def literal_rows(self, literals: tuple[Literal, ...]) -> dict[Literal, IntArray]:
        """The listed samples on which each literal holds."""
        columns = {column.feature: column for column in self.columns}
        return {lit: columns[lit.feature].rows[lit.level] for lit in literals}

    def clear(self, features: Iterable[FeatureId]) -> BoolArray | None:
        """[N] samples on which each of `features` is either on or off; None where that is all.

        An activation above 0 and below the threshold is neither, unless the feature has so many of them that
        they are a noise floor. The choice looks at inputs alone, so it does not favour any formula.
        """
        wanted = set(features)
        doubted = [
            column.weak
            for column in self.columns
            if 0 < column.weak.size <= _FLOOR * column.rows[0].size and column.feature in wanted
        ]
        if not doubted:
            return None
        clear = np.ones(self.fired.shape[0], dtype=np.bool_)
        clear[np.concatenate(doubted)] = False
        return clear


def measure(train: Activity, row: Row, fraction: float, levels: int, loops: Kernels = PLAIN) -> Training:
    """Thresholds and firings of the row's features."""
    threshold = firing_threshold(train.target, fraction)
    fired = train.target > threshold
    if train.levels is None:
        every = range(len(row.sources))
        known = [measure_levels(column_of(train.inputs, at)[0], fraction, levels) for at in every]
    else:
        shared, numbers = train.levels
        known = [shared.of(at, fraction, levels) for at in numbers.tolist()]
    cuts = np.array([own.cuts for own in known], dtype=np.float64).reshape(-1, levels)
    above, weak = loops.split_columns(train.inputs, cuts)
    columns = tuple(
        InputColumn(source, own.cuts, rows, own.means, doubted)
        for source, own, rows, doubted in zip(row.sources, known, above, weak, strict=True)
    )
    inverted = 2 * int(np.count_nonzero(fired)) > train.samples
    return Training(columns, threshold, fired, inverted, train.silent)
