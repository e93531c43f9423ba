"""The compiled form of `canonical.cost_of` for literals of which some imply others.

Tables keep all their inputs here; those that do not matter have no influence.
"""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, IntArray
from circuitlogic.logic.compiled.prices import MOST, directions, least_sets, price_of


@compiled
def cost_of(table: BoolArray, order: IntArray, nested: IntArray) -> int:
    """Price of a table over the literals `order`, `nested` [pairs, 2] being those (low, high) of which the second
    implies the first; `TOO_MIXED` where that is left to the plain form.

    As in `canonical.settled`, it is the least of three ways to fill the states that nesting rules out.
    """
    pairs, count = np.empty(nested.shape, np.int64), 0
    for p in range(nested.shape[0]):
        low, high = _place(order, nested[p, 0]), _place(order, nested[p, 1])
        if low >= 0 and high >= 0:
            pairs[count, 0], pairs[count, 1] = low, high
            count += 1
    pairs = pairs[:count]
    inner, own = _settled(table, order.size, pairs) if count else (pairs, table)
    raised, least = _raised(own, inner), MOST
    for way in range(0 if count else 2, 3):
        filled = own if way == 2 else raised if way == 1 else _without_implied(raised, order.size, inner)
        least = min(least, price_of(filled, order.size, way == 2))
    return least


@compiled
def _place(order: IntArray, literal: int) -> int:
    for i in range(order.size):
        if order[i] == literal:
            return i
    return -1


@compiled
def _settled(table: BoolArray, inputs: int, pairs: IntArray) -> tuple[IntArray, BoolArray]:
    """The pairs of literals that matter, and the table without influence of the others."""
    merged, kept = _without_idle(table, inputs, pairs)
    inner, count = np.empty(pairs.shape, np.int64), 0
    for p in range(pairs.shape[0]):
        if (kept >> pairs[p, 0]) & (kept >> pairs[p, 1]) & 1:
            inner[count, 0], inner[count, 1] = pairs[p, 0], pairs[p, 1]
            count += 1
    own, fits = _fixed(table, inputs, kept, pairs)
    return inner[:count], own if fits else _raised(merged, inner[:count])


@compiled
def _without_idle(table: BoolArray, inputs: int, pairs: IntArray) -> tuple[BoolArray, int]:
    """See `truth.drop_idle`: the table without influence of inputs that never matter in possible states, and the
    others as bits."""
    possible, table, kept = np.ones(table.size, np.bool_), table.copy(), (1 << inputs) - 1
    for cell in range(table.size):
        for p in range(pairs.shape[0]):
            if (cell >> pairs[p, 1]) & 1 and not (cell >> pairs[p, 0]) & 1:
                possible[cell] = False
    for at in range(inputs - 1, -1, -1):
        bit, matters = 1 << at, False
        for off in range(table.size):
            if not off & bit and possible[off] and possible[off | bit]:
                matters |= table[off] != table[off | bit]
        if matters:
            continue
        kept &= ~bit
        for off in range(table.size):
            if not off & bit:
                on = off | bit
                table[off] = (table[off] and possible[off]) or (table[on] and possible[on])
                possible[off] = possible[off] or possible[on]
                table[on], possible[on] = table[off], possible[off]
    return table, kept


@compiled
def _fixed(table: BoolArray, inputs: int, kept: int, pairs: IntArray) -> tuple[BoolArray, bool]:
    """See `canonical._without`: the table with its idle inputs fixed, and whether they can be."""
    always = 0
    for at in range(inputs):
        if not (kept >> at) & 1:
            above, below = False, False
            for p in range(pairs.shape[0]):
                above |= pairs[p, 0] == at and (kept >> pairs[p, 1]) & 1 == 1
                below |= pairs[p, 1] == at and (kept >> pairs[p, 0]) & 1 == 1
            if above and below:
                return table, False
            if above:
                always |= 1 << at
    fixed = np.empty(table.size, np.bool_)
    for cell in range(table.size):
        fixed[cell] = table[(cell & kept) | always]
    return fixed, True


@compiled
def _raised(table: BoolArray, pairs: IntArray) -> BoolArray:
    """See `truth.raised`."""
    raised = np.empty(table.size, np.bool_)
    for cell in range(table.size):
        state = cell
        for p in range(pairs.shape[0]):
            state |= ((state >> pairs[p, 1]) & 1) << pairs[p, 0]
        raised[cell] = table[state]
    return raised


@compiled
def _without_implied(raised: BoolArray, inputs: int, pairs: IntArray) -> BoolArray:
    """See `canonical.without_implied`."""
    rising, falling = directions(raised, inputs)
    if rising & falling:
        return raised
    strong, weak, count = np.empty(pairs.shape[0], np.int64), np.empty(pairs.shape[0], np.int64), 0
    for p in range(pairs.shape[0]):
        low, high = pairs[p, 0], pairs[p, 1]
        if (rising >> low) & (rising >> high) & 1:
            strong[count], weak[count] = high, low
            count += 1
        elif (falling >> low) & (falling >> high) & 1:
            strong[count], weak[count] = low, high
            count += 1
    if count == 0:
        return raised
    filled = np.zeros(raised.size, np.bool_)
    for product in least_sets(raised, falling, rising | falling, 0, True):
        bare = product
        for i in range(count):
            if (product >> strong[i]) & 1:
                bare &= ~(1 << weak[i])
        for cell in range(filled.size):
            if (cell ^ falling) & bare == bare:
                filled[cell] = True
    return filled
