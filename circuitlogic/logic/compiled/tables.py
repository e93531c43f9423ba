"""The compiled form of `Search._any_table`: functions that no threshold makes."""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, IntArray
from circuitlogic.logic.compiled.bits import comes_first, descending, members, ones, signed_members
from circuitlogic.logic.compiled.findings import (
    CODES,
    FIRING,
    SAMPLES,
    Board,
    Findings,
    add,
    f1_of,
    marginal,
    order_of,
    slot_of,
    table_of,
)
from circuitlogic.logic.compiled.mending import together
from circuitlogic.logic.compiled.nesting import cost_of
from circuitlogic.logic.compiled.scoring import score
from circuitlogic.logic.search import IMPROVES, NEAR_INPUTS, REACHABLE, TABLE_GAIN, TABLE_INPUTS


@compiled
def any_table(board: Board, found: Findings, best: int, by_both: IntArray) -> int:
    """The best table of any kind on a few literals, if it beats `best`."""
    bar = found.rows[best].objective
    size, near = min(found.rows[best].size, TABLE_INPUTS), 0
    sets = _parities(board.states, board.effects.size, board.total)
    if size >= 2 and found.rows[best].size <= TABLE_INPUTS + 2:
        sets = _with_subsets(sets, found.rows[best].mask, size)
    for turn in range(1, TABLE_INPUTS):
        front = np.empty(sets.size, np.int64)
        for i in range(sets.size):
            base = table_of(found, score(board, found, sets[i], bar))
            table, f1, cost, objective = _free(board, sets[i], base)
            front[i] = add(found, sets[i], 1, table, f1, cost, objective)
        for number in front:
            enough = found.rows[number].f1 >= found.rows[best].f1 + TABLE_GAIN
            if enough and found.rows[number].objective < found.rows[best].objective:
                found.slots[slot_of(found, found.rows[number].mask)] = number
                best = int(number)
        if turn == 1 and found.rows[best].f1 + TABLE_GAIN >= _ceiling(board.states, board.total):
            break
        if turn == 1:
            near = _near(by_both, order_of(found, best, board.effects))
        sets = _grown(found, front, near)
    return best


@compiled
def _near(by_both: IntArray, order: IntArray) -> int:
    """The literals that a table may grow by."""
    near = 0
    for literal in by_both[:NEAR_INPUTS]:
        near |= 1 << literal
    for literal in order[:TABLE_INPUTS]:
        near |= 1 << literal
    return near


@compiled
def _parities(states: IntArray, literals: int, total: float) -> IntArray:
    """The two literals of the best exclusive or, and of the best none or both."""
    if literals < 2:
        return np.empty(0, np.int64)
    both = together(states[CODES], states[SAMPLES:], literals)
    samples, firings = states[SAMPLES].sum(), states[FIRING].sum()
    pairs, most = np.full(2, 3, np.int64), np.zeros(2)
    for i in range(literals):
        for j in range(i + 1, literals):
            said = both[0, i, i] + both[0, j, j] - 2 * both[0, i, j]
            hits = both[1, i, i] + both[1, j, j] - 2 * both[1, i, j]
            odd = 2 * hits / max(said + total, 1e-30)
            even = 2 * (firings - hits) / max(samples - said + total, 1e-30)
            if odd > most[0]:
                pairs[0], most[0] = 1 << i | 1 << j, odd
            if even > most[1]:
                pairs[1], most[1] = 1 << i | 1 << j, even
    return pairs


@compiled
def _with_subsets(sets: IntArray, mask: int, size: int) -> IntArray:
    """`sets`, and then the subsets of so many literals, in the order of their tuples."""
    at = members(mask)
    found, count = np.empty(64, np.int64), 0
    for pair in sets:
        found[count] = pair
        count += 1
    for chosen in range((1 << at.size) - 1, 0, -1):
        if ones(chosen) == size:
            own = 0
            for i in range(at.size):
                if (chosen >> (at.size - 1 - i)) & 1:
                    own |= 1 << at[i]
            found[count] = own
            count += 1
    return found[:count]


