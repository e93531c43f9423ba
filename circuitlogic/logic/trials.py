"""Owns what held-out samples say of a decision's formula."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.activity import Activity, BoolArray, IntArray
from circuitlogic.logic.columns import Columns, samples_above
from circuitlogic.logic.decision import Decision
from circuitlogic.logic.formula import Literal, evaluate, literals_of, masks
from circuitlogic.logic.kernels import Kernels
from circuitlogic.logic.own_states import OwnStates
from circuitlogic.logic.scores import unprompted
from circuitlogic.logic.states import picked, state_codes
from circuitlogic.logic.tallies import FLAGS, Flags, Tally
from circuitlogic.logic.training import Training
from circuitlogic.logic.verdicts import CONNECTOR, SAID, Own, Trial, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A formula on held-out samples."""

    verdict: Verdict
    coverage: float
    """Share of the firings that are in states of the formula's literals which training had shown."""
    unprompted: int
    """Firings with none of the formula's literals on."""
    true: BoolArray
    """[N] the output fires."""
    said: BoolArray | None
    """[N] the formula holds; None where samples are not grouped, and nobody asks."""


def heldout_rows(
    literals: tuple[Literal, ...], part: Activity, training: Training
) -> dict[Literal, IntArray]:
    """The samples of `part` on which each literal holds, by the training thresholds."""
    found: dict[Literal, IntArray] = {}
    for literal in literals:
        at = training.at[literal.feature]
        found[literal] = samples_above(part.inputs, at, training.cut(literal))
    return found


def try_formula(
    heldout: Activity, training: Training, decision: Decision, own: OwnStates, loops: Kernels
) -> Tried:
    """Hold the decision's formula against `heldout`, every threshold being that of training."""
    true, connector = heldout.target > training.threshold, heldout.predicted > training.threshold
    flags: Flags = np.bitwise_or(true.view(np.uint8), connector.view(np.uint8) << 1, dtype=np.uint8)
    said, shown, alone = None, 0, 0
    if own.places is None:
        rows = heldout_rows(literals_of(decision.formula), heldout, training)
        on = masks(rows, true.size)
        said, alone = evaluate(decision.formula, on, true.size), unprompted(on.values(), true)
        flags |= said.view(np.uint8) << 2
        codes = state_codes([rows[literal] for literal in own.literals], true.size)
        shown = int(np.count_nonzero(own.shown(codes[true].astype(np.int64))))
    tally = _tally(heldout, training, decision, flags, loops)
    verdict = loops.judge(_trial(tally, heldout, training, decision, own))
    if own.places is not None:
        shown, alone = verdict.shown, verdict.unprompted
        if heldout.groups is not None:
            said = own.said[picked(tally.of >> FLAGS, own.places)]
    firings = verdict.formula.hits + verdict.formula.missed
    coverage = shown / firings if firings and own.literals else float(firings > 0)
    return Tried(verdict, coverage, alone, true, said)


def _tally(heldout: Activity, training: Training, decision: Decision, flags: Flags, loops: Kernels) -> Tally:
    cuts = training.levels.cuts
    certain = np.zeros(cuts.shape[0], dtype=np.bool_)
    return loops.tally(
        Columns.of(heldout.inputs), cuts, decision.pool.candidates.places(cuts.shape), certain, flags
    )


def _trial(tally: Tally, heldout: Activity, training: Training, decision: Decision, own: OwnStates) -> Trial:
    known = None
    if own.places is not None:
        known = Own(own.places, own.said, own.states.samples > 0)
    rest = SAID * own.at_rest + CONNECTOR * (heldout.resting > training.threshold)
    return Trial(tally, heldout.silent, rest, decision.states, training.inverted, known)
