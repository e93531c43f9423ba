"""Owns the proof of a gate: its formula scored on held-out samples beside ceilings and baselines,
and its table."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.activity import Activity, BoolArray, IntArray, ReadingOptions, Row
from circuitlogic.logic.decision import Decision
from circuitlogic.logic.formula import Formula, Literal, evaluate, holds_at_rest, literals_of
from circuitlogic.logic.gate import Evidence, Interval, TableRow
from circuitlogic.logic.kernels import Kernels
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.scores import Counts, count, f1_interval, r_squared
from circuitlogic.logic.states import Codes, distinct, state_codes
from circuitlogic.logic.training import Training

TABLE_ROWS = 64
_NO_CODE: IntArray = np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """Held-out scores with what the naming of a gate needs besides."""

    evidence: Evidence
    counts: Counts
    agreement: float
    """F1 of the formula against the connector's own firing, held out."""
    unprompted: int
    """Held-out firings on which none of the formula's literals is on; 0 where the formula holds at rest."""


def masks(rows: dict[Literal, IntArray], samples: int) -> dict[Literal, BoolArray]:
    """Row numbers as Boolean arrays."""
    found: dict[Literal, BoolArray] = {}
    for literal, where in rows.items():
        found[literal] = np.zeros(samples, dtype=np.bool_)
        found[literal][where] = True
    return found


def heldout_rows(
    literals: tuple[Literal, ...], row: Row, part: Activity, training: Training, loops: Kernels
) -> dict[Literal, IntArray]:
    """The samples of `part` on which each literal holds, by the training thresholds."""
    if not literals:
        return {}
    above, _ = loops.split_columns(part.inputs, np.array([c.cuts for c in training.columns]))
    at = {source: i for i, source in enumerate(row.sources)}
    return {lit: above[at[lit.feature]][lit.level] for lit in literals}


def prove(
    row: Row,
    heldout: Activity,
    training: Training,
    decision: Decision,
    options: ReadingOptions,
) -> Proof:
    """Score the decision's formula on `heldout`, every threshold being that of training."""
    samples = heldout.target.shape[0]
    true = heldout.target > training.threshold
    literals = literals_of(decision.formula)
    pool = tuple(dict.fromkeys((*decision.pool.literals, *literals)))
    rows = heldout_rows(pool, row, heldout, training, kernels(options.compiled))
    on = masks({lit: rows[lit] for lit in literals}, samples)
    said = evaluate(decision.formula, on, samples)
    at_rest = holds_at_rest(decision.formula)
    scored = count(said, true, heldout.silent, at_rest)
    connector = heldout.predicted > training.threshold
    connector_rests = heldout.resting > training.threshold
    train_rows = training.literal_rows(literals)
    train_said = evaluate(decision.formula, masks(train_rows, training.fired.size), training.fired.size)
    evidence = Evidence(
        samples=heldout.samples,
        support=scored.hits + scored.missed,
        precision=scored.precision,
        recall=scored.recall,
        f1=scored.f1,
        f1_interval=_interval(said, true, at_rest, heldout, options, row),
        mcc=scored.mcc,
        coverage=_coverage(train_rows, on, literals, true, training),
        r2=r_squared(heldout.predicted, heldout.target, heldout.silent, heldout.resting),
        connector_f1=count(connector, true, heldout.silent, connector_rests).f1,
        ceiling_f1=_ceiling(decision, training.inverted, rows, said, true, heldout.silent, scored),
        baseline_f1=_baseline(decision, training, rows, true, heldout.silent),
        train_f1=count(train_said, training.fired, training.unlisted, at_rest).f1,
    )
    agreement = count(said, connector, heldout.silent, at_rest, connector_rests)
    return Proof(evidence, scored, agreement.f1, 0 if at_rest else unprompted(on.values(), true))


def unprompted(on: Iterable[BoolArray], true: BoolArray) -> int:
    """Firings on which none of some literals is on."""
    left = true.copy()
    for literal in on:
        left &= ~literal
    return int(np.count_nonzero(left))


def heldout_counts(
    row: Row, heldout: Activity, training: Training, formula: Formula, options: ReadingOptions
) -> Counts:
    """`formula` against the true output on held-out samples, thresholds being those of training."""
    literals = literals_of(formula)
    rows = heldout_rows(literals, row, heldout, training, kernels(options.compiled))
    said = evaluate(formula, masks(rows, heldout.target.shape[0]), heldout.target.shape[0])
    return count(said, heldout.target > training.threshold, heldout.silent, holds_at_rest(formula))


def _interval(
    said: BoolArray, true: BoolArray, at_rest: bool, heldout: Activity, options: ReadingOptions, row: Row
) -> Interval:
    """The interval of F1; samples that are not listed matter only where the formula holds on them."""
    groups = heldout.groups
    if heldout.listed is not None and at_rest:
        every = np.ones(heldout.samples, dtype=np.bool_), np.zeros(heldout.samples, dtype=np.bool_)
        for whole, part in zip(every, (said, true), strict=True):
            whole[heldout.listed] = part
        said, true = every
    elif heldout.listed is not None and groups is not None:
        groups = groups[heldout.listed]
    rng = np.random.default_rng([options.seed, row.feature.index])
    return f1_interval(said, true, groups, options.bootstrap, rng)


