"""Sets of literals as bits of a number, and orders of few things: what the compiled stages share."""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray


@compiled
def ones(mask: int) -> int:
    """How many bits are set."""
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


@compiled
def members(mask: int) -> IntArray:
    """Positions of the bits that are set, ascending."""
    found = np.empty(ones(mask), np.int64)
    at = 0
    while mask:
        lowest = mask & -mask
        found[at] = ones(lowest - 1)
        at += 1
        mask ^= lowest
    return found


@compiled
def signed_members(mask: int, effects: FloatArray) -> IntArray:
    """Positions of the bits that are set: those with an effect above 0, then the others, each ascending."""
    ascending = members(mask)
    found, at = np.empty(ascending.size, np.int64), 0
    for side in (True, False):
        for i in ascending:
            if (effects[i] > 0) == side:
                found[at] = i
                at += 1
    return found


@compiled
def comes_first(one: IntArray, other: IntArray) -> bool:
    """Whether `one` stands before `other` in the order of tuples."""
    for i in range(min(one.size, other.size)):
        if one[i] != other[i]:
            return one[i] < other[i]
    return one.size < other.size


@compiled
def are_equal(one: BoolArray, other: BoolArray) -> bool:
    """Whether two tables say the same."""
    same = True
    for cell in range(one.size):
        same &= one[cell] == other[cell]
    return same


@compiled
def descending(values: FloatArray) -> IntArray:
    """Positions of `values`, the largest first, equal ones in order: a merge sort from the bottom up."""
    order, other = np.arange(values.size), np.empty(values.size, np.int64)
    width = 1
    while width < values.size:
        for low in range(0, values.size, 2 * width):
            middle, high = min(low + width, values.size), min(low + 2 * width, values.size)
            left, right = low, middle
            for at in range(low, high):
                if left < middle and (right >= high or values[order[left]] >= values[order[right]]):
                    other[at] = order[left]
                    left += 1
                else:
                    other[at] = order[right]
                    right += 1
        order, other = other, order
        width *= 2
    return order
