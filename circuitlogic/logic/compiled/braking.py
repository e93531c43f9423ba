"""The compiled form of `braking.braked`: same argument, same answer."""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.braking import Braking, Suspects
from circuitlogic.logic.tallies import FLAGS


@compiled
def _drive(
    data: FloatArray, where: IntArray, starts: IntArray, weights: FloatArray, samples: int
) -> FloatArray:
    drive = np.zeros(samples)
    for c in range(weights.size):
        if weights[c] > 0:
            for at in range(starts[c], starts[c + 1]):
                drive[where[at]] += data[at] * weights[c]
    return drive


@compiled
def _state(key: int, places: IntArray) -> int:
    state = 0
    for i in range(places.size):
        state |= ((key >> places[i]) & 1) << i
    return state


@compiled
def _braked(
    data: FloatArray,
    where: IntArray,
    starts: IntArray,
    cuts: FloatArray,
    weights: FloatArray,
    target: FloatArray,
    fired: BoolArray,
    keys: IntArray,
    places: IntArray,
    tested: IntArray,
    causes: BoolArray,
    least: int,
) -> FloatArray:
    """[tested, 9] the fields of `Braking`."""
    sums, drive = np.zeros((tested.size, 9)), np.zeros(0)
    for t in range(tested.size):
        own, cause, low, high = sums[t], causes[t], starts[tested[t]], starts[tested[t] + 1]
        both, count = np.empty(high - low, np.int64), 0
        for at in range(low, high):
            both[count] = where[at]
            if data[at] > cuts[tested[t]] and cause[_state(int(keys[where[at]]), places)]:
                count += 1
        if count < least:
            continue
        if not drive.size:
            drive = _drive(data, where, starts, weights, keys.size)
        for s in range(keys.size):
            if cause[_state(int(keys[s]), places)]:
                own[0] += 1
                own[1] += fired[s]
                own[2] += drive[s]
                own[3] += target[s]
        own[4] = count
        for s in both[:count]:
            own[5] += fired[s]
            own[6] += drive[s]
            own[7] += target[s]
        mean = own[7] / max(count, 1)
        for s in both[:count]:
            own[8] += (target[s] - mean) * (target[s] - mean)
    return sums


def braked(suspects: Suspects) -> list[Braking]:
    """See `braking.braked`."""
    inputs = suspects.inputs
    sums = _braked(
        inputs.data,
        inputs.indices,
        inputs.indptr,
        suspects.cuts,
        suspects.weights,
        suspects.target,
        suspects.fired,
        suspects.keys,
        np.array(suspects.places, dtype=np.int64) + FLAGS,
        np.array(suspects.tested, dtype=np.int64),
        suspects.causes,
        suspects.least,
    )
    return [Braking(*row) for row in sums.tolist()]
