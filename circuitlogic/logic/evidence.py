"""Owns the proof of a gate: its formula scored on held-out samples beside ceilings and baselines,
and its table."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.activity import Activity, BoolArray, IntArray, ReadingOptions, Row
from circuitlogic.logic.decision import Decision
from circuitlogic.logic.formula import Formula, Literal, evaluate, literals_of
from circuitlogic.logic.gate import Evidence, TableRow
from circuitlogic.logic.scores import Counts, count, f1_interval, r_squared
from circuitlogic.logic.states import samples_above, state_codes
from circuitlogic.logic.training import Training

TABLE_ROWS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """Held-out scores with what the naming of a gate needs besides."""

    evidence: Evidence
    counts: Counts
    agreement: float
    """F1 of the formula against the connector's own firing, held out."""


def masks(rows: dict[Literal, IntArray], samples: int) -> dict[Literal, BoolArray]:
    """Row numbers as Boolean arrays."""
    found: dict[Literal, BoolArray] = {}
    for literal, where in rows.items():
        found[literal] = np.zeros(samples, dtype=np.bool_)
        found[literal][where] = True
    return found


def literal_rows(
    literals: tuple[Literal, ...], row: Row, part: Activity, training: Training
) -> dict[Literal, IntArray]:
    """The samples of `part` on which each literal holds, by the training thresholds."""
    at = {source: i for i, source in enumerate(row.sources)}
    return {
        lit: samples_above(part.inputs, at[lit.feature], training.columns[at[lit.feature]].cuts[lit.level])
        for lit in literals
    }


def prove(
    row: Row,
    train: Activity,
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
    rows = literal_rows(pool, row, heldout, training)
    said = evaluate(decision.formula, masks({lit: rows[lit] for lit in literals}, samples), samples)
    scored = count(said, true)
    rng = np.random.default_rng([options.seed, row.feature.index])
    connector = heldout.predicted > training.threshold
    train_rows = literal_rows(literals, row, train, training)
    train_said = evaluate(decision.formula, masks(train_rows, training.fired.size), training.fired.size)
    evidence = Evidence(
        samples=samples,
        support=scored.hits + scored.missed,
        precision=scored.precision,
        recall=scored.recall,
        f1=scored.f1,
        f1_interval=f1_interval(said, true, heldout.groups, options.bootstrap, rng),
        mcc=scored.mcc,
        coverage=_coverage(train_rows, rows, literals, true, training.fired.size),
        r2=r_squared(heldout.predicted, heldout.target),
        connector_f1=count(connector, true).f1,
        ceiling_f1=_ceiling(decision, training.inverted, rows, said, true),
        baseline_f1=_baseline(decision, training, rows, true),
        train_f1=count(train_said, training.fired).f1,
    )
    return Proof(evidence, scored, count(said, connector).f1)


def _coverage(
    seen: dict[Literal, IntArray],
    rows: dict[Literal, IntArray],
    literals: tuple[Literal, ...],
    true: BoolArray,
    train_samples: int,
) -> float:
    """Share of held-out firings in states of the formula's literals that training had shown."""
    firing = int(np.count_nonzero(true))
    if not firing or not literals:
        return float(firing > 0)
    literals = literals[:62]
    known = _grouped(state_codes([seen[lit] for lit in literals], train_samples), len(literals))[0]
    codes = state_codes([rows[lit] for lit in literals], true.shape[0])[true]
    return float(np.isin(codes, known).mean())


def _ceiling(
    decision: Decision,
    inverted: bool,
    rows: dict[Literal, IntArray],
    said: BoolArray,
    true: BoolArray,
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
    cases, sizes = _distinct((codes << 2) | (said.astype(np.int64) << 1) | true)
    seen = cases >> 2
    at = np.minimum(np.searchsorted(states.codes, seen), order.size - 1)
    best = np.where(states.codes[at] == seen, on[at] ^ inverted, (cases >> 1 & 1).astype(np.bool_))
    firing = (cases & 1).astype(np.bool_)
    total = float(sizes[best].sum() + sizes[firing].sum())
    f1 = 2 * float(sizes[best & firing].sum()) / total if total else 0.0
    return max(f1, count(said, true).f1)


def _distinct(codes: IntArray) -> tuple[IntArray, IntArray]:
    """Distinct codes ascending, and how often each occurs."""
    keyed = np.sort(codes)
    edges = np.flatnonzero(np.concatenate(([True], keyed[1:] != keyed[:-1])))
    return keyed[edges], np.diff(np.append(edges, keyed.size))


def _baseline(
    decision: Decision, training: Training, rows: dict[Literal, IntArray], true: BoolArray
) -> float:
    """Held-out F1 of the single literal that is best on training data."""
    sought = training.sought
    best, chosen = 0.0, None
    for literal, where in zip(decision.pool.literals, decision.pool.rows, strict=True):
        f1 = 2 * np.count_nonzero(sought[where]) / max(where.size + decision.states.total, 1.0)
        if f1 > best:
            best, chosen = float(f1), literal
    said = np.zeros(true.shape[0], dtype=np.bool_)
    if chosen is not None:
        said[rows[chosen]] = True
    return count(said ^ training.inverted, true).f1


def _grouped(codes: IntArray, literals: int) -> tuple[IntArray, IntArray, IntArray]:
    """Distinct codes ascending, each sample's place among them, and their counts;
    no sorting of few literals."""
    if literals > 12:
        distinct, at, sizes = np.unique(codes, return_inverse=True, return_counts=True)
        return distinct, at, sizes
    counts = np.bincount(codes, minlength=1 << literals)
    distinct = np.flatnonzero(counts)
    return distinct, (np.cumsum(counts > 0) - 1)[codes], counts[distinct]


def truth_table(
    formula: Formula, rows: dict[Literal, IntArray], train: Activity, fired: BoolArray
) -> tuple[TableRow, ...]:
    """The states that training samples were in, most frequent first, at most `TABLE_ROWS` of them."""
    literals = literals_of(formula)[:62]
    codes = state_codes([rows[lit] for lit in literals], fired.size)
    distinct, at, sizes = _grouped(codes, len(literals))
    firing = np.bincount(at, weights=fired, minlength=distinct.size)
    sums = np.bincount(at, weights=train.target, minlength=distinct.size)
    order = np.argsort(-sizes, kind="stable")[:TABLE_ROWS]
    on = {lit: (distinct[order] >> i & 1).astype(np.bool_) for i, lit in enumerate(literals)}
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
