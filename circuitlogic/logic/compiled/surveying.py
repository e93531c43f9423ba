"""The compiled form of `surveys.survey`: same argument, same answer."""

from math import sqrt

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.compiled.bits import descending
from circuitlogic.logic.compiled.counting import tallied
from circuitlogic.logic.states import States
from circuitlogic.logic.surveys import NEGLIGIBLE, Candidates, Ground, Survey
from circuitlogic.logic.tallies import DOUBTED, FLAGS, Flags


@compiled
def _effects(
    means: FloatArray, sizes: IntArray, weights: FloatArray, allowed: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """[inputs, levels] the effect of each literal, and which are noticeable: see `surveys.everything`."""
    effects, wanted, most = np.zeros(means.shape), np.zeros(means.shape, np.bool_), 1e-30
    for c in range(means.shape[0]):
        below = 0.0
        for level in range(means.shape[1]):
            effects[c, level] = weights[c] * (means[c, level] - below)
            if sizes[c, level] > 0 and (level == 0 or sizes[c, level] < sizes[c, level - 1]):
                below = means[c, level]
                if allowed[c]:
                    wanted[c, level] = True
                    most = max(most, abs(effects[c, level]))
    for c in range(means.shape[0]):
        for level in range(means.shape[1]):
            wanted[c, level] &= abs(effects[c, level]) >= NEGLIGIBLE * most
    return effects, wanted


@compiled
def _associations(
    data: FloatArray,
    where: IntArray,
    starts: IntArray,
    cuts: FloatArray,
    sizes: IntArray,
    sought: Flags,
    wanted: BoolArray,
) -> FloatArray:
    """[inputs, levels] see `surveys._associations`."""
    both, support = np.zeros(cuts.shape, np.int64), np.zeros(sought.size, np.uint8)
    samples, hits = 0, 0
    for c in range(cuts.shape[0]):
        for level in range(cuts.shape[1]):
            if wanted[c, level]:
                for at in range(starts[c], starts[c + 1]):
                    if data[at] > cuts[c, level]:
                        sample = where[at]
                        both[c, level] += sought[sample]
                        samples += 1 - support[sample]  # without a branch that nothing predicts
                        hits += (1 - support[sample]) * sought[sample]
                        support[sample] = 1
    phi, size, positive = np.zeros(cuts.shape), float(samples), float(hits)
    for c in range(cuts.shape[0]):
        for level in range(cuts.shape[1]):
            on = float(sizes[c, level])
            spread = sqrt(max(on * (size - on) * positive * (size - positive), 0.0))
            if spread > 0:
                phi[c, level] = (both[c, level] * size - on * positive) / max(spread, 1e-30)
    return phi


@compiled
def _strongest(effects: FloatArray, phi: FloatArray, by_weight: int, by_data: int) -> IntArray:
    """See `surveys._strongest`."""
    weighty, telling = descending(np.abs(effects)), descending(np.abs(phi))
    chosen, order, count = np.zeros(effects.size, np.bool_), np.empty(effects.size, np.int64), 0
    for i in range(effects.size):
        if i < by_weight:
            chosen[weighty[i]] = True
        if i < by_data:
            chosen[telling[i]] = True
    for i in weighty:
        if chosen[i]:
            order[count] = i
            count += 1
    return order[:count]


@compiled
def _states(keys: IntArray, sizes: IntArray, samples: int, firing: int, clear: bool) -> FloatArray:
    """[3, states] codes, samples and firings of all keys, or of the clear ones: see `states.tallied`."""
    found, count = np.zeros((3, keys.size + 1)), 1
    found[1, 0], found[2, 0] = samples, firing
    for i in range(keys.size):
        if not (clear and keys[i] & DOUBTED):
            if keys[i] >> FLAGS != found[0, count - 1]:
                found[0, count] = keys[i] >> FLAGS
                count += 1
            found[1, count - 1] += sizes[i]
            found[2, count - 1] += sizes[i] * (keys[i] & 1)
    return found[:, :count]


@compiled
def _survey(
    data: FloatArray,
    where: IntArray,
    starts: IntArray,
    cuts: FloatArray,
    means: FloatArray,
    sizes: IntArray,
    weights: FloatArray,
    sought: Flags,
    allowed: BoolArray,
    doubted: BoolArray,
    silent: tuple[int, int],
    most: tuple[int, int],
) -> tuple[IntArray, FloatArray, IntArray, FloatArray, FloatArray]:
    effects, wanted = _effects(means, sizes, weights, allowed)
    phi = _associations(data, where, starts, cuts, sizes, sought, wanted)
    at, count = np.empty((cuts.size, 2), np.int64), 0
    own, own_phi = np.empty(cuts.size), np.empty(cuts.size)
    for c in range(cuts.shape[0]):
        for level in range(cuts.shape[1]):
            if wanted[c, level]:
                at[count, 0], at[count, 1] = c, level
                own[count], own_phi[count] = effects[c, level], phi[c, level]
                count += 1
    order = _strongest(own[:count], own_phi[:count], most[0], most[1])
    chosen, strengths = np.empty((order.size, 2), np.int64), np.empty((2, order.size))
    places, unclear = np.full(cuts.shape, -1, np.int64), np.zeros(doubted.size, np.bool_)
    for i in range(order.size):
        c, level = at[order[i], 0], at[order[i], 1]
        places[c, level], unclear[c] = i, doubted[c]
        chosen[i, 0], chosen[i, 1] = c, level
        strengths[0, i], strengths[1, i] = own[order[i]], own_phi[order[i]]
    keys, known, counts = tallied(data, where, starts, cuts, places, unclear, sought)
    every = _states(known, counts, silent[0], silent[1], False)
    clear = _states(known, counts, silent[0], silent[1], True)
    return chosen, strengths, keys, every, clear


def survey(ground: Ground) -> Survey:
    """See `surveys.survey`."""
    inputs, levels, silent = ground.inputs, ground.levels, ground.silent
    chosen, (effects, associations), keys, every, clear = _survey(
        inputs.data,
        inputs.indices,
        inputs.indptr,
        levels.cuts,
        levels.means,
        levels.sizes,
        ground.weights,
        ground.sought.view(np.uint8),
        ground.allowed,
        ground.doubted,
        (silent.samples, silent.firing),
        (ground.by_weight, ground.by_data),
    )
    candidates = Candidates(chosen, effects, associations)
    return Survey(candidates, keys, *(_as_states(part, effects.size) for part in (every, clear)))


def _as_states(found: FloatArray, literals: int) -> States:
    codes, samples, firing = found
    return States(literals, samples, firing, codes.astype(np.int64))
