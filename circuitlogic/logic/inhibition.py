"""Owns the kill-or-weaken test: what an input of negative weight does where the gate would otherwise fire."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, BoolArray, FloatArray, IntArray, Row
from circuitlogic.logic.formula import Formula, Literal, evaluate, holds_at_rest, literals_of, masks
from circuitlogic.logic.scores import wilson_low
from circuitlogic.logic.training import Training

KILLS = 0.8
SPARES = 0.2
WEAKENS = 0.9
_LEAST = 10
"""Samples with both the gate's cause and the input on, below which nothing is said."""
_NOTICEABLE = 0.1
"""Inputs whose typical effect is below this share of the strongest are not tested."""


@dataclass(frozen=True, slots=True)
class Inhibition:
    """One input against one gate."""

    feature: FeatureId
    kill: float
    """1 - P(fires | cause, input) / P(fires | cause, no input)."""
    kill_high: float
    """Upper 95 % bound of `kill`."""
    keep: float
    """Mean activation per unit of drive with the input, relative to without it."""
    keep_high: float
    """`keep` plus one standard error."""
    in_formula: bool

    @property
    def damps(self) -> bool:
        """It weakens and does not switch off."""
        return self.kill <= SPARES and self.keep_high < WEAKENS

    @property
    def blocks_partly(self) -> bool:
        """It switches off often, but demonstrably not always."""
        return self.kill > SPARES and self.kill_high < KILLS


def inhibitions(row: Row, train: Activity, training: Training, formula: Formula) -> tuple[Inhibition, ...]:
    """Tests every noticeable input of negative weight against `formula` (its own veto taken out),
    on training data."""
    effects = row.raw_weights * training.levels.means[:, 0]
    top = float(np.abs(effects).max(initial=0.0))
    tested = ((effects < 0) & (-effects >= _NOTICEABLE * top)).nonzero()[0].tolist()
    if training.inverted or not tested:
        return ()
    literals = literals_of(formula)
    on = masks(training.literal_rows(literals), training.fired.size)
    drive = training.inputs.weighted(np.maximum(row.raw_weights, 0.0))
    own = {literal.feature for literal in literals}
    unlisted = training.unlisted if training.unlisted and holds_at_rest(formula) else 0
    plain = _Ground.of(
        evaluate(formula, on, training.fired.size), training.fired, train.target, drive, unlisted
    )
    found: list[Inhibition] = []
    for i in tested:
        column = training.columns[i]
        ground = plain
        if column.feature in own:
            cause = _cause(formula, on, column.feature)
            ground = _Ground.of(cause, training.fired, train.target, drive, unlisted)
        both = column.rows[0]
        both = both[ground.cause[both]]
        if both.size >= _LEAST and ground.samples - both.size >= _LEAST:
            found += _compare(
                column.feature, both, ground, training.fired, train.target, drive, column.feature in own
            )
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """Samples with the gate's cause on, and sums over them."""

    cause: BoolArray
    samples: int
    fired: int
    target: float
    drive: float

    @classmethod
    def of(
        cls, cause: BoolArray, fired: BoolArray, target: FloatArray, drive: FloatArray, unlisted: int
    ) -> "_Ground":
        """Sum over `cause`, and as many `unlisted` samples without any activity."""
        at = cause.nonzero()[0]
        hits = int(np.count_nonzero(fired[at]))
        return cls(cause, at.size + unlisted, hits, float(target[at].sum()), float(drive[at].sum()))


def _cause(formula: Formula, on: dict[Literal, BoolArray], feature: FeatureId) -> BoolArray:
    """Where the formula holds if `feature` were off."""
    samples = next(iter(on.values())).shape[0]
    silent = np.zeros(samples, dtype=np.bool_)
    return evaluate(formula, {lit: silent if lit.feature == feature else v for lit, v in on.items()}, samples)


def _compare(
    feature: FeatureId,
    both: IntArray,
    ground: _Ground,
    fired: BoolArray,
    target: FloatArray,
    drive: FloatArray,
    in_formula: bool,
) -> list[Inhibition]:
    rest = ground.samples - both.size
    hits, pushed, values = int(np.count_nonzero(fired[both])), float(drive[both].sum()), target[both]
    base = (ground.fired - hits) / rest
    unit_base, normal = (ground.drive - pushed) / rest, (ground.target - float(values.sum())) / rest
    if min(base, pushed, unit_base, normal) <= 0:
        return []
    kept = values * (both.size / pushed) * (unit_base / normal)
    keep, error = float(kept.mean()), float(kept.std()) / sqrt(kept.size)
    rate = hits / both.size
    low = wilson_low(hits, both.size)
    return [Inhibition(feature, 1 - rate / base, 1 - low / base, keep, keep + error, in_formula)]
