"""Which sets of literals the compiled search tries next, in the order of the plain one."""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import FloatArray, IntArray
from circuitlogic.logic.compiled.bits import descending, ones
from circuitlogic.logic.search import PREFIX, SINGLES, TELLING


@compiled
def rankings(effects: FloatArray, associations: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """`Question.by_effect`, `by_both` and `by_association`."""
    strength, telling, both = np.abs(effects), np.abs(associations), np.empty(effects.size)
    most = 1e-30
    for i in range(effects.size):
        most = max(most, strength[i])
    for i in range(effects.size):
        both[i] = strength[i] / (2 * most) + telling[i]
    return descending(strength), descending(both), descending(telling)


@compiled
def prefixes(order: IntArray, limit: int) -> IntArray:
    """The first literal, the first two, and so on."""
    found, mask = np.empty(min(PREFIX, limit, order.size), np.int64), 0
    for i in range(found.size):
        mask |= 1 << order[i]
        found[i] = mask
    return found


@compiled
def most_mending(single: FloatArray, order: IntArray) -> IntArray:
    """The literals that mend most, but those of `order`."""
    for literal in order:
        single[literal] = -np.inf
    ranked, count = descending(single), 0
    while count < min(SINGLES, ranked.size) and single[ranked[count]] > -np.inf:
        count += 1
    return ranked[:count]


@compiled
def neighbours(order: IntArray, mask: int, singles: IntArray, pairs: IntArray, limit: int) -> IntArray:
    """One literal of `order` dropped, one added, a pair added, or one exchanged for the most mending one."""
    found, count = np.empty(2 * order.size + singles.size + pairs.size, np.int64), 0
    for gone in order:
        if order.size > 1:
            found[count] = mask & ~(1 << gone)
            count += 1
    for literal in singles:
        if order.size < limit:
            found[count] = mask | 1 << literal
            count += 1
    for pair in pairs:
        if order.size < ones(mask | pair) <= limit:
            found[count] = mask | pair
            count += 1
    for literal in singles[:1]:
        for gone in order:
            found[count] = mask & ~(1 << gone) | 1 << literal
            count += 1
    return found[:count]


@compiled
def farther(order: IntArray, mask: int, singles: IntArray, telling: IntArray, limit: int) -> IntArray:
    """More exchanges, and pairs of the most telling literals added."""
    found = np.empty(order.size * singles.size + TELLING * TELLING, np.int64)
    count, free = 0, np.empty(TELLING, np.int64)
    for literal in singles:
        for gone in order:
            found[count] = mask & ~(1 << gone) | 1 << literal
            count += 1
    others = 0
    for literal in telling:
        if others < TELLING and not (mask >> literal) & 1:
            free[others] = 1 << literal
            others += 1
    for i in range(others if order.size + 2 <= limit else 0):
        for j in range(i + 1, others):
            found[count] = mask | free[i] | free[j]
            count += 1
    return found[:count]
