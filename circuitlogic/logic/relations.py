"""Owns what the inputs of a formula are to each other (subset, exclusive,
twin) and which states were never seen."""

from itertools import combinations

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic import truth
from circuitlogic.logic.activity import FloatArray
from circuitlogic.logic.scores import wilson_low
from circuitlogic.logic.states import States

_CERTAIN = 0.98
_ONE_SIDED = 1.645
_EXPECTED = 5.0
_UNSEEN = 0.2


def relations(features: tuple[FeatureId, ...], together: FloatArray, samples: int) -> tuple[str, ...]:
    """Flags for pairs of inputs, of which `together` [features, features] says on how many of the `samples` both
    fire."""
    flags: list[str] = []
    joint = together.tolist()
    for i, j in combinations(range(len(features)), 2):
        both, first, second = (int(joint[a][b]) for a, b in ((i, j), (i, i), (j, j)))
        inside = [_certain(both, size) for size in (first, second)]
        if all(inside):
            flags.append(f"twin:{features[i]},{features[j]}")
        elif inside[0]:
            flags.append(f"subset:{features[i]}<{features[j]}")
        elif inside[1]:
            flags.append(f"subset:{features[j]}<{features[i]}")
        elif both == 0 and first * second >= _EXPECTED * samples:
            flags.append(f"exclusive:{features[i]},{features[j]}")
    return tuple(flags)


def _certain(both: int, size: int) -> bool:
    """Whether demonstrably almost all of the `size` samples are among `both`."""
    return both >= _CERTAIN * size and wilson_low(both, size, _ONE_SIDED) >= _CERTAIN


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
