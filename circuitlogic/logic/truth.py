"""Owns the algebra of small truth tables: essential inputs, signs, prime implicants, threshold weights.

A table over m inputs is a Boolean array of 2^m cells; bit i of a cell's number says whether input i is on.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray

MAX_INPUTS = 10
"""Tables are never made over more inputs than this."""


@lru_cache(maxsize=MAX_INPUTS + 1)
def cells(inputs: int) -> FloatArray:
    """[2^inputs, inputs] which inputs are on in each cell, as 0.0 and 1.0. Shared: do not write into it."""
    numbers = np.arange(1 << inputs)
    bits = ((numbers[:, None] >> np.arange(inputs)) & 1).astype(np.float64)
    bits.setflags(write=False)
    return bits


def inputs_of(table: BoolArray) -> int:
    """m, for a table of 2^m cells."""
    return int(table.shape[0]).bit_length() - 1


def split(table: BoolArray, at: int) -> tuple[BoolArray, BoolArray]:
    """The two halves of `table`: input `at` off, and on; each a table over the other inputs."""
    halves = table.reshape(-1, 2, 1 << at)
    return halves[:, 0].ravel(), halves[:, 1].ravel()


def restrict(table: BoolArray, kept: tuple[int, ...], others: bool) -> BoolArray:
    """The table over the inputs `kept` alone (ascending), every other input being off or on (`others`)."""
    for at in range(inputs_of(table) - 1, -1, -1):
        if at not in kept:
            table = split(table, at)[int(others)]
    return table


def signs(table: BoolArray) -> tuple[int | None, ...]:
    """For each input: 0 no influence, 1 only switches on, -1 only switches off, None both (not unate)."""
    found: list[int | None] = []
    for at in range(inputs_of(table)):
        off, on = split(table, at)
        rises, falls = bool((on & ~off).any()), bool((off & ~on).any())
        found.append(None if rises and falls else int(rises) - int(falls))
    return tuple(found)


def flip(table: BoolArray, inputs: tuple[int, ...]) -> BoolArray:
    """The table with `inputs` read as their negations."""
    mask = sum(1 << at for at in inputs)
    return table[np.arange(table.shape[0]) ^ mask] if mask else table


def reordered(table: BoolArray, order: Sequence[int]) -> BoolArray:
    """The table with its inputs in another order: the new input i is the old input `order[i]`."""
    numbers = np.arange(table.shape[0])
    moved = np.zeros_like(numbers)
    for new, old in enumerate(order):
        moved |= ((numbers >> new) & 1) << old
    return table[moved]


def dual(table: BoolArray) -> BoolArray:
    """not f(not x): ANDs and ORs change places."""
    return ~table[::-1]


def minimal_true(monotone: BoolArray) -> IntArray:
    """Prime implicants of a monotone table: its minimal true cells, ascending."""
    minimal = monotone.copy()
    numbers = np.arange(monotone.shape[0])
    for at in range(inputs_of(monotone)):
        bit = 1 << at
        minimal &= ~(monotone[numbers ^ bit] & ((numbers & bit) != 0))
    return np.flatnonzero(minimal)


def drop_idle(
    table: BoolArray, possible: BoolArray | None = None
) -> tuple[tuple[int, ...], BoolArray, BoolArray]:
    """Remove the inputs that never matter in `possible` cells (all, unless given).

    Returns:
        The kept inputs, the table over them, and its possible cells. Impossible cells come back False.
    """
    kept = tuple(range(inputs_of(table)))
    valid = np.ones_like(table) if possible is None else possible
    for at in reversed(kept):
        (off, on), (may_off, may_on) = split(table, at), split(valid, at)
        if not ((off ^ on) & may_off & may_on).any():
            table, valid = (off & may_off) | (on & may_on), may_off | may_on
            kept = kept[:at] + kept[at + 1 :]
    return kept, table, valid


def possible_cells(nested: tuple[tuple[int, int], ...], inputs: int) -> BoolArray:
    """[2^inputs] cells in which no `high` is on without its `low`, for pairs (low, high)."""
    numbers = np.arange(1 << inputs)
    possible = np.ones(numbers.shape[0], dtype=np.bool_)
    for low, high in nested:
        possible &= ((numbers >> high) & 1) <= ((numbers >> low) & 1)
    return possible


def raised(table: BoolArray, nested: tuple[tuple[int, int], ...]) -> BoolArray:
    """The table with impossible cells read as if each `high` that is on had switched its `low` on."""
    numbers = np.arange(table.shape[0])
    for low, high in nested:
        numbers = numbers | (((numbers >> high) & 1) << low)
    return table[numbers]


def stripped(monotone: BoolArray, implied: tuple[tuple[int, int], ...]) -> BoolArray:
    """The monotone table of the products of `monotone`, less inputs that others in a product imply.

    `implied` are pairs (strong, weak).
    """
    numbers = np.arange(monotone.shape[0])
    filled = np.zeros_like(monotone)
    for product in minimal_true(monotone).tolist():
        weak = sum({1 << low for high, low in implied if product >> high & 1})
        bare = product & ~weak
        filled |= (numbers & bare) == bare
    return filled


def is_parity(table: BoolArray) -> bool:
    """Whether exactly the cells with an odd number of inputs on are true."""
    odd = cells(inputs_of(table)).sum(axis=1) % 2 == 1
    return bool((table == odd).all())


def integer_votes(monotone: BoolArray) -> tuple[tuple[int, ...], int] | None:
    """Small integer weights and a threshold that say exactly `monotone`, or None:
    not a threshold function."""
    return _integer_votes(np.packbits(monotone).tobytes(), inputs_of(monotone))


@lru_cache(maxsize=4096)
def _integer_votes(packed: bytes, inputs: int) -> tuple[tuple[int, ...], int] | None:
    monotone = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=1 << inputs).astype(np.bool_)
    if monotone.all() or not monotone.any():
        return None
    weights = _separating(monotone)
    if weights is None:
        return None
    floor = max(float(weights[weights > 1e-9].min(initial=np.inf)), 1e-9)
    for scale in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 24.0, 32.0, 64.0):
        votes = np.rint(weights / floor * scale)
        sums = cells(inputs) @ votes
        lowest = float(sums[monotone].min())
        if lowest > float(sums[~monotone].max()):
            return tuple(int(v) for v in votes), round(lowest)
    return None


def _separating(monotone: BoolArray) -> FloatArray | None:
    """The smallest real weights >= 0 under which minimal true cells beat maximal false ones by 1 (linear
    program)."""
    from scipy.optimize import linprog  # takes longer to load than most commands to run

    states = cells(inputs_of(monotone))
    true = states[minimal_true(monotone)]
    false = 1.0 - states[minimal_true(dual(monotone))]
    inputs = states.shape[1]
    above = np.hstack([-true, np.ones((true.shape[0], 1))])
    below = np.hstack([false, -np.ones((false.shape[0], 1))])
    limits = np.concatenate([np.zeros(true.shape[0]), -np.ones(false.shape[0])])
    cost = np.append(np.ones(inputs), 0.0)
    solved = linprog(cost, A_ub=np.vstack([above, below]), b_ub=limits, bounds=[(0, None)] * (inputs + 1))
    return np.asarray(solved.x[:inputs], dtype=np.float64) if solved.status == 0 else None


def prime_cover(table: BoolArray) -> list[tuple[int, int]]:
    """An irredundant cover of any table by (on mask, off mask) products: primes by merging,
    then greedily chosen."""
    inputs = inputs_of(table)
    level: set[tuple[int, int]] = {(int(c), ((1 << inputs) - 1) ^ int(c)) for c in np.flatnonzero(table)}
    primes: set[tuple[int, int]] = set()
    while level:
        merged: set[tuple[int, int]] = set()
        used: set[tuple[int, int]] = set()
        for on, off in level:
            for bit in (1 << at for at in range(inputs)):
                partner = (on ^ bit, off ^ bit)
                if on & bit and partner in level:
                    merged.add((on ^ bit, off))
                    used |= {(on, off), partner}
        primes |= level - used
        level = merged
    return _covering(sorted(primes), table)


def _covering(primes: list[tuple[int, int]], table: BoolArray) -> list[tuple[int, int]]:
    numbers = np.arange(table.shape[0])
    covers = [((numbers & on) == on) & ((numbers & off) == 0) for on, off in primes]
    counts = np.sum(covers, axis=0) if covers else np.zeros(0)
    chosen = [i for i, cover in enumerate(covers) if bool((cover & (counts == 1)).any())]
    left = table.copy()
    for i in chosen:
        left &= ~covers[i]
    while left.any():
        gains = [int((cover & left).sum()) for cover in covers]
        best = gains.index(max(gains))
        chosen.append(best)
        left &= ~covers[best]
    return [primes[i] for i in sorted(chosen)]
