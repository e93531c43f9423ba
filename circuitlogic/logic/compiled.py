"""Owns the compiled forms of the reader's hot loops, and their equality to the plain ones of `kernels`.

Sums are of whole numbers, or added in the order in which the plain versions add them: answers are equal to the
last bit. Compiled code is kept on disk where a place for it can be written.
"""

from itertools import pairwise

import numpy as np
import scipy.sparse

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import stored
from circuitlogic.logic.kernels import PAIRS, Kernels
from circuitlogic.logic.proposals import TIE, Proposal, Templates
from circuitlogic.logic.states import States


@compiled
def _cell(code: int, chosen: IntArray) -> int:
    cell = 0
    for i in range(chosen.size):
        cell |= ((code >> chosen[i]) & 1) << i
    return cell


@compiled
def _marginal(
    codes: IntArray, weights: FloatArray, firing: FloatArray, chosen: IntArray
) -> tuple[IntArray, IntArray]:
    totals, hits = np.zeros(1 << chosen.size, np.int64), np.zeros(1 << chosen.size, np.int64)
    for s in range(codes.size):
        cell = _cell(codes[s], chosen)
        totals[cell] += np.int64(weights[s])
        hits[cell] += np.int64(firing[s])
    return totals, hits


@compiled
def _says(codes: IntArray, chosen: IntArray, table: BoolArray) -> BoolArray:
    found = np.empty(codes.size, np.bool_)
    for s in range(codes.size):
        found[s] = table[_cell(codes[s], chosen)]
    return found


@compiled
def _best_template(
    tables: BoolArray, costs: FloatArray, totals: IntArray, hits: IntArray, total: float, price: float
) -> tuple[int, float, float]:
    best, best_f1, lowest = -1, 0.0, np.inf
    for t in range(tables.shape[0]):
        said, right = 0, 0
        for c in range(totals.size):
            said += totals[c] * tables[t, c]
            right += hits[c] * tables[t, c]
        f1 = 2 * right / max(said + total, 1.0)
        objective = 1 - f1 + price * costs[t]
        if objective < lowest:
            best, best_f1, lowest = t, f1, objective
    return best, best_f1, lowest


@compiled
def _ranked(sums: FloatArray, totals: IntArray) -> IntArray:
    """Cells that were seen, larger sums first, equal ones in order."""
    order = np.empty(sums.size, np.int64)
    seen = 0
    for c in range(sums.size):
        if totals[c] != 0:
            at = seen
            while at > 0 and sums[order[at - 1]] < sums[c]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = c
            seen += 1
    return order[:seen]


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


@compiled
def _sweep(effects: FloatArray, totals: IntArray, hits: IntArray, total: float) -> BoolArray:
    sums = np.zeros(totals.size)
    for i in range(effects.size):
        for c in range(1 << i):
            sums[(1 << i) + c] = sums[c] + effects[i]
    order = _ranked(sums, totals)
    best = _best_cut(sums, order, totals, hits, total)
    if best == order.size - 1:
        return sums >= sums[order[best]] - TIE
    return sums > (sums[order[best]] + sums[order[best + 1]]) / 2


@compiled
def _propose(
    codes: IntArray,
    weights: FloatArray,
    firing: FloatArray,
    chosen: IntArray,
    effects: FloatArray,
    tables: BoolArray,
    costs: FloatArray,
    total: float,
    price: float,
) -> tuple[int, float, float, BoolArray, float]:
    totals, hits = _marginal(codes, weights, firing, chosen)
    best, f1, objective = _best_template(tables, costs, totals, hits, total, price)
    table = _sweep(effects, totals, hits, total)
    said, right = 0, 0
    for c in range(table.size):
        said += totals[c] * table[c]
        right += hits[c] * table[c]
    swept = 2 * right / (said + total) if said + total else 0.0
    return best, f1, objective, table, swept


@compiled
def _together(codes: IntArray, weights: FloatArray, literals: int) -> FloatArray:
    found = np.zeros((weights.shape[0], literals, literals))
    on = np.empty(literals, np.int64)
    for s in range(codes.size):
        count = 0
        for i in range(literals):
            if (codes[s] >> i) & 1:
                on[count] = i
                count += 1
        for w in range(weights.shape[0]):
            for i in range(count):
                for j in range(count):
                    found[w, on[i], on[j]] += weights[w, s]
    return found


