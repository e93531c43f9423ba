"""Owns what the inputs of a formula are to each other (subset, exclusive,
twin) and which states were never seen."""

from itertools import combinations

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic import truth
from circuitlogic.logic.scores import wilson_low
from circuitlogic.logic.states import States

_CERTAIN = 0.98
_ONE_SIDED = 1.645
_EXPECTED = 5.0
_UNSEEN = 0.2


def relations(features: tuple[FeatureId, ...], states: States, samples: int) -> tuple[str, ...]:
    """Flags for pairs of inputs, from the states in which they fire or not."""
    flags: list[str] = []
    together = ((states.bits.T * states.samples) @ states.bits).tolist()
    for i, j in combinations(range(len(features)), 2):
        both, first, second = (int(together[a][b]) for a, b in ((i, j), (i, i), (j, j)))
        inside = [wilson_low(both, size, _ONE_SIDED) >= _CERTAIN for size in (first, second)]
        if all(inside):
            flags.append(f"twin:{features[i]},{features[j]}")
        elif inside[0]:
            flags.append(f"subset:{features[i]}<{features[j]}")
        elif inside[1]:
            flags.append(f"subset:{features[j]}<{features[i]}")
        elif both == 0 and first * second >= _EXPECTED * samples:
            flags.append(f"exclusive:{features[i]},{features[j]}")
    return tuple(flags)


def rests_on_weights(states: States, nested: tuple[tuple[int, int], ...]) -> bool:
    """Whether unseen states, weighed as if the literals were independent,
    are over a fifth of all active ones.

    `nested` are pairs (low, high) of literals of which the second implies the first.
    """
    if states.codes.size < 1 << states.literals:
        states = states.over(range(states.literals))
    unseen = states.samples == 0
    if nested:
        unseen &= truth.possible_cells(nested, states.literals)
    if not unseen[1:].any():
        return False
    rates = (states.samples @ states.bits) / states.samples.sum()
    mass = np.ones(1)
    for rate in rates.tolist():
        mass = np.concatenate((mass * (1 - rate), mass * rate))
    if nested:
        mass = np.where(truth.possible_cells(nested, states.literals), mass, 0.0)
    mass[0] = 0.0
    return bool(mass[unseen].sum() > _UNSEEN * mass.sum())
