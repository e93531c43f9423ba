"""Owns what training data say about one row before any search: thresholds, firings, and inputs in doubt."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, BoolArray, IntArray, Row
from circuitlogic.logic.columns import Columns, column_of, firing_threshold, samples_above
from circuitlogic.logic.formula import Literal
from circuitlogic.logic.levels import InputColumn, Levels
from circuitlogic.logic.states import Silent

_FLOOR = 0.5
"""Weak activations per firing above which they are a noise floor, which counts as off."""


@dataclass(frozen=True, eq=False)
class Training:
    """What training data say about one row, before any search."""

    sources: tuple[FeatureId, ...]
    inputs: Columns
    """[N, k] in the order of `sources`."""
    levels: Levels
    """Of the k inputs."""
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

    @cached_property
    def firings(self) -> int:
        """Samples on which the output fires."""
        return int(np.count_nonzero(self.fired))

    @cached_property
    def sought(self) -> BoolArray:
        """[N] what the search explains."""
        return ~self.fired if self.inverted else self.fired

    @cached_property
    def at(self) -> dict[FeatureId, int]:
        """Where each input stands."""
        return {source: i for i, source in enumerate(self.sources)}

    @cached_property
    def columns(self) -> tuple[InputColumn, ...]:
        """The inputs with their samples."""
        stored = [column_of(self.inputs, i) for i in range(len(self.sources))]
        cuts, means = self.levels.cuts.tolist(), self.levels.means.tolist()
        each = zip(self.sources, cuts, means, stored, strict=True)
        return tuple(InputColumn(source, tuple(cut), tuple(mean), *own) for source, cut, mean, own in each)

    def rows(self, literal: Literal) -> IntArray:
        """The listed samples on which `literal` holds, ascending."""
        return samples_above(self.inputs, self.at[literal.feature], self.cut(literal))

    def cut(self, literal: Literal) -> float:
        """The activation above which `literal` holds."""
        return float(self.levels.cuts[self.at[literal.feature], literal.level])

    def literal_rows(self, literals: tuple[Literal, ...]) -> dict[Literal, IntArray]:
        """The same of each of `literals`."""
        return {literal: self.rows(literal) for literal in literals}

    @property
    def doubted(self) -> BoolArray:
        """[k] inputs that are on some samples neither on nor off.

        An activation above 0 and below the threshold is neither, unless the feature has so many of them that
        they are a noise floor. That looks at inputs alone, so it does not favour any formula.
        """
        weak = self.levels.weak
        return (weak > 0) & (weak <= _FLOOR * self.levels.sizes[:, 0])


def measure(train: Activity, row: Row, fraction: float, levels: int) -> Training:
    """Thresholds and firings of the row's features."""
    threshold = firing_threshold(train.target if train.active is None else train.active, fraction)
    fired = train.target > threshold
    inputs = Columns.of(train.inputs)
    if train.levels is None:
        known = Levels.none(len(row.sources), levels)
        for at in range(len(row.sources)):
            known.measure(at, column_of(inputs, at)[0], fraction)
    else:
        shared, numbers = train.levels
        known = shared.of(numbers, fraction, levels)
    inverted = 2 * int(np.count_nonzero(fired)) > train.samples
    return Training(row.sources, inputs, known, threshold, fired, inverted, train.silent)
