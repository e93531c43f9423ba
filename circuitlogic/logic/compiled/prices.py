"""The compiled form of `canonical.cost_of` for literals that do not imply each other.

Where some inputs are settled, a function is its table, the `free` inputs and the state of all others: no table is
copied.
"""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, IntArray
from circuitlogic.logic.compiled.bits import members, ones

MOST = 1 << 30
"""More than any price."""
TOO_MIXED = -1
_MOST_MIXED = 5


@compiled
def price_of(table: BoolArray, inputs: int, votes: bool) -> int:
    """Price of a table in literals, where a weighted vote may say it or not; `TOO_MIXED` for none."""
    rising, falling = directions(table, inputs)
    if rising & falling:
        return _mixed(table, rising | falling)
    return _monotone(table, falling, rising | falling, votes)


@compiled
def directions(table: BoolArray, inputs: int) -> tuple[int, int]:
    """The inputs that switch it on somewhere, and those that switch it off."""
    rising, falling = 0, 0
    for at in range(inputs):
        bit = 1 << at
        for cell in range(table.size):
            if not cell & bit and table[cell] != table[cell | bit]:
                if table[cell]:
                    falling |= bit
                else:
                    rising |= bit
    return rising, falling


@compiled
def _monotone(table: BoolArray, falling: int, free: int, votes: bool) -> int:
    """Price of a table that rises with each free input, those of `falling` being negated; blocks that do not meet
    are priced one by one."""
    price = 0
    blocks, settled = np.empty(64, np.int64), np.empty(64, np.int64)
    blocks[0], settled[0], waiting = free, 0, 1
    while waiting:
        waiting -= 1
        free, others = blocks[waiting], settled[waiting]
        if ones(free) <= 1:
            price += ones(free)
            continue
        primes = least_sets(table, falling, free, others, True)
        apart, resting = _components(primes), 0
        if apart.size == 1:
            apart, resting = _components(least_sets(table, falling, free, others, False)), free
        if apart.size == 1:
            price += _whole(primes, ones(free), votes)
            continue
        for block in apart:
            blocks[waiting], settled[waiting] = block, others | (resting & ~block)
            waiting += 1
    return price


@compiled
def least_sets(table: BoolArray, falling: int, free: int, others: int, on: bool) -> IntArray:
    """The least sets of free inputs that, switched on alone, switch it on; or, switched off alone, off."""
    found = np.empty(table.size, np.int64)
    count, cell = 0, 0
    while True:
        state = cell if on else free & ~cell
        least = table[(state | others) ^ falling] == on
        left = cell
        while least and left:
            bit = left & -left
            least = table[((state ^ bit) | others) ^ falling] != on
            left ^= bit
        if least:
            found[count] = cell
            count += 1
        if cell == free:
            return found[:count]
        cell = (cell - free) & free


@compiled
def _components(products: IntArray) -> IntArray:
    """Inputs that products link."""
    blocks = np.empty(64, np.int64)
    count = 0
    for product in products:
        merged, kept = product, 0
        for i in range(count):
            if blocks[i] & merged:
                merged |= blocks[i]
            else:
                blocks[kept] = blocks[i]
                kept += 1
        blocks[kept] = merged
        count = kept + 1
    return blocks[:count]


@compiled
def _whole(primes: IntArray, inputs: int, votes: bool) -> int:
    """Price of a monotone function that does not come apart: a count, a vote, or its products."""
    size, equal, products = ones(primes[0]), True, 0
    for prime in primes:
        equal &= ones(prime) == size
        products += ones(prime)
    subsets = 1
    for i in range(size):
        subsets = subsets * (inputs - i) // (i + 1)
    if equal and primes.size == subsets:
        return inputs + 1
    return min(products, 2 * inputs + 1) if votes else products


@compiled
def _mixed(table: BoolArray, free: int) -> int:
    """Price of a table over `free` of which an input both raises and lowers it: a parity, or its products.

    Cells are bits of a number, so it is left to the plain form where inputs are many.
    """
    at = members(free)
    if at.size > _MOST_MIXED:
        return TOO_MIXED
    own, odd = 0, 0
    for cell in range(1 << at.size):
        state = 0
        for i in range(at.size):
            state |= ((cell >> i) & 1) << at[i]
        own |= (1 if table[state] else 0) << cell
        odd |= (ones(cell) & 1) << cell
    if own == odd or own == ((1 << (1 << at.size)) - 1) ^ odd:
        return at.size + 1
    return _covered(own, at.size)


@compiled
def _cover(on: int, off: int, cells: int) -> int:
    """The cells of a product of inputs on and inputs off, as bits."""
    found = 0
    for cell in range(cells):
        if cell & on == on and cell & off == 0:
            found |= 1 << cell
    return found


@compiled
def _primes(own: int, inputs: int) -> tuple[IntArray, IntArray]:
    """The products within `own` that need each of their inputs, in order: their cells, and how many inputs."""
    cells = 1 << inputs
    covers, sizes, count = np.empty(cells * cells, np.int64), np.empty(cells * cells, np.int64), 0
    for on in range(cells):
        for off in range(cells):
            cover = _cover(on, off, cells)
            prime, left = on & off == 0 and cover & ~own == 0, on | off
            while prime and left:
                bit = left & -left
                prime = _cover(on & ~bit, off & ~bit, cells) & ~own != 0
                left ^= bit
            if prime:
                covers[count], sizes[count] = cover, ones(on | off)
                count += 1
    return covers[:count], sizes[:count]


@compiled
def _covered(own: int, inputs: int) -> int:
    """Literals of the products that cover `own`: those that alone reach a cell, then by what they add."""
    covers, sizes = _primes(own, inputs)
    once, twice, left, price = 0, 0, own, 0
    for cover in covers:
        twice |= once & cover
        once |= cover
    for p in range(covers.size):
        if covers[p] & ~twice:
            left &= ~covers[p]
            price += sizes[p]
    while left:
        best = 0
        for p in range(covers.size):
            if ones(covers[p] & left) > ones(covers[best] & left):
                best = p
        left &= ~covers[best]
        price += sizes[best]
    return price