@compiled
def _gains(
    codes: IntArray, weights: FloatArray, firing: FloatArray, said: BoolArray, literals: int, half: float
) -> FloatArray:
    """[3, literals, literals] what two literals would mend as one more Or, veto or And."""
    parts = np.zeros((4, codes.size))
    for s in range(codes.size):
        parts[2 * said[s], s] = firing[s]
        parts[2 * said[s] + 1, s] = weights[s]
    both = _together(codes, parts, literals)
    samples, hits = parts[3].sum(), parts[2].sum()
    found = np.empty((3, literals, literals))
    for i in range(literals):
        for j in range(literals):
            found[0, i, j] = both[0, i, j] - half * both[1, i, j]
            found[1, i, j] = half * both[3, i, j] - both[2, i, j]
            neither = samples - both[3, i, i] - both[3, j, j] + both[3, i, j]
            right = hits - both[2, i, i] - both[2, j, j] + both[2, i, j]
            found[2, i, j] = half * neither - right
    return found


@compiled
def _repairs(
    codes: IntArray, weights: FloatArray, firing: FloatArray, said: BoolArray, literals: int, half: float
) -> tuple[FloatArray, IntArray]:
    gains = _gains(codes, weights, firing, said, literals, half)
    single = np.empty(literals)
    for i in range(literals):
        single[i] = max(gains[0, i, i], gains[1, i, i], gains[2, i, i])
    found = np.empty((3 * PAIRS, 2), np.int64)
    count = 0
    for side in range(3):
        for _ in range(PAIRS):
            first, second, most = -1, -1, 0.0
            for i in range(literals):
                for j in range(i + 1, literals):
                    if gains[side, i, j] > most:
                        first, second, most = i, j, gains[side, i, j]
            if first >= 0:
                found[count, 0], found[count, 1] = first, second
                gains[side, first, second] = 0.0
                count += 1
    return single, found[:count]


@compiled
def _split(
    data: FloatArray, indices: IntArray, indptr: IntArray, cuts: FloatArray
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Samples above each cut of each column, one list after another, and where lists end; the same of weak ones."""
    columns, levels = cuts.shape
    above = np.empty(levels * indices.size, np.int64)
    weak = np.empty(indices.size, np.int64)
    ends, weak_ends = np.empty(columns * levels, np.int64), np.empty(columns, np.int64)
    count, doubted = 0, 0
    for c in range(columns):
        for level in range(levels):
            for at in range(indptr[c], indptr[c + 1]):
                if data[at] > cuts[c, level]:
                    above[count] = indices[at]
                    count += 1
            ends[c * levels + level] = count
        for at in range(indptr[c], indptr[c + 1]):
            if 0 < data[at] <= cuts[c, 0]:
                weak[doubted] = indices[at]
                doubted += 1
        weak_ends[c] = doubted
    return above[:count], ends, weak[:doubted], weak_ends


def split_columns(
    inputs: scipy.sparse.csc_array, cuts: FloatArray
) -> tuple[tuple[tuple[IntArray, ...], ...], tuple[IntArray, ...]]:
    """See `columns.split_columns`."""
    above, ends, weak, weak_ends = _split(*stored(inputs), cuts)
    lists = _cut(above, ends)
    levels = cuts.shape[1]
    return tuple(tuple(lists[i : i + levels]) for i in range(0, len(lists), levels)), tuple(
        _cut(weak, weak_ends)
    )


def _cut(values: IntArray, ends: IntArray) -> list[IntArray]:
    bounds = [0, *ends.tolist()]
    return [values[low:high] for low, high in pairwise(bounds)]


def marginal(states: States, chosen: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """See `kernels.marginal`."""
    totals, hits = _marginal(states.codes, states.samples, states.firing, _numbers(chosen))
    return totals.astype(np.float64), hits.astype(np.float64)


def says(states: States, chosen: tuple[int, ...], table: BoolArray) -> BoolArray:
    """See `kernels.says`."""
    return _says(states.codes, _numbers(chosen), table)


def propose(
    states: States,
    chosen: tuple[int, ...],
    effects: FloatArray,
    ready: Templates,
    total: float,
    price: float,
) -> Proposal:
    """See `kernels.propose`."""
    codes, samples, firing, at = states.codes, states.samples, states.firing, _numbers(chosen)
    return Proposal(*_propose(codes, samples, firing, at, effects, ready.tables, ready.costs, total, price))


def together(states: States, weights: FloatArray) -> FloatArray:
    """See `kernels.together`."""
    return _together(states.codes, weights, states.bits.shape[1])


def repairs(states: States, said: BoolArray, half: float) -> tuple[FloatArray, list[tuple[int, int]]]:
    """See `kernels.repairs`."""
    literals = states.bits.shape[1]
    single, pairs = _repairs(states.codes, states.samples, states.firing, said, literals, half)
    return single, [(i, j) for i, j in pairs.tolist()]


def _numbers(chosen: tuple[int, ...]) -> IntArray:
    return np.array(chosen, dtype=np.int64)


COMPILED = Kernels(marginal, says, propose, together, repairs, split_columns)
