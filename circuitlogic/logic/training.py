"""Owns what training data say about one row before any search: thresholds, firings, and which samples are clear."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, BoolArray, Row
from circuitlogic.logic.states import InputColumn, firing_threshold, read_column

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

    @property
    def sought(self) -> BoolArray:
        """[N] what the search explains."""
        return ~self.fired if self.inverted else self.fired

    def clear(self, features: Iterable[FeatureId]) -> BoolArray:
        """[N] samples on which each of `features` is either on or off.

        An activation above 0 and below the threshold is neither, unless the feature has so many of them that
        they are a noise floor. The choice looks at inputs alone, so it does not favour any formula.
        """
        wanted = set(features)
        clear = np.ones(self.fired.shape[0], dtype=np.bool_)
        for column in self.columns:
            if column.feature in wanted and column.weak.size <= _FLOOR * column.rows[0].size:
                clear[column.weak] = False
        return clear


def measure(train: Activity, row: Row, fraction: float, levels: int) -> Training:
    """Thresholds and firings of the row's features."""
    threshold = firing_threshold(train.target, fraction)
    fired = train.target > threshold
    columns = tuple(
        read_column(train.inputs, at, source, fraction, levels) for at, source in enumerate(row.sources)
    )
    return Training(columns, threshold, fired, 2 * int(np.count_nonzero(fired)) > fired.size)
