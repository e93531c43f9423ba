"""Owns the reading of a row at other firing thresholds: what the gate would be called at half and twice its own."""

from dataclasses import replace

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.decision import Decision, decide
from circuitlogic.logic.equivalence import TooLargeError, are_equivalent
from circuitlogic.logic.evidence import heldout_counts
from circuitlogic.logic.formula import Formula, literals_of
from circuitlogic.logic.gate import ThresholdReading
from circuitlogic.logic.naming import Held, name_of
from circuitlogic.logic.own_states import own_states
from circuitlogic.logic.scores import r_squared
from circuitlogic.logic.training import Training, measure

FACTORS = (0.5, 2.0)
_HIGHEST = 0.99


def with_other_thresholds(
    own: ThresholdReading,
    row: Row,
    parts: tuple[Activity, Activity],
    known: tuple[Training, Decision],
    options: ReadingOptions,
    excluded: frozenset[FeatureId],
) -> tuple[ThresholdReading, ...]:
    """`own` among the readings at half and twice its firing threshold, lowest threshold first.

    Args:
        own: The reading at the threshold of `options`.
        row: What is read.
        parts: Training and held-out activity.
        known: What training data say at `own`, and the formula chosen there: reused where nothing fires otherwise.
        options: As for `own`.
        excluded: Inputs that no formula may use.
    """
    found = [own]
    for factor in FACTORS:
        fraction = min(factor * options.firing_quantile_fraction, _HIGHEST)
        other = replace(options, firing_quantile_fraction=fraction)
        found.append(_read(own, row, parts, known, other, excluded))
    return tuple(sorted(found, key=lambda reading: reading.firing))


def _read(
    own: ThresholdReading,
    row: Row,
    parts: tuple[Activity, Activity],
    known: tuple[Training, Decision],
    options: ReadingOptions,
    excluded: frozenset[FeatureId],
) -> ThresholdReading:
    train, heldout = parts
    fraction = options.firing_quantile_fraction
    training = measure(train, row, fraction, options.levels)
    if training.firings < options.min_firings or not (heldout.target > training.threshold).any():
        return ThresholdReading(fraction, "insufficient", None, None, own.formula is None)
    decision = known[1] if _alike(training, known[0]) else decide(row, training, options, excluded)
    counts = heldout_counts(heldout, training, decision.formula)
    r2 = r_squared(heldout.predicted, heldout.target, heldout.silent, heldout.resting)
    name = name_of(
        row, train, (training, decision, own_states(decision, training)), Held(counts, r2), options
    )
    return ThresholdReading(
        fraction, name.kind, name.formula, counts.f1, _same_function(name.formula, own.formula)
    )


def _alike(one: Training, other: Training) -> bool:
    """Whether the same samples count as firing, and the same as in doubt."""
    pairs = (one.levels.weak, other.levels.weak), (one.levels.sizes, other.levels.sizes)
    return all(np.array_equal(a, b) for a, b in ((one.fired, other.fired), *pairs))


def _same_function(one: Formula | None, other: Formula | None) -> bool:
    """Whether both are claimed and one function, or neither is claimed."""
    if one is None or other is None or one == other:
        return one == other
    if {x.feature for x in literals_of(one)} != {x.feature for x in literals_of(other)}:
        return False
    try:
        return are_equivalent(one, other)
    except TooLargeError:
        return False
