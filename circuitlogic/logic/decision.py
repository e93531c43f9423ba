"""Owns the choice of a formula from training data: candidates, search, wide counts, canonical form,
runner-up."""

from dataclasses import dataclass, replace

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic import canonical, truth
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray, ReadingOptions, Row
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, at_least
from circuitlogic.logic.gate import RunnerUp
from circuitlogic.logic.kinds import kind_of_canonical
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.proposals import Finding
from circuitlogic.logic.search import NOTHING, Search
from circuitlogic.logic.states import States, count_states, count_states_twice, state_codes
from circuitlogic.logic.training import Training
from circuitlogic.logic.wide import Count, widest_count

_NEGLIGIBLE = 0.02
"""Inputs whose typical effect is below this share of the strongest are left out."""
_REPAIRS = 2
"""Least price of a literal in firings' worth of F1; with about 26 candidates, less buys chance repairs."""
_CLEAR_FIRINGS = 0.1
"""Share of the firings that clear samples must hold for the formula to be decided on them."""
_BY_DATA = 10
_WIDE_CANDIDATES = 60
_WIDE_FROM = 8
_NEAR = 12


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The literals that a search considers."""

    literals: tuple[Literal, ...]
    rows: tuple[IntArray, ...]
    effects: FloatArray
    associations: FloatArray

    def picked(self, order: list[int]) -> "Pool":
        """The literals at `order`, in that order."""
        return Pool(
            tuple(self.literals[i] for i in order),
            tuple(self.rows[i] for i in order),
            self.effects[order],
            self.associations[order],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """The chosen formula and what it was chosen from."""

    formula: Formula
    train_f1: float
    """Of what was sought (the absence, where inverted)."""
    pool: Pool
    states: States
    """Of the pool's literals, counting what was sought."""
    runner_up: RunnerUp | None


def decide(
    row: Row, training: Training, options: ReadingOptions, excluded: frozenset[FeatureId] = frozenset()
) -> Decision:
    """The best formula by training data alone, without inputs in `excluded`."""
    everything = _everything(row, training, excluded)
    pool = everything.picked(_candidates(everything, options.candidates, _BY_DATA))
    states, decided_on = _both_states(pool, training, options.min_firings)
    price = max(options.price, _REPAIRS / max(states.total, 1.0))
    pairs = canonical.nested_pairs(pool.literals)
    search = Search(
        decided_on,
        pool.effects,
        pool.associations,
        pairs,
        price,
        options.max_literals,
        kernels=kernels(options.compiled),
    )
    best = search.run() if pool.literals else NOTHING
    formula = _formula(best, pool, training.inverted)
    f1 = best.f1
    if len(best.chosen) >= min(_WIDE_FROM, options.max_literals):
        wide_pool = everything.picked(_candidates(everything, _WIDE_CANDIDATES, 0, level=0))
        count = widest_count(_states(wide_pool, training), wide_pool.effects, wide_pool.associations, price)
        if count is not None and count.objective < _objective(search, best, states) - 1e-9:
            formula, f1 = _count_formula(count, wide_pool, training.inverted), count.f1
    return Decision(formula, f1, pool, states, _runner_up(search, best, pool, formula, training.inverted))


def _states(pool: Pool, training: Training) -> States:
    sought = training.sought
    codes = state_codes(pool.rows, sought.shape[0])
    return count_states(codes, sought, len(pool.literals), training.silent)


def _objective(search: Search, best: Finding, states: States) -> float:
    """What `best` is worth on all samples."""
    said = replace(search, states=states).values(best)
    f1 = 2 * float(states.firing[said].sum()) / (float(states.samples[said].sum()) + states.total)
    return 1 - f1 + search.price * best.cost


def _both_states(pool: Pool, training: Training, least: int) -> tuple[States, States]:
    """The states of all samples, and those to decide on.

    These are of the samples without a literal in doubt; of all, where too few firings would be left.
    """
    clear = training.clear(literal.feature for literal in pool.literals)
    if clear is None:
        states = _states(pool, training)
        return states, states
    sought = training.sought
    codes = state_codes(pool.rows, sought.shape[0])
    every, kept = count_states_twice(codes, sought, clear, len(pool.literals), training.silent)
    return every, every if kept.total < max(_CLEAR_FIRINGS * every.total, least) else kept


