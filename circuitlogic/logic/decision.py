"""Owns the choice of a formula from training data: candidates, search, wide counts, canonical form,
runner-up."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic import canonical
from circuitlogic.logic.activity import BoolArray, IntArray, ReadingOptions, Row
from circuitlogic.logic.formula import And, Const, Formula, Not, Or, at_least
from circuitlogic.logic.gate import RunnerUp
from circuitlogic.logic.kinds import kind_of_canonical, kind_of_written
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.pool import Pool, ground_of
from circuitlogic.logic.proposals import Finding
from circuitlogic.logic.search import Question
from circuitlogic.logic.states import States, count_states, state_codes
from circuitlogic.logic.surveys import Ground, Survey, everything
from circuitlogic.logic.training import Training
from circuitlogic.logic.wide import Count, widest_count

_REPAIRS = 2
"""Least price of a literal in firings' worth of F1; with about 26 candidates, less buys chance repairs."""
_CLEAR_FIRINGS = 0.1
"""Share of the firings that clear samples must hold for the formula to be decided on them."""
_WIDE_CANDIDATES = 60
_WIDE_FROM = 8


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """The chosen formula and what it was chosen from."""

    formula: Formula
    kind: str
    """Of its form."""
    train_f1: float
    """Of what was sought (the absence, where inverted)."""
    places: tuple[int, ...] | None
    """Where the formula's literals stand in the pool, in the order of the formula; None for a count of many."""
    said: BoolArray
    """What it says, as a table over these."""
    pool: Pool
    keys: IntArray
    """[N] the training samples' keys by the pool's literals: see `tallies.Tally`."""
    states: States
    """Of the pool's literals, counting what was sought."""
    runner_up: RunnerUp | None


def decide(
    row: Row, training: Training, options: ReadingOptions, excluded: frozenset[FeatureId] = frozenset()
) -> Decision:
    """The best formula by training data alone, without inputs in `excluded`."""
    loops = kernels(options.compiled)
    ground = ground_of(row, training, options, excluded)
    surveyed = loops.survey(ground)
    pool, states = Pool.of(surveyed.candidates, training), surveyed.every
    price = max(options.price, _REPAIRS / max(states.total, 1.0))
    pairs = canonical.nested_pairs(pool.literals) if options.levels > 1 else ()
    decided_on = _decided_on(surveyed, options.min_firings)
    question = Question(decided_on, pool.effects, pool.associations, pairs, price, options.max_literals)
    best, others = loops.search(question)
    written, names = _written(best, pool, training.inverted)
    formula, f1 = written.over([pool.literals[name] for name in names]), best.f1
    kind = kind_of_written(written)
    places = tuple(names[place] for place in written.places)
    if len(best.chosen) >= min(_WIDE_FROM, options.max_literals):
        wide_pool = _wide_pool(ground, training)
        count = widest_count(_states(wide_pool, training), wide_pool.effects, wide_pool.associations, price)
        if count is not None and count.objective < _objective(best, states, price) - 1e-9:
            formula, f1 = _count_formula(count, wide_pool, training.inverted), count.f1
            kind, places = kind_of_canonical(formula), None
    runner_up = _runner_up(others, pool, formula, training.inverted)
    return Decision(formula, kind, f1, places, written.table, pool, surveyed.keys, states, runner_up)


def _states(pool: Pool, training: Training) -> States:
    rows = [training.rows(literal) for literal in pool.literals]
    codes = state_codes(rows, training.sought.shape[0])
    return count_states(codes, training.sought, len(pool.literals), training.silent)


def _objective(best: Finding, states: States, price: float) -> float:
    """What `best` is worth on all samples."""
    said = best.values(states)
    f1 = 2 * float(states.firing[said].sum()) / (float(states.samples[said].sum()) + states.total)
    return 1 - f1 + price * best.cost


def _decided_on(surveyed: Survey, least: int) -> States:
    """The states of the samples without a literal in doubt; of all, where too few firings would be left."""
    every, clear = surveyed.every, surveyed.clear
    return every if clear.total < max(_CLEAR_FIRINGS * every.total, least) else clear


def _wide_pool(ground: Ground, training: Training) -> Pool:
    """The strongest inputs, for counts of many."""
    every = everything(ground)
    order = np.argsort(-np.abs(every.effects), kind="stable")
    return Pool.of(every.picked(order[every.at[order, 1] == 0][:_WIDE_CANDIDATES]), training)


def _written(finding: Finding, pool: Pool, inverted: bool) -> tuple[canonical.Written, list[int]]:
    """The canonical formula, and which literals of the pool take its places: strongest first, as they are there."""
    names = sorted(finding.chosen)
    order = tuple(finding.chosen.index(name) for name in names)
    nested = canonical.nested_pairs(tuple(pool.literals[name] for name in names))
    return canonical.written(finding.table ^ inverted, order, nested), names


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


def _runner_up(others: Iterable[Finding], pool: Pool, winner: Formula, inverted: bool) -> RunnerUp | None:
    """The best of the `others` that is another formula."""
    for finding in others:
        written, names = _written(finding, pool, inverted)
        formula = written.over([pool.literals[name] for name in names])
        if formula != winner and not isinstance(formula, Const):
            return RunnerUp(formula, kind_of_written(written), finding.f1)
    return None
