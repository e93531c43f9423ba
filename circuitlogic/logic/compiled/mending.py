"""The compiled form of `repairs.repairs`: which literals, and pairs, would mend most errors of a function."""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.compiled.bits import members
from circuitlogic.logic.compiled.findings import CODES, FIRING, SAMPLES
from circuitlogic.logic.repairs import PAIRS


@compiled
def together(codes: IntArray, weights: IntArray, literals: int) -> IntArray:
    """[weights, literals, literals] see `repairs.together`."""
    found = np.zeros((weights.shape[0], literals, literals), np.int64)
    for s in range(codes.size):
        on = members(codes[s])
        for w in range(weights.shape[0]):
            if weights[w, s]:
                for i in on:
                    for j in on:
                        found[w, i, j] += weights[w, s]
    return found


@compiled
def _gains(states: IntArray, literals: int, said: BoolArray, half: float) -> FloatArray:
    """[3, literals, literals] what two literals would mend as one more Or, veto or And."""
    parts = np.zeros((4, said.size), np.int64)
    for s in range(said.size):
        parts[2 * said[s], s] = states[FIRING, s]
        parts[2 * said[s] + 1, s] = states[SAMPLES, s]
    both = together(states[CODES], parts, literals)
    samples, hits = parts[3].sum(), parts[2].sum()
    found = np.empty((3, literals, literals))
    for i in range(literals):
        for j in range(literals):
            found[0, i, j] = both[0, i, j] - half * both[1, i, j]
            found[1, i, j] = half * both[3, i, j] - both[2, i, j]
            neither = samples - both[3, i, i] - both[3, j, j] + both[3, i, j]
            right = hits - both[2, i, i] - both[2, j, j] + both[2, i, j]
            found[2, i, j] = half * neither - right
    return found


@compiled
def repairs(states: IntArray, literals: int, said: BoolArray, half: float) -> tuple[FloatArray, IntArray]:
    """What each literal mends, and the best pairs, as sets."""
    gains = _gains(states, literals, said, half)
    single = np.empty(literals)
    for i in range(literals):
        single[i] = max(gains[0, i, i], gains[1, i, i], gains[2, i, i])
    pairs, count = np.empty(3 * PAIRS, np.int64), 0
    for side in range(3):
        for _ in range(PAIRS):
            first, second, most = -1, -1, 0.0
            for i in range(literals):
                for j in range(i + 1, literals):
                    if gains[side, i, j] > most:
                        first, second, most = i, j, gains[side, i, j]
            if first >= 0:
                pairs[count] = 1 << first | 1 << second
                gains[side, first, second] = 0.0
                count += 1
    return single, pairs[:count]
