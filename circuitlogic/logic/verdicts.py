"""Owns the comparison of a formula with held-out samples, beside the connector, the best table and the best input:
the plain form, which defines it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.activity import BoolArray, IntArray
from circuitlogic.logic.scores import Counts, counted
from circuitlogic.logic.states import States, picked
from circuitlogic.logic.tallies import FLAGS, Tally

TRUE, CONNECTOR, SAID = 1, 2, 4
"""Flags of a held-out sample: the output fires, the connector's own output does, the formula holds."""


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """A formula by the states of its own literals."""

    places: Sequence[int]
    """Where these stand in the pool."""
    said: BoolArray
    """[2^n] whether the formula holds."""
    shown: BoolArray
    """[2^n] whether training showed the state."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What a formula is held against."""

    tally: Tally
    """Held-out samples by the literals of the pool."""
    silent: int
    """Samples that are not in it."""
    rest: int
    """The key of these."""
    states: States
    """Of the pool in training, counting what was sought."""
    inverted: bool
    """Whether that is the absence of the output."""
    own: Own | None
    """None: that the formula holds is a flag of the tally."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts on held-out samples."""

    formula: Counts
    """The formula against the output."""
    connector: Counts
    """The connector's own firing against the output."""
    agreement: Counts
    """The formula against the connector."""
    ceiling: Counts
    """The best training table over all candidates against the output."""
    baseline: Counts
    """The literal that is best on training data against the output."""
    shown: int
    """Firings in states of the formula's literals that training had shown; 0 where `Trial.own` is None."""
    unprompted: int
    """Firings with none of the formula's literals on; 0 where `Trial.own` is None."""


def judge(trial: Trial) -> Verdict:
    """Count what is said against what is true."""
    keys, sizes = np.append(trial.tally.keys, trial.rest), np.append(trial.tally.sizes, trial.silent)
    codes, (said, true, connector) = keys >> FLAGS, ((keys & flag) != 0 for flag in (SAID, TRUE, CONNECTOR))
    shown, alone = 0, 0
    if trial.own is not None:
        own = picked(codes, trial.own.places)
        said, shown = trial.own.said[own], int(sizes.dot(true & trial.own.shown[own]))
        alone = int(sizes.dot(true & (own == 0)))
    best = _best_table(trial, codes, said)
    return Verdict(
        counted(said, true, sizes),
        counted(connector, true, sizes),
        counted(said, connector, sizes),
        counted(best, true, sizes),
        counted(_best_literal(trial, codes), true, sizes),
        shown,
        alone,
    )


def _best_table(trial: Trial, codes: IntArray, said: BoolArray) -> BoolArray:
    """[codes] what the best training table over all candidates says; states never seen go as the formula says.

    A state's firing rate is shrunk towards the overall rate by one sample.
    """
    states = trial.states
    rate = (states.firing + states.total / max(states.samples.sum(), 1.0)) / (states.samples + 1.0)
    order = np.argsort(-rate, kind="stable")
    f1 = 2 * np.cumsum(states.firing[order]) / (np.cumsum(states.samples[order]) + max(states.total, 1.0))
    on = np.full(order.size, trial.inverted)
    on[order[: int(np.argmax(f1)) + 1]] = not trial.inverted
    at = np.minimum(np.searchsorted(states.codes, codes), order.size - 1)
    return np.where(states.codes[at] == codes, on[at], said)


def _best_literal(trial: Trial, codes: IntArray) -> BoolArray:
    """[codes] what the single literal says that is best on training data."""
    states = trial.states
    said = np.zeros(codes.shape[0], dtype=np.bool_)
    if states.literals:
        f1 = 2 * (states.firing @ states.bits) / np.maximum(states.samples @ states.bits + states.total, 1.0)
        best = int(f1.argmax())
        if f1[best] > 0:
            said = (codes >> best & 1).astype(np.bool_)
    return said ^ trial.inverted
