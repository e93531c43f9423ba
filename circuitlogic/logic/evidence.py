"""Owns the proof of a gate: its formula scored on held-out samples beside ceilings and baselines."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.bootstrap import Resampling, f1_interval, interval_of_counts
from circuitlogic.logic.decision import Decision
from circuitlogic.logic.formula import Formula, evaluate, holds_at_rest, literals_of, masks
from circuitlogic.logic.gate import Evidence, Interval
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.own_states import OwnStates
from circuitlogic.logic.scores import Counts, count, r_squared
from circuitlogic.logic.training import Training
from circuitlogic.logic.trials import Tried, heldout_rows, try_formula


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """Held-out scores with what the naming of a gate needs besides."""

    evidence: Evidence
    counts: Counts
    agreement: float
    """F1 of the formula against the connector's own firing, held out."""
    unprompted: int
    """Held-out firings on which none of the formula's literals is on; 0 where the formula holds at rest."""


def prove(
    row: Row,
    heldout: Activity,
    training: Training,
    decision: Decision,
    own: OwnStates,
    options: ReadingOptions,
) -> Proof:
    """Score the decision's formula on `heldout`, every threshold being that of training."""
    tried = try_formula(heldout, training, decision, own, kernels(options.compiled))
    verdict = tried.verdict
    scored = verdict.formula
    evidence = Evidence(
        samples=heldout.samples,
        support=scored.hits + scored.missed,
        precision=scored.precision,
        recall=scored.recall,
        f1=scored.f1,
        f1_interval=_interval(tried, own.at_rest, heldout, options, row),
        mcc=scored.mcc,
        coverage=tried.coverage,
        r2=r_squared(heldout.predicted, heldout.target, heldout.silent, heldout.resting),
        connector_f1=verdict.connector.f1,
        ceiling_f1=max(verdict.ceiling.f1, scored.f1),
        baseline_f1=verdict.baseline.f1,
        train_f1=_train_f1(own),
    )
    return Proof(evidence, scored, verdict.agreement.f1, 0 if own.at_rest else tried.unprompted)


def heldout_counts(heldout: Activity, training: Training, formula: Formula) -> Counts:
    """`formula` against the true output on held-out samples, thresholds being those of training."""
    rows = heldout_rows(literals_of(formula), heldout, training)
    said = evaluate(formula, masks(rows, heldout.target.shape[0]), heldout.target.shape[0])
    return count(said, heldout.target > training.threshold, heldout.silent, holds_at_rest(formula))


def _train_f1(own: OwnStates) -> float:
    samples, firing = own.states.samples, own.states.firing
    hits, said = float(firing[own.said].sum()), float(samples[own.said].sum())
    total = said + own.states.total
    return 2 * hits / total if total else 0.0


def _interval(tried: Tried, at_rest: bool, heldout: Activity, options: ReadingOptions, row: Row) -> Interval:
    """The interval of F1; samples that are not listed matter only where the formula holds on them."""
    how = Resampling(options.bootstrap, options.seed, row.feature.index)
    if heldout.groups is None or tried.said is None:
        return interval_of_counts(tried.verdict.formula, how)
    said, true, groups = tried.said, tried.true, heldout.groups
    if heldout.listed is not None and at_rest:
        every = np.ones(heldout.samples, dtype=np.bool_), np.zeros(heldout.samples, dtype=np.bool_)
        for whole, part in zip(every, (said, true), strict=True):
            whole[heldout.listed] = part
        said, true = every
    elif heldout.listed is not None:
        groups = groups[heldout.listed]
    return f1_interval(said, true, groups, how)
