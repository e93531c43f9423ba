"""Owns what the reader of gates is given: a connector row, the activations it was seen with,
and the settings."""

from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from circuitlogic.errors import ConfigError, DataError
from circuitlogic.features import FeatureId
from circuitlogic.logic.columns import Columns
from circuitlogic.logic.levels import SharedLevels

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One output feature and its edges."""

    feature: FeatureId
    sources: tuple[FeatureId, ...]
    """The k input features, each once, in any order."""
    weights: FloatArray
    """[k] weights between unit-scale features."""
    raw_weights: FloatArray
    """[k] the connector's own entries."""
    bias: float
    """The connector's own bias (raw units of the output)."""
    scale: float
    """Mean activation of the output feature where it fires (raw units)."""
    source_scales: FloatArray
    """[k] mean activation of each input where it fires (raw units)."""


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """What the features of a row did on N samples."""

    inputs: scipy.sparse.csc_array | Columns
    """[N, k] input activations (raw units), columns in the order of `Row.sources`."""
    target: FloatArray
    """[N] activation of the true output feature (raw units)."""
    predicted: FloatArray
    """[N] the connector row's own output (raw units)."""
    groups: IntArray | None = None
    """[samples] document of each sample, for the bootstrap; None where samples are independent."""
    listed: IntArray | None = None
    """[N] which samples these are, ascending, where others are not listed: on those no input and no target is
    active. None: all are."""
    silent: int = 0
    """How many samples are not listed."""
    resting: float = 0.0
    """The row's own output on samples that are not listed."""
    levels: tuple[SharedLevels, IntArray] | None = None
    """Where the inputs' thresholds are measured once for many rows: and which of its columns each input is."""
    active: FloatArray | None = None
    """What `target` is where it is active, if that is at hand; None: it is looked up."""

    @property
    def samples(self) -> int:
        """All samples, listed or not."""
        return self.target.shape[0] + self.silent


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How gates are read. The defaults are the ones the planted benchmark was won with."""

    firing_quantile_fraction: float = 0.1
    """A feature fires above this fraction of the 95 % quantile of its positive training activations."""
    levels: int = 1
    """Literals per input: 1 = fires; level l >= 1 adds "above the 1 - 2^-l quantile of its firings"."""
    price: float = 0.002
    """What a literal must gain in F1; never less than one firing's worth."""
    max_literals: int = 9
    """Largest formula searched over all its states; beyond it only counts with vetoes are tried."""
    min_firings: int = 30
    """Training firings below which a feature is `insufficient`."""
    min_f1: float = 0.8
    """Held-out F1 below which no Boolean kind is claimed."""
    min_r2: float = 0.8
    """Held-out R² from which a feature without a formula is `graded`."""
    constant_rate: float = 0.97
    """Firing rate above which a feature is `constant` unless its inputs explain the gaps."""
    candidates: int = 16
    """Strongest inputs the search considers (10 more where `levels` > 1)."""
    bootstrap: int = 200
    """Resamples for the interval of F1."""
    seed: int = 0
    compiled: bool = False
    """Use compiled loops where Numba is there: the same gates, once compiled in less time."""
    check_thresholds: bool = False
    """Also read with half and twice the firing threshold, and flag a change of kind; up to triples the cost."""

    def __post_init__(self) -> None:
        """Refuse settings without meaning."""
        if not 0 < self.firing_quantile_fraction < 1:
            raise ConfigError(
                f"firing quantile fraction {self.firing_quantile_fraction}: give one between 0 and 1"
            )
        if not 1 <= self.levels <= 6:
            raise ConfigError(f"{self.levels} magnitude levels: give 1 to 6")
        if not 1 <= self.max_literals <= 10:
            raise ConfigError(f"at most {self.max_literals} literals: give 1 to 10")
        if not 1 <= self.candidates <= 40:
            raise ConfigError(f"{self.candidates} candidate inputs: give 1 to 40")
        if min(self.bootstrap, self.min_firings, self.price) <= 0:
            raise ConfigError("bootstrap, min_firings and price must be above 0")


def check(row: Row, activity: Activity, part: str) -> None:
    """Refuse activations that do not belong to `row`.

    Raises:
        DataError: shapes differ, a source is given twice, or a number is not finite.
    """
    k, samples = len(row.sources), activity.target.shape[0]
    if len(set(row.sources)) != k:
        raise DataError(f"row of {row.feature}: an input feature is given twice")
    if not (row.weights.shape == row.raw_weights.shape == row.source_scales.shape == (k,)):
        raise DataError(f"row of {row.feature}: {k} sources need {k} weights, raw weights and scales")
    rows, columns = cast("tuple[int, int]", activity.inputs.shape)
    if (rows, columns) != (samples, k) or activity.predicted.shape != (samples,):
        raise DataError(
            f"{part} activations of {row.feature}: inputs {(rows, columns)}, "
            f"target {activity.target.shape}, predicted {activity.predicted.shape}; "
            f"expected ({samples}, {k}), ({samples},), ({samples},)"
        )
    if activity.groups is not None and activity.groups.shape != (activity.samples,):
        raise DataError(
            f"{part} groups of {row.feature}: {activity.groups.shape}, expected ({activity.samples},)"
        )
    if (samples if activity.listed is None else activity.listed.shape[0]) != samples:
        raise DataError(f"{part} samples of {row.feature}: {samples} activations, other sample numbers")
    if activity.active is not None and activity.active.size != np.count_nonzero(activity.target):
        raise DataError(f"{part} target of {row.feature} is not what it is said to be where it is active")
    parts = (activity.target, activity.predicted, activity.inputs.data, row.weights, row.raw_weights)
    if not all(np.isfinite(part_).all() for part_ in parts):
        raise DataError(f"{part} activations or weights of {row.feature} are not all finite")
