"""Owns the proof of a gate: its formula scored on held-out samples beside ceilings and baselines."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.cases import Cases, Judged, heldout_rows, judge
from circuitlogic.logic.decision import Decision
from circuitlogic.logic.formula import Formula, evaluate, holds_at_rest, literals_of, masks
from circuitlogic.logic.gate import Evidence, Interval
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.own_states import OwnStates
from circuitlogic.logic.scores import Counts, count, f1_interval, interval_of_counts, r_squared
from circuitlogic.logic.training import Training


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """Held-out scores with what the naming of a gate needs besides."""

    evidence: Evidence
    counts: Counts
    agreement: float
    """F1 of the formula against the connector's own firing, held out."""


def prove(
    row: Row,
    heldout: Activity,
    training: Training,
    decision: Decision,
    own: OwnStates,
    options: ReadingOptions,
) -> Proof:
    """Score the decision's formula on `heldout`, every threshold being that of training."""
    judged = judge(heldout, training, decision, own, kernels(options.compiled))
    cases, at_rest = judged.cases, holds_at_rest(decision.formula)
    scored = cases.counts(cases.said, cases.true)
    evidence = Evidence(
        samples=heldout.samples,
        support=scored.hits + scored.missed,
        precision=scored.precision,
        recall=scored.recall,
        f1=scored.f1,
        f1_interval=_interval(judged, scored, at_rest, heldout, options, row),
        mcc=scored.mcc,
        coverage=judged.coverage,
        r2=r_squared(heldout.predicted, heldout.target, heldout.silent, heldout.resting),
        connector_f1=cases.counts(cases.connector, cases.true).f1,
        ceiling_f1=max(_ceiling(decision, training.inverted, cases), scored.f1),
        baseline_f1=_baseline(decision, training.inverted, cases),
        train_f1=_train_f1(own),
    )
    return Proof(evidence, scored, cases.counts(cases.said, cases.connector).f1)


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


def _interval(
    judged: Judged, scored: Counts, at_rest: bool, heldout: Activity, options: ReadingOptions, row: Row
) -> Interval:
    """The interval of F1; samples that are not listed matter only where the formula holds on them."""
    rng = np.random.default_rng([options.seed, row.feature.index])
    if heldout.groups is None or judged.said is None:
        return interval_of_counts(scored, options.bootstrap, rng)
    said, true, groups = judged.said, judged.true, heldout.groups
    if heldout.listed is not None and at_rest:
        every = np.ones(heldout.samples, dtype=np.bool_), np.zeros(heldout.samples, dtype=np.bool_)
        for whole, part in zip(every, (said, true), strict=True):
            whole[heldout.listed] = part
        said, true = every
    elif heldout.listed is not None:
        groups = groups[heldout.listed]
    return f1_interval(said, true, groups, options.bootstrap, rng)


def _ceiling(decision: Decision, inverted: bool, cases: Cases) -> float:
    """Held-out F1 of the best training table over all candidates; states never seen go as the formula says.

    A state's firing rate is shrunk towards the overall rate by one sample.
    """
    states = decision.states
    rate = (states.firing + states.total / max(states.samples.sum(), 1.0)) / (states.samples + 1.0)
    order = np.argsort(-rate, kind="stable")
    f1 = 2 * np.cumsum(states.firing[order]) / (np.cumsum(states.samples[order]) + max(states.total, 1.0))
    on = np.full(order.size, inverted)
    on[order[: int(np.argmax(f1)) + 1]] = not inverted
    at = np.minimum(np.searchsorted(states.codes, cases.codes), order.size - 1)
    best = np.where(states.codes[at] == cases.codes, on[at], cases.said)
    return cases.counts(best, cases.true).f1


def _baseline(decision: Decision, inverted: bool, cases: Cases) -> float:
    """Held-out F1 of the single literal that is best on training data."""
    states = decision.states
    said = np.zeros(cases.codes.shape[0], dtype=np.bool_)
    if states.literals:
        f1 = 2 * (states.firing @ states.bits) / np.maximum(states.samples @ states.bits + states.total, 1.0)
        best = int(f1.argmax())
        if f1[best] > 0:
            said = (cases.codes >> best & 1).astype(np.bool_)
    return cases.counts(said ^ inverted, cases.true).f1
