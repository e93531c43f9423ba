"""Owns the sums by which inputs are held against the cause of a gate: the plain form, which defines it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import Columns, samples_above
from circuitlogic.logic.states import picked
from circuitlogic.logic.tallies import FLAGS


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """Inputs that may brake a gate, and the samples to tell by."""

    inputs: Columns
    cuts: FloatArray
    """[k] from where on each input fires."""
    weights: FloatArray
    """[k] the connector's own, below 0 taken as 0: what drives the output."""
    target: FloatArray
    fired: BoolArray
    keys: IntArray
    """[N] the key of each sample: see `tallies.Tally`."""
    places: Sequence[int]
    """The literals of the formula, as bits of the keys."""
    tested: Sequence[int]
    """The inputs in question."""
    causes: BoolArray
    """[tested, states] whether the formula holds, were the input off."""
    least: int
    """Samples with the cause and the input on below which nothing is summed up."""


@dataclass(frozen=True, slots=True)
class Braking:
    """One input: the samples with the cause on, and of these the samples with the input on. Sums in their order;
    all 0 where there are too few to tell."""

    samples: float = 0.0
    firings: float = 0.0
    drive: float = 0.0
    target: float = 0.0
    both: float = 0.0
    both_firings: float = 0.0
    both_drive: float = 0.0
    both_target: float = 0.0
    spread: float = 0.0
    """Squared distances of the target from its mean, where the input is on."""


def braked(suspects: Suspects) -> list[Braking]:
    """The sums of each input that is tested."""
    at = picked(suspects.keys >> FLAGS, suspects.places)
    drive = suspects.inputs.weighted(suspects.weights)
    parts = np.ones(at.size), suspects.fired, drive, suspects.target
    found: list[Braking] = []
    for place, column in enumerate(suspects.tested):
        caused = suspects.causes[place][at]
        both = samples_above(suspects.inputs, column, float(suspects.cuts[column]))
        both = both[caused[both]]
        if both.size < suspects.least:
            found.append(Braking())
            continue
        cause = caused.nonzero()[0]
        sums = [_sum(part[where]) for where in (cause, both) for part in parts]
        away = suspects.target[both] - sums[-1] / max(both.size, 1)
        sums.append(_sum(away * away))
        found.append(Braking(*sums))
    return found


def _sum(values: BoolArray | FloatArray) -> float:
    """Added one after another, as a loop would."""
    return float(values.cumsum()[-1]) if values.size else 0.0
