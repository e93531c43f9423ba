"""Owns which literals, and pairs of them, would mend most errors of a function as one more Or, veto or And."""

import numpy as np

from circuitlogic.logic.activity import BoolArray, FloatArray
from circuitlogic.logic.states import States

PAIRS = 2
"""Pairs proposed per kind of repair."""


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
