"""The compiled form of `search.search`: the whole search in one call, with the same answer."""

from typing import Any

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.compiled.bits import are_equal
from circuitlogic.logic.compiled.findings import (
    CODES,
    FIRING,
    SAMPLES,
    Board,
    Findings,
    add,
    count_of,
    is_ahead,
    is_left,
    no_findings,
    order_of,
    slot_of,
    values,
)
from circuitlogic.logic.compiled.mending import repairs
from circuitlogic.logic.compiled.moves import farther, most_mending, neighbours, prefixes, rankings
from circuitlogic.logic.compiled.scoring import score
from circuitlogic.logic.compiled.tables import any_table
from circuitlogic.logic.proposals import Finding
from circuitlogic.logic.search import (
    GOOD,
    IMPROVES,
    NEAR,
    NOTHING,
    PERFECT,
    ROUNDS,
    Answer,
    Question,
)
from circuitlogic.logic.search import search as plain_search


@compiled
def _best_of(board: Board, found: Findings, best: int, masks: IntArray) -> int:
    """The best of a finding and those of sets of literals."""
    for mask in masks:
        bar = found.rows[best].objective
        number = score(board, found, mask, bar)
        if found.rows[number].objective < bar - IMPROVES:
            best = number
    return best


@compiled
def _climbed(board: Board, found: Findings, best: int, by_association: IntArray, limit: int) -> int:
    """See `Search.climb`."""
    for _ in range(ROUNDS):
        now, mask, f1 = best, found.rows[best].mask, found.rows[best].f1
        order = order_of(found, now, board.effects)
        said = values(board, found, now)
        single, pairs = repairs(board.states, board.effects.size, said, max(f1, 0.1) / 2)
        singles = most_mending(single, order)
        best = _best_of(board, found, best, neighbours(order, mask, singles, pairs, limit))
        if best == now and f1 < GOOD:
            best = _best_of(board, found, best, farther(order, mask, singles, by_association, limit))
        if best == now:
            break
    return best


@compiled
def _with_others(board: Board, found: Findings, best: int) -> IntArray:
    """The best finding, and after it the others: see `Search.others`."""
    near, count = np.empty(NEAR + 1, np.int64), 0
    for number in range(1, count_of(found)):
        if found.slots[slot_of(found, found.rows[number].mask)] == number:
            at = count
            while at > 0 and is_ahead(found, board.effects, number, near[at - 1]):
                near[at] = near[at - 1]
                at -= 1
            near[at] = number
            count = min(count + 1, NEAR)
    said, kept = values(board, found, best), 1
    answer = np.empty(NEAR + 1, np.int64)
    answer[0] = best
    for i in range(count):
        if best == 0 or not are_equal(values(board, found, near[i]), said):
            answer[kept] = near[i]
            kept += 1
    return answer[:kept]


@compiled
def _search(
    codes: IntArray,
    samples: FloatArray,
    firing: FloatArray,
    effects: FloatArray,
    total: float,
    price: float,
    limit: int,
    associations: FloatArray,
    nested: IntArray,
) -> tuple[Any, BoolArray, IntArray]:
    """All findings, their tables, and the numbers of the best one and of those next best with another meaning."""
    states = np.empty((3, codes.size), np.int64)
    for s in range(codes.size):
        states[CODES, s], states[SAMPLES, s], states[FIRING, s] = codes[s], samples[s], firing[s]
    board, found = Board(states, effects, nested, total, price), no_findings(limit)
    by_effect, by_both, by_association = rankings(effects, associations)
    best = add(found, 0, 1, np.zeros(1, np.bool_), 0.0, 0, 1.0)
    best = _best_of(board, found, best, prefixes(by_effect, limit))
    best = _best_of(board, found, best, prefixes(by_both, limit))
    best = _climbed(board, found, best, by_association, limit)
    if found.rows[best].f1 < PERFECT:
        best = any_table(board, found, best, by_both)
    if is_left(found):
        return found.rows, found.tables, np.empty(0, np.int64)
    return found.rows, found.tables, _with_others(board, found, best)


def search(question: Question) -> Answer:
    """See `search.search`; what has no price here is left to it."""
    if not question.effects.size:
        return plain_search(question)
    seen, effects = question.states, question.effects
    states, settings = (seen.codes, seen.samples, seen.firing), (seen.total, question.price, question.limit)
    nested = np.array(question.nested, dtype=np.int64).reshape(-1, 2)
    rows, tables, numbers = _search(*states, effects, *settings, question.associations, nested)
    if not numbers.size:
        return plain_search(question)
    found = (_finding(row, tables, effects) for row in rows[numbers].tolist())
    return next(found), found


def _finding(
    row: tuple[int, int, int, int, int, float, float], tables: BoolArray, effects: FloatArray
) -> Finding:
    """A row of `FINDING` as what it stands for."""
    mask, size, ascending, start, cost, f1, objective = row
    if not size:
        return NOTHING
    chosen = [i for i in range(effects.size) if mask >> i & 1]
    if not ascending:
        chosen.sort(key=lambda i: not effects[i] > 0)
    return Finding(tuple(chosen), tables[start : start + (1 << size)], f1, cost, objective)
