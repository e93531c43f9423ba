"""Owns which functions of a few literals are proposed, and how each is scored on the states that were seen.

Method: "propose from weights, decide on data": one threshold swept over the weighted sum of the literals, and
templates (k-of-n with vetoes, x or k of the rest, x and k of the rest).
Scores are F1 less a price per literal.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from circuitlogic.logic import truth
from circuitlogic.logic.activity import BoolArray, FloatArray
from circuitlogic.logic.states import States

TIE = 1e-9
"""Relative difference below which two weighted sums count as equal."""


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """The best function found over a set of literals."""

    chosen: tuple[int, ...]
    """Literals (columns of the states), bit i of the table being `chosen[i]`."""
    table: BoolArray
    f1: float
    cost: int
    objective: float
    """1 - F1 + price * cost: the lower the better."""

    def values(self, states: States) -> BoolArray:
        """[states] what the function says in each."""
        return self.table[states.cells(self.chosen)]


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """Ready-made functions over p positive and then n negative literals."""

    tables: BoolArray
    """[templates, 2^(p + n)]"""
    matrix: FloatArray
    """The same as numbers, for scoring by one product."""
    costs: FloatArray
    """[templates]"""


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """The best template, and the best threshold, over some literals."""

    template: int
    f1: float
    """Of the template."""
    objective: float
    """Of the template."""
    swept: BoolArray
    """The table of the threshold."""
    swept_f1: float


@lru_cache(maxsize=64)
def templates(positive: int, negative: int) -> Templates:
    """All templates over `positive` literals that switch on and `negative` ones that veto."""
    states: BoolArray = truth.cells(positive + negative) > 0.5
    on, off = states[:, :positive], states[:, positive:]
    count = on.sum(axis=1)
    bodies = [(count >= k, positive + (1 < k < positive)) for k in range(1, positive + 1)]
    for x in range(positive if positive >= 3 else 0):
        rest = count - on[:, x]
        bodies += [(on[:, x] | (rest >= k), positive + (k < positive - 1)) for k in range(2, positive)]
        bodies += [(on[:, x] & (rest >= k), positive + (k > 1)) for k in range(1, positive - 1)]
    vetoed = off.sum(axis=1)
    vetoes = [vetoed >= least for least in sorted({1, max(negative, 1)})]
    tables = np.array([body & ~veto for body, _ in bodies for veto in vetoes], dtype=np.bool_)
    tables = tables.reshape(-1, states.shape[0])
    costs = np.array([cost + negative for _, cost in bodies for _ in vetoes], dtype=np.float64)
    return Templates(tables, tables.astype(np.float64), costs)


def weighted_sums(effects: FloatArray) -> FloatArray:
    """[2^n] the sum of the effects of the inputs that are on in each cell, added in their order."""
    sums = np.zeros(1 << effects.size)
    for i, effect in enumerate(effects.tolist()):
        half = 1 << i
        np.add(sums[:half], effect, out=sums[half : 2 * half])
    return sums


def sweep(effects: FloatArray, samples: FloatArray, firing: FloatArray, total: float) -> BoolArray:
    """The table of the best threshold on the weighted sum; its cut lies mid-gap,
    which decides unseen cells."""
    sums = weighted_sums(effects)
    seen = samples.nonzero()[0]
    order = seen[(-sums[seen]).argsort(kind="stable")]
    ranked = sums[order]
    f1 = 2 * firing[order].cumsum() / (samples[order].cumsum() + total)
    tied = ranked[:-1] - ranked[1:] <= TIE * (abs(ranked[0]) + abs(ranked[-1]))
    f1[:-1][tied] = -1.0
    best = int(f1.argmax())
    if best == ranked.size - 1:
        return sums >= ranked[-1] - TIE
    return sums > (ranked[best] + ranked[best + 1]) / 2


def best_cells(
    samples: FloatArray, firing: FloatArray, total: float, otherwise: BoolArray, least: int
) -> BoolArray:
    """The F1-best table of all: cells seen at least `least` times by firing rate,
    rarer ones as in `otherwise`."""
    table = otherwise.copy()
    known = np.flatnonzero(samples >= least)
    order = known[np.argsort(-(firing[known] / samples[known]), kind="stable")]
    rare = otherwise.copy()
    rare[known] = False
    hits = float(firing[rare].sum()) + np.cumsum(firing[order])
    said = float(samples[rare].sum()) + np.cumsum(samples[order])
    table[known] = False
    if order.size:
        table[order[: int(np.argmax(2 * hits / (said + total))) + 1]] = True
    return table


def f1_of(table: BoolArray, samples: FloatArray, firing: FloatArray, total: float) -> float:
    """F1 of a function's cells against the firings seen in them."""
    said = float(samples.dot(table))
    return 2 * float(firing.dot(table)) / (said + total) if said + total else 0.0


def propose(
    states: States,
    chosen: tuple[int, ...],
    effects: FloatArray,
    ready: Templates,
    total: float,
    price: float,
) -> Proposal:
    """The best template and the best threshold over `chosen`, literals that switch on first.

    Args:
        states: What was seen.
        chosen: Literals, as columns of the states.
        effects: Of these literals.
        ready: Templates over them; those of no positive literal are not to be used.
        total: Firings.
        price: Of a literal.
    """
    samples, firing = states.marginal(chosen)
    table = sweep(effects, samples, firing, total)
    swept = f1_of(table, samples, firing, total)
    if not ready.costs.size:
        return Proposal(-1, 0.0, np.inf, table, swept)
    f1 = 2 * ready.matrix.dot(firing) / np.maximum(ready.matrix.dot(samples) + total, 1.0)
    objective = 1 - f1 + price * ready.costs
    at = int(objective.argmin())
    return Proposal(at, float(f1[at]), float(objective[at]), table, swept)
