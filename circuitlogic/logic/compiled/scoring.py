"""The compiled form of `Search.score`: the best template, or threshold, over some literals."""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.compiled.bits import are_equal, descending, ones, signed_members
from circuitlogic.logic.compiled.findings import Board, Findings, add, f1_of, marginal, slot_of
from circuitlogic.logic.compiled.nesting import cost_of
from circuitlogic.logic.proposals import TIE
from circuitlogic.logic.search import IMPROVES

_COUNT, _EITHER, _WITH = 0, 1, 2
"""At least k; one input or k of the rest; it and k of the rest."""


@compiled
def score(board: Board, found: Findings, mask: int, bar: float) -> int:
    """The finding of a set of literals: the best template, or threshold, over them."""
    slot = slot_of(found, mask)
    if found.slots[slot] >= 0:
        return found.slots[slot]
    states, effects, nested, total, price = board
    order = signed_members(mask, effects)
    positive = 0
    while positive < order.size and effects[order[positive]] > 0:
        positive += 1
    totals, hits = marginal(states, order)
    body, f1, cost, objective = _best_template(totals, hits, positive, order.size - positive, total, price)
    swept = _sweep(effects, order, totals, hits, total)
    swept_f1 = f1_of(swept, totals, hits, total)
    table = _template(body, positive, order.size - positive)
    least = 1 - swept_f1 + price * order.size
    if not positive or (least < min(objective, bar) and not are_equal(swept, table)):
        paid = cost_of(swept, order, nested)
        worth = 1 - swept_f1 + price * paid
        if not positive or worth < objective - IMPROVES:
            table, f1, cost, objective = swept, swept_f1, paid, worth
    found.slots[slot] = add(found, mask, 0, table, f1, cost, objective)
    return found.slots[slot]


@compiled
def _by_count(totals: IntArray, hits: IntArray, positive: int, negative: int) -> IntArray:
    """[2, vetoes, positive + 1, positive + 1] samples and firings of cells by how many positive literals are on:
    of all cells, then of those with each positive literal on; once without a veto, once without all vetoes."""
    found = np.zeros((2, 2, positive + 1, positive + 1), np.int64)
    for cell in range(totals.size):
        vetoes = ones(cell >> positive)
        if totals[cell] == 0 or (vetoes and vetoes == negative):
            continue
        count = ones(cell & ((1 << positive) - 1))
        for v in range(1 if vetoes else 0, 2):
            found[0, v, 0, count] += totals[cell]
            found[1, v, 0, count] += hits[cell]
            for x in range(positive):
                if (cell >> x) & 1:
                    found[0, v, x + 1, count] += totals[cell]
                    found[1, v, x + 1, count] += hits[cell]
    return found


@compiled
def _weighed(counts: IntArray, kind: int, x: int, k: int) -> int:
    """What a template says, of `counts` [positive + 1, positive + 1]."""
    said = 0
    if kind == _COUNT:
        for count in range(k, counts.shape[1]):
            said += counts[0, count]
    elif kind == _EITHER:
        for count in range(counts.shape[1]):
            said += counts[0, count] if count >= k else counts[x + 1, count]
    else:
        for count in range(k + 1, counts.shape[1]):
            said += counts[x + 1, count]
    return said


@compiled
def _best_template(
    totals: IntArray, hits: IntArray, positive: int, negative: int, total: float, price: float
) -> tuple[tuple[int, int, int, int], float, int, float]:
    """The best of the templates in the order of `proposals.templates`: which, F1, cost, and objective."""
    counts = _by_count(totals, hits, positive, negative)
    best, best_f1, best_cost, lowest = (0, 0, 0, 0), 0.0, 0, np.inf
    for x in range(-1, positive if positive >= 3 else 0):
        for kind in range(0 if x < 0 else 1, 1 if x < 0 else 3):
            first = 2 if kind == _EITHER else 1
            last = positive if kind == _COUNT else positive - 1 if kind == _EITHER else positive - 2
            for k in range(first, last + 1):
                counted = (
                    1 < k < positive if kind == _COUNT else k < positive - 1 if kind == _EITHER else k > 1
                )
                cost = positive + (1 if counted else 0) + negative
                for v in range(2 if negative > 1 else 1):
                    said, right = _weighed(counts[0, v], kind, x, k), _weighed(counts[1, v], kind, x, k)
                    f1 = 2 * right / max(said + total, 1.0)
                    objective = 1 - f1 + price * cost
                    if objective < lowest:
                        best, best_f1, best_cost, lowest = (kind, x, k, v), f1, cost, objective
    return best, best_f1, best_cost, lowest


@compiled
def _template(body: tuple[int, int, int, int], positive: int, negative: int) -> BoolArray:
    """The table of a template."""
    kind, x, k, lenient = body
    table = np.empty(1 << (positive + negative), np.bool_)
    for cell in range(table.size):
        vetoes, count = ones(cell >> positive), ones(cell & ((1 << positive) - 1))
        on = (cell >> x) & 1 if kind != _COUNT else 0
        says = count >= k
        if kind == _EITHER:
            says = on == 1 or count >= k
        elif kind == _WITH:
            says = on == 1 and count - 1 >= k
        table[cell] = says and not (vetoes and (not lenient or vetoes == negative))
    return table


@compiled
def _sweep(effects: FloatArray, order: IntArray, totals: IntArray, hits: IntArray, total: float) -> BoolArray:
    """See `proposals.sweep`."""
    sums, ranked = np.zeros(totals.size), np.empty(totals.size, np.float64)
    for i in range(order.size):
        for cell in range(1 << i):
            sums[(1 << i) + cell] = sums[cell] + effects[order[i]]
    seen, count = np.empty(totals.size, np.int64), 0
    for cell in range(totals.size):
        if totals[cell]:
            seen[count], ranked[count] = cell, sums[cell]
            count += 1
    by_sum = descending(ranked[:count])
    for r in range(count):
        by_sum[r] = seen[by_sum[r]]
    best = _best_cut(sums, by_sum, totals, hits, total)
    lowest, table = sums[by_sum[best]], np.empty(totals.size, np.bool_)
    middle = (lowest + sums[by_sum[min(best + 1, count - 1)]]) / 2
    for cell in range(totals.size):
        table[cell] = sums[cell] >= lowest - TIE if best == count - 1 else sums[cell] > middle
    return table


@compiled
def _best_cut(sums: FloatArray, order: IntArray, totals: IntArray, hits: IntArray, total: float) -> int:
    """How many of the cells in `order`, less one, the best threshold takes."""
    tie = TIE * (abs(sums[order[0]]) + abs(sums[order[-1]]))
    said, right, best, highest = 0, 0, 0, -2.0
    for r in range(order.size):
        said += totals[order[r]]
        right += hits[order[r]]
        f1 = 2 * right / (said + total)
        if r + 1 < order.size and sums[order[r]] - sums[order[r + 1]] <= tie:
            f1 = -1.0
        if f1 > highest:
            best, highest = r, f1
    return best
