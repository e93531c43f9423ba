"""Owns what held-out samples say, as cases: how many have these literals on, this said of them, and this true."""

from dataclasses import dataclass, replace

import numpy as np

from circuitlogic.logic.activity import Activity, BoolArray, IntArray
from circuitlogic.logic.columns import Columns, samples_above
from circuitlogic.logic.decision import Decision
from circuitlogic.logic.formula import Literal, evaluate, holds_at_rest, literals_of, masks
from circuitlogic.logic.kernels import Kernels
from circuitlogic.logic.own_states import OwnStates, holds
from circuitlogic.logic.scores import Counts, counted
from circuitlogic.logic.states import picked, state_codes
from circuitlogic.logic.tallies import FLAGS, Flags, Tally
from circuitlogic.logic.training import Training

_TRUE, _CONNECTOR, _SAID = 1, 2, 4


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """Held-out samples of one kind, counted; the last case are those that are not listed."""

    codes: IntArray
    """[cases] which literals of the pool hold."""
    sizes: IntArray
    """[cases] how many samples."""
    said: BoolArray
    """[cases] the formula holds."""
    true: BoolArray
    """[cases] the output fires."""
    connector: BoolArray
    """[cases] the connector's own output does."""

    def counts(self, said: BoolArray, true: BoolArray) -> Counts:
        """One prediction against another."""
        return counted(said, true, self.sizes)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A formula on held-out samples."""

    cases: Cases
    coverage: float
    """Share of the firings that are in states of the formula's literals which training had shown."""
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
        found[literal] = samples_above(part.inputs, at, training.levels[at].cuts[literal.level])
    return found


def judge(
    heldout: Activity, training: Training, decision: Decision, own: OwnStates, loops: Kernels
) -> Judged:
    """Hold the decision's formula against `heldout`, every threshold being that of training."""
    formula, at_rest = decision.formula, holds_at_rest(decision.formula)
    true, connector = heldout.target > training.threshold, heldout.predicted > training.threshold
    flags: Flags = np.bitwise_or(true.view(np.uint8), connector.view(np.uint8) << 1, dtype=np.uint8)
    said, shown = None, 0
    if own.places is None:
        rows = heldout_rows(literals_of(formula), heldout, training)
        said = evaluate(formula, masks(rows, true.size), true.size)
        flags |= said.view(np.uint8) << 2
        codes = state_codes([rows[literal] for literal in own.literals], true.size)
        shown = int(np.count_nonzero(own.known(codes[true].astype(np.int64))))
    tally = _tally(heldout, training, decision, flags, loops)
    cases = _cases(tally, heldout.silent, at_rest, heldout.resting > training.threshold)
    if own.places is not None:
        codes = picked(cases.codes, own.places)
        cases = replace(cases, said=holds(formula, own.literals, codes))
        shown = int(cases.sizes @ (cases.true & own.known(codes)))
        if heldout.groups is not None:
            said = holds(formula, own.literals, picked(tally.of >> FLAGS, own.places))
    firings = int(np.count_nonzero(true))
    coverage = shown / firings if firings and own.literals else float(firings > 0)
    return Judged(cases, coverage, true, said)


def _tally(heldout: Activity, training: Training, decision: Decision, flags: Flags, loops: Kernels) -> Tally:
    certain = np.zeros(len(training.sources), dtype=np.bool_)
    places = decision.pool.places(training.cuts.shape)
    return loops.tally(Columns.of(heldout.inputs), training.cuts, places, certain, flags)


def _cases(tally: Tally, silent: int, at_rest: bool, connector_at_rest: bool) -> Cases:
    rest = _SAID * at_rest + _CONNECTOR * connector_at_rest
    keys, sizes = np.append(tally.keys, rest), np.append(tally.sizes, silent)
    said, true, connector = ((keys & flag) != 0 for flag in (_SAID, _TRUE, _CONNECTOR))
    return Cases(keys >> FLAGS, sizes, said, true, connector)