@compiled
def _ahead(found: Findings, one: int, other: int) -> bool:
    a, b = found.rows[one], found.rows[other]
    if a.objective != b.objective:
        return a.objective < b.objective
    return comes_first(members(a.mask), members(b.mask))


@compiled
def _grown(found: Findings, front: IntArray, near: int) -> IntArray:
    """The two best of the front with each literal nearby added, in the order of tuples."""
    sets, count = np.empty(128, np.int64), 0
    first, second = -1, -1
    for number in front:
        if first < 0 or _ahead(found, number, first):
            first, second = number, first
        elif second < 0 or _ahead(found, number, second):
            second = number
    for number in (first, second):
        mask = found.rows[number].mask if number >= 0 else 0
        if mask == 0 or ones(mask) >= TABLE_INPUTS:
            continue
        for literal in members(near & ~mask):
            at = count
            own = members(mask | 1 << literal)
            while at > 0 and comes_first(own, members(sets[at - 1])):
                at -= 1
            if at > 0 and sets[at - 1] == mask | 1 << literal:
                continue
            for j in range(count, at, -1):
                sets[j] = sets[j - 1]
            sets[at] = mask | 1 << literal
            count += 1
    return sets[:count]


@compiled
def _free(board: Board, mask: int, base: BoolArray) -> tuple[BoolArray, float, int, float]:
    """The best table over a set of literals; cells seldom seen are as in their finding's table `base`, or cheaper
    otherwise."""
    states, effects, nested, total, price = board
    order = members(mask)
    totals, hits = marginal(states, order)
    table = _otherwise(base, signed_members(mask, effects), order)
    _fill(table, totals, hits, total)
    f1, cost, objective = 0.0, 0, np.inf
    for cell in range(-1, table.size):
        if cell >= 0 and totals[cell] >= REACHABLE:
            continue
        if cell >= 0:
            table[cell] = not table[cell]
        other_f1 = f1_of(table, totals, hits, total)
        other_cost = cost_of(table, order, nested)
        other = 1 - other_f1 + price * other_cost
        if other < objective - IMPROVES:
            f1, cost, objective = other_f1, other_cost, other
        else:
            table[cell] = not table[cell]
    return table, f1, cost, objective


@compiled
def _otherwise(table: BoolArray, own: IntArray, order: IntArray) -> BoolArray:
    """A table over the literals `own`, over them in another order."""
    moved = np.empty(table.size, np.bool_)
    for cell in range(table.size):
        state = 0
        for i in range(order.size):
            for j in range(order.size):
                if own[j] == order[i]:
                    state |= ((cell >> i) & 1) << j
        moved[cell] = table[state]
    return moved


@compiled
def _fill(table: BoolArray, totals: IntArray, hits: IntArray, total: float) -> None:
    """See `proposals.best_cells`: cells seen often enough are switched on by their firing rate."""
    often, rates = np.empty(totals.size, np.int64), np.empty(totals.size)
    count, said, right = 0, 0, 0
    for cell in range(totals.size):
        if totals[cell] >= REACHABLE:
            often[count], rates[count] = cell, hits[cell] / totals[cell]
            table[cell] = False
            count += 1
        elif table[cell]:
            said += totals[cell]
            right += hits[cell]
    order, taken, highest = descending(rates[:count]), 0, -1.0
    for i in range(count):
        said += totals[often[order[i]]]
        right += hits[often[order[i]]]
        f1 = 2 * right / (said + total)
        if f1 > highest:
            taken, highest = i + 1, f1
    for i in range(taken):
        table[often[order[i]]] = True


@compiled
def _ceiling(states: IntArray, total: float) -> float:
    """See `Search.ceiling`."""
    table = np.zeros(states.shape[1], np.bool_)
    _fill(table, states[SAMPLES], states[FIRING], total)
    return f1_of(table, states[SAMPLES], states[FIRING], total)
