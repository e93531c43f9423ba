"""Owns the kill-or-weaken test: what an input of negative weight does where the gate would otherwise fire."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, Row
from circuitlogic.logic.braking import Braking, Suspects
from circuitlogic.logic.kernels import Kernels
from circuitlogic.logic.own_states import OwnStates
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


def inhibitions(
    row: Row, train: Activity, training: Training, own: OwnStates, loops: Kernels
) -> tuple[Inhibition, ...]:
    """Tests every noticeable input of negative weight against the formula of `own` (its own veto taken out),
    on training data."""
    effects = row.raw_weights * training.levels.means[:, 0]
    top = float(np.abs(effects).max(initial=0.0))
    tested = ((effects < 0) & (-effects >= _NOTICEABLE * top)).nonzero()[0].tolist()
    if training.inverted or not tested:
        return ()
    keys, places = own.located()
    suspects = Suspects(
        training.inputs,
        training.levels.cuts[:, 0],
        np.maximum(row.raw_weights, 0.0),
        train.target,
        training.fired,
        keys,
        places,
        tested,
        np.stack([own.without(training.sources[i]) for i in tested]),
        _LEAST,
    )
    inside = {literal.feature for literal in own.literals}
    unlisted = training.unlisted if own.at_rest else 0
    found: list[Inhibition] = []
    for i, sums in zip(tested, loops.braked(suspects), strict=True):
        found += _compared(training.sources[i], sums, unlisted, training.sources[i] in inside)
    return tuple(found)


def _compared(feature: FeatureId, sums: Braking, unlisted: int, in_formula: bool) -> list[Inhibition]:
    both, rest = int(sums.both), int(sums.samples) + unlisted - int(sums.both)
    if min(both, rest) < _LEAST:
        return []
    base, unit_base = (sums.firings - sums.both_firings) / rest, (sums.drive - sums.both_drive) / rest
    normal = (sums.target - sums.both_target) / rest
    if min(base, sums.both_drive, unit_base, normal) <= 0:
        return []
    hits, relative = int(sums.both_firings), both / sums.both_drive * (unit_base / normal)
    keep, error = relative * (sums.both_target / both), relative * sqrt(sums.spread) / both
    kill, low = 1 - hits / both / base, wilson_low(hits, both)
    return [Inhibition(feature, kill, 1 - low / base, keep, keep + error, in_formula)]
