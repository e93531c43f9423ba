"""Gates on single samples: how strongly the feature fires, and where the formula is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitlogic.extract.composed_scores import column_of
from circuitlogic.extract.row_activity import SiteFeatures
from circuitlogic.logic.branches import cut_of
from circuitlogic.logic.formula import evaluate, literals_of
from circuitlogic.logic.gate import Gate

BINS = 24


@dataclass(frozen=True, slots=True)
class Histogram:
    """How strong a feature's positive activations are."""

    top: float
    """Largest activation; bins are equally wide from 0 to it."""
    counts: tuple[int, ...]
    zero: int
    """Samples without activation, in no bin."""


@dataclass(frozen=True, slots=True)
class CounterExamples:
    """Samples on which a formula and the true feature disagree, by their number in the split."""

    silent: tuple[int, ...]
    """The formula says that it fires, and it does not; those nearest to firing first."""
    missed: tuple[int, ...]
    """It fires and the formula does not say so; the strongest first."""
    silent_total: int
    missed_total: int


@dataclass(frozen=True, slots=True)
class GateOnSamples:
    """What one split shows of one gate."""

    samples: int
    histogram: Histogram
    counter: CounterExamples | None
    """None where no formula is claimed."""


def gate_on_samples(gate: Gate, sites: Mapping[str, SiteFeatures], most: int) -> GateOnSamples:
    """Look at a gate on the true features of one split, with at most `most` counter-examples of each sort.

    Raises:
        DataError: gate and features do not belong together.
    """
    values = column_of(gate.feature, sites)
    return GateOnSamples(int(values.size), _histogram(values), _counter_examples(gate, values, sites, most))


def _histogram(values: NDArray[np.float64]) -> Histogram:
    positive = values[values > 0]
    top = float(positive.max(initial=0.0))
    counts = np.histogram(positive, bins=BINS, range=(0.0, top or 1.0))[0]
    return Histogram(top, tuple(int(n) for n in counts), int(values.size - positive.size))


def _counter_examples(
    gate: Gate, values: NDArray[np.float64], sites: Mapping[str, SiteFeatures], most: int
) -> CounterExamples | None:
    if gate.formula is None:
        return None
    literals = literals_of(gate.formula)
    on = {lit: column_of(lit.feature, sites) > cut_of(gate, lit) for lit in literals}
    said, true = evaluate(gate.formula, on, values.size), values > gate.threshold
    silent, missed = np.flatnonzero(said & ~true), np.flatnonzero(~said & true)
    strongest = [rows[np.argsort(-values[rows], kind="stable")][:most] for rows in (silent, missed)]
    first, second = (tuple(int(row) for row in rows) for rows in strongest)
    return CounterExamples(first, second, silent.size, missed.size)
