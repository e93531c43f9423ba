"""What the compiled search looks at and keeps: findings by number, and which one each set of literals has."""

from typing import Any, NamedTuple

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.compiled.bits import comes_first, members, signed_members
from circuitlogic.logic.compiled.prices import TOO_MIXED

CODES, SAMPLES, FIRING = 0, 1, 2
"""Rows of `Board.states`."""
_MOST = 2560
"""More findings than the rounds of a search can make."""
_SLOTS = 4096
_FREE = -1
_MIX = 0x9E3779B97F4A7C1

FINDING = np.dtype(
    [
        ("mask", np.int64),  # its literals, as bits
        ("size", np.int64),  # how many these are
        (
            "ascending",
            np.int64,
        ),  # 1 or 0: whether its table is over them in order, not with those that switch on first
        ("start", np.int64),  # where its table begins
        ("cost", np.int64),
        ("f1", np.float64),
        ("objective", np.float64),
    ]
)


class Board(NamedTuple):
    """What is searched in."""

    states: IntArray
    """[3, states] what was seen: codes, samples and firings."""
    effects: FloatArray
    """[literals]"""
    nested: IntArray
    """[pairs, 2] literals of which the second implies the first."""
    total: float
    price: float


class Findings(NamedTuple):
    """All findings of one search; the first says nothing."""

    rows: Any
    """[findings] of `FINDING`."""
    tables: BoolArray
    """Their tables, one after another."""
    slots: IntArray
    """By hash, the number of the finding of a set of literals; then how many findings, how many cells, and whether
    a price was left to the plain form."""


@compiled
def no_findings(limit: int) -> Findings:
    """Only the one that says nothing."""
    slots = np.full(_SLOTS + 3, _FREE, np.int64)
    slots[_SLOTS:] = 0
    return Findings(np.empty(_MOST, FINDING), np.empty(_MOST << max(limit, 4), np.bool_), slots)


@compiled
def add(
    found: Findings, mask: int, ascending: int, table: BoolArray, f1: float, cost: int, objective: float
) -> int:
    """Note a finding; its number."""
    number, start = found.slots[_SLOTS], found.slots[_SLOTS + 1]
    row = found.rows[number]
    row.mask, row.ascending, row.start, row.size = mask, ascending, start, 0
    row.f1, row.cost, row.objective = f1, cost, objective
    while 1 << row.size < table.size:
        row.size += 1
    for cell in range(table.size):
        found.tables[start + cell] = table[cell]
    found.slots[_SLOTS], found.slots[_SLOTS + 1] = number + 1, start + table.size
    if cost == TOO_MIXED:
        found.slots[_SLOTS + 2] = 1
    return number


@compiled
def count_of(found: Findings) -> int:
    """How many there are."""
    return found.slots[_SLOTS]


@compiled
def is_left(found: Findings) -> bool:
    """Whether a price was left to the plain form, and so the search."""
    return found.slots[_SLOTS + 2] == 1


@compiled
def table_of(found: Findings, number: int) -> BoolArray:
    """The table of a finding."""
    start = found.rows[number].start
    return found.tables[start : start + (1 << found.rows[number].size)]


@compiled
def order_of(found: Findings, number: int, effects: FloatArray) -> IntArray:
    """The literals of a finding in the order of its table."""
    row = found.rows[number]
    return members(row.mask) if row.ascending else signed_members(row.mask, effects)


@compiled
def slot_of(found: Findings, mask: int) -> int:
    """Where the number of the finding of a set of literals stands in `slots`: below 0 where it has none."""
    at = (mask * _MIX >> 20) & (_SLOTS - 1)
    while found.slots[at] != _FREE and found.rows[found.slots[at]].mask != mask:
        at = (at + 1) & (_SLOTS - 1)
    return at


@compiled
def is_ahead(found: Findings, effects: FloatArray, one: int, other: int) -> bool:
    """Whether the first of two findings ranks before the second: by objective, size, and literals."""
    a, b = found.rows[one], found.rows[other]
    if a.objective != b.objective:
        return a.objective < b.objective
    if a.size != b.size:
        return a.size < b.size
    return comes_first(order_of(found, one, effects), order_of(found, other, effects))


@compiled
def cells_of(states: IntArray, order: IntArray) -> IntArray:
    """[states] the cell that each state is in, of a table over the literals `order`."""
    cells = np.zeros(states.shape[1], np.int64)
    for i in range(order.size):
        for s in range(cells.size):
            cells[s] |= ((states[CODES, s] >> order[i]) & 1) << i
    return cells


@compiled
def values(board: Board, found: Findings, number: int) -> BoolArray:
    """[states] what a finding says in each."""
    cells = cells_of(board.states, order_of(found, number, board.effects))
    start, said = found.rows[number].start, np.empty(cells.size, np.bool_)
    for s in range(cells.size):
        said[s] = found.tables[start + cells[s]]
    return said


@compiled
def marginal(states: IntArray, order: IntArray) -> tuple[IntArray, IntArray]:
    """Samples and firings of each cell over the literals `order`."""
    totals, hits = np.zeros(1 << order.size, np.int64), np.zeros(1 << order.size, np.int64)
    cells = cells_of(states, order)
    for s in range(cells.size):
        totals[cells[s]] += states[SAMPLES, s]
        hits[cells[s]] += states[FIRING, s]
    return totals, hits


@compiled
def f1_of(table: BoolArray, totals: IntArray, hits: IntArray, total: float) -> float:
    """See `proposals.f1_of`."""
    said, right = 0, 0
    for cell in range(table.size):
        if table[cell]:
            said += totals[cell]
            right += hits[cell]
    return 2 * right / (said + total) if said + total else 0.0