def _coverage(
    seen: dict[Literal, IntArray],
    on: dict[Literal, BoolArray],
    literals: tuple[Literal, ...],
    true: BoolArray,
    training: Training,
) -> float:
    """Share of held-out firings in states of the formula's literals that training had shown."""
    firings = true.nonzero()[0]
    if not firings.size or not literals:
        return float(firings.size > 0)
    literals = literals[:62]
    codes = np.zeros(firings.size, dtype=np.int64)
    for i, lit in enumerate(literals):
        codes |= on[lit][firings].astype(np.int64) << i
    known = _counted(state_codes([seen[lit] for lit in literals], training.fired.size), len(literals))[0]
    at = np.minimum(np.searchsorted(known, codes), known.size - 1)
    return float(((known[at] == codes) | ((codes == 0) & (training.unlisted > 0))).mean())


def _ceiling(
    decision: Decision,
    inverted: bool,
    rows: dict[Literal, IntArray],
    said: BoolArray,
    true: BoolArray,
    unlisted: int,
    scored: Counts,
) -> float:
    """Held-out F1 of the best training table over all candidates; states never seen go as the formula says.

    A state's firing rate is shrunk towards the overall rate by one sample.
    """
    states = decision.states
    rate = (states.firing + states.total / max(states.samples.sum(), 1.0)) / (states.samples + 1.0)
    order = np.argsort(-rate, kind="stable")
    f1 = 2 * np.cumsum(states.firing[order]) / (np.cumsum(states.samples[order]) + max(states.total, 1.0))
    on = np.zeros(order.size, dtype=np.bool_)
    on[order[: int(np.argmax(f1)) + 1]] = True
    codes = state_codes([rows[lit] for lit in decision.pool.literals], true.shape[0])
    cases, sizes = distinct((codes << 2) | (said.astype(codes.dtype) << 1) | true)
    seen = cases >> 2
    at = np.minimum(np.searchsorted(states.codes, seen), order.size - 1)
    best = np.where(states.codes[at] == seen, on[at] ^ inverted, (cases >> 1 & 1).astype(np.bool_))
    firing = (cases & 1).astype(np.bool_)
    total = float(sizes[best].sum() + sizes[firing].sum() + unlisted * bool(on[0] ^ inverted))
    f1 = 2 * float(sizes[best & firing].sum()) / total if total else 0.0
    return max(f1, scored.f1)


def _baseline(
    decision: Decision, training: Training, rows: dict[Literal, IntArray], true: BoolArray, unlisted: int
) -> float:
    """Held-out F1 of the single literal that is best on training data."""
    states = decision.states
    said = np.zeros(true.shape[0], dtype=np.bool_)
    if states.bits.shape[1]:
        f1 = 2 * (states.firing @ states.bits) / np.maximum(states.samples @ states.bits + states.total, 1.0)
        best = int(f1.argmax())
        if f1[best] > 0:
            said[rows[decision.pool.literals[best]]] = True
    return count(said ^ training.inverted, true, unlisted, training.inverted).f1


def _counted(codes: Codes, literals: int) -> tuple[IntArray, IntArray]:
    """Distinct codes ascending and their counts; no sorting of few literals."""
    if literals > 12:
        return distinct(codes)
    counts = np.bincount(codes, minlength=1 << literals)
    known = counts.nonzero()[0]
    return known, counts[known]


def _with_rest(known: IntArray, sizes: IntArray, unlisted: int) -> tuple[IntArray, IntArray]:
    """States and their counts with `unlisted` samples more in which nothing is on."""
    if known[0] != 0:
        known, sizes = (np.concatenate((_NO_CODE, part)) for part in (known, sizes))
    sizes[0] += unlisted
    return known, sizes


def truth_table(
    formula: Formula, rows: dict[Literal, IntArray], train: Activity, fired: BoolArray
) -> tuple[TableRow, ...]:
    """The states that training samples were in, most frequent first, at most `TABLE_ROWS` of them."""
    literals = literals_of(formula)[:62]
    codes = state_codes([rows[lit] for lit in literals], fired.size)
    known, sizes = _counted(codes, len(literals))
    if train.silent:
        known, sizes = _with_rest(known, sizes, train.silent)
    active = (train.target != 0).nonzero()[0]
    at = np.searchsorted(known, codes[active])
    firing = np.bincount(at[fired[active]], minlength=known.size)
    sums = np.bincount(at, train.target[active], known.size)
    order = np.argsort(-sizes, kind="stable")[:TABLE_ROWS]
    on = {lit: (known[order] >> i & 1).astype(np.bool_) for i, lit in enumerate(literals)}
    predicted = evaluate(formula, on, order.size)
    return tuple(
        TableRow(
            state=tuple(bool(on[lit][i]) for lit in literals),
            samples=int(sizes[s]),
            firing=int(firing[s]),
            mean=float(sums[s] / sizes[s]),
            predicted=bool(predicted[i]),
        )
        for i, s in enumerate(order.tolist())
    )