def _everything(row: Row, training: Training, excluded: frozenset[FeatureId]) -> Pool:
    """All literals with a noticeable effect; effects are signed as on what is sought."""
    literals: list[Literal] = []
    rows: list[IntArray] = []
    effects: list[float] = []
    flip = -1.0 if training.inverted else 1.0
    for weight, column in zip(row.raw_weights.tolist(), training.columns, strict=True):
        if column.feature in excluded:
            continue
        below = 0.0
        for level, (where, mean) in enumerate(zip(column.rows, column.means, strict=True)):
            if where.size and (level == 0 or where.size < column.rows[level - 1].size):
                literals.append(column.literal(level))
                rows.append(where)
                effects.append(flip * weight * (mean - below))
                below = mean
    effect = np.asarray(effects, dtype=np.float64)
    keep = (np.abs(effect) >= _NEGLIGIBLE * np.abs(effect).max(initial=1e-30)).nonzero()[0].tolist()
    kept_rows = tuple(rows[i] for i in keep)
    phi = _associations(kept_rows, training.sought)
    return Pool(tuple(literals[i] for i in keep), kept_rows, effect[keep], phi)


def _associations(rows: tuple[IntArray, ...], sought: BoolArray) -> FloatArray:
    """Phi of each literal with what is sought, among the samples on which any literal is on."""
    if not rows:
        return np.zeros(0)
    on = np.array([where.size for where in rows], dtype=np.float64)
    active = np.concatenate(rows)
    support = np.zeros(sought.shape[0], dtype=np.bool_)
    support[active] = True
    size = float(np.count_nonzero(support))
    positive = float(np.count_nonzero(sought & support))
    starts = np.concatenate(([0.0], np.cumsum(on[:-1]))).astype(np.int64)
    both = np.add.reduceat(sought[active], starts, dtype=np.int64).astype(np.float64)
    spread = np.sqrt(on * (size - on) * positive * (size - positive))
    return (both * size - on * positive) / np.maximum(spread, 1e-30) * (spread > 0)


def _candidates(pool: Pool, by_weight: int, by_data: int, level: int | None = None) -> list[int]:
    """Positions of the literals with the strongest effects, and of those most associated, strongest first."""
    weighty = np.argsort(-np.abs(pool.effects), kind="stable").tolist()
    telling = np.argsort(-np.abs(pool.associations), kind="stable").tolist()
    if level is not None:
        allowed = [literal.level == level for literal in pool.literals]
        weighty, telling = ([i for i in order if allowed[i]] for order in (weighty, telling))
    chosen = {*weighty[:by_weight], *telling[:by_data]}
    return [i for i in weighty if i in chosen]


def _formula(finding: Finding, pool: Pool, inverted: bool) -> Formula:
    """The canonical formula, literals strongest first."""
    if not finding.chosen:
        return Const(inverted)
    order = sorted(
        range(len(finding.chosen)), key=lambda i: (-abs(pool.effects[finding.chosen[i]]), finding.chosen[i])
    )
    table = truth.reordered(finding.table, order) ^ inverted
    return canonical.formula_of(table, tuple(pool.literals[finding.chosen[i]] for i in order))


def _count_formula(count: Count, pool: Pool, inverted: bool) -> Formula:
    """The canonical form of a count with vetoes."""
    positive = tuple(pool.literals[i] for i in count.positive)
    body: Formula = at_least(count.threshold, positive)
    if count.threshold == 1:
        body = Or(positive)
    elif count.threshold == len(positive):
        body = And(positive)
    vetoes = tuple(Not(pool.literals[i]) for i in count.negative)
    if vetoes:
        body = And((*body.operands, *vetoes) if isinstance(body, And) else (body, *vetoes))
    return canonical.canonical(Not(body) if inverted else body)


def _runner_up(search: Search, best: Finding, pool: Pool, winner: Formula, inverted: bool) -> RunnerUp | None:
    """The best finding that says something else in a state that was seen."""
    said = search.values(best) if best.chosen else None
    ranked = sorted(search.memo.values(), key=lambda f: (f.objective, len(f.chosen), f.chosen))
    for finding in ranked[:_NEAR]:
        if not finding.chosen or (said is not None and (search.values(finding) == said).all()):
            continue
        formula = _formula(finding, pool, inverted)
        if formula != winner and not isinstance(formula, Const):
            return RunnerUp(formula, kind_of_canonical(formula), finding.f1)
    return None
