"""Owns the reader's hot loops in the plain NumPy forms that define them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import split_columns
from circuitlogic.logic.proposals import Proposal, Templates, f1_of, sweep
from circuitlogic.logic.states import States

PAIRS = 2
"""Pairs proposed per kind of repair."""


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """The loops over states that dominate a search; every set of them gives the same answers."""

    marginal: Callable[[States, tuple[int, ...]], tuple[FloatArray, FloatArray]]
    says: Callable[[States, tuple[int, ...], BoolArray], BoolArray]
    propose: Callable[[States, tuple[int, ...], FloatArray, Templates, float, float], Proposal]
    together: Callable[[States, FloatArray], FloatArray]
    repairs: Callable[[States, BoolArray, float], tuple[FloatArray, list[tuple[int, int]]]]
    split_columns: Callable[
        [scipy.sparse.csc_array, FloatArray], tuple[tuple[tuple[IntArray, ...], ...], tuple[IntArray, ...]]
    ]


def marginal(states: States, chosen: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Samples and firings of each cell over the literals `chosen`."""
    at = _cells(states, chosen)
    weights = states.samples, states.firing
    samples, firing = (np.asarray(np.bincount(at, w, 1 << len(chosen)), dtype=np.float64) for w in weights)
    return samples, firing


def says(states: States, chosen: tuple[int, ...], table: BoolArray) -> BoolArray:
    """[states] what `table` over the literals `chosen` says."""
    return table[_cells(states, chosen)]


def _cells(states: States, chosen: tuple[int, ...]) -> np.ndarray:
    powers = np.zeros(states.bits.shape[1])
    powers[list(chosen)] = 1 << np.arange(len(chosen))
    return (states.bits @ powers).astype(np.int64)


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
    samples, firing = marginal(states, chosen)
    table = sweep(effects, samples, firing, total)
    swept = f1_of(table, samples, firing, total)
    if not ready.costs.size:
        return Proposal(-1, 0.0, np.inf, table, swept)
    f1 = 2 * ready.matrix.dot(firing) / np.maximum(ready.matrix.dot(samples) + total, 1.0)
    objective = 1 - f1 + price * ready.costs
    at = int(objective.argmin())
    return Proposal(at, float(f1[at]), float(objective[at]), table, swept)


def together(states: States, weights: FloatArray) -> FloatArray:
    """[w, literals, literals] the weight of the states with both literals on, for `weights` [w, states]."""
    on = states.bits
    return np.stack([on.T @ (on * weight[:, None]) for weight in weights])


def repairs(states: States, said: BoolArray, half: float) -> tuple[FloatArray, list[tuple[int, int]]]:
    """What each literal would mend of a function that says `said`, and the best pairs.

    A state is worth its firings less `half` (of F1) per sample. A literal mends as one more Or, veto or And.
    """
    parts = np.stack(
        (states.firing * ~said, states.samples * ~said, states.firing * said, states.samples * said)
    )
    both = together(states, parts)
    alone = both.diagonal(axis1=1, axis2=2)
    lone, whole = alone[:, :, None], parts.sum(axis=1)[:, None, None]
    neither = whole - lone - lone.swapaxes(1, 2) + both
    joint = (both[0] - half * both[1], half * both[3] - both[2], half * neither[3] - neither[2])
    single = np.maximum.reduce([gain.diagonal() for gain in joint])
    pairs: list[tuple[int, int]] = []
    for gain in joint:
        left = np.triu(gain, 1)
        for _ in range(min(PAIRS, left.size)):
            at = int(left.argmax())
            pair = (at // left.shape[1], at % left.shape[1])
            if left[pair] > 0:
                pairs.append(pair)
            left[pair] = -np.inf
    return single, pairs


PLAIN = Kernels(marginal, says, propose, together, repairs, split_columns)
