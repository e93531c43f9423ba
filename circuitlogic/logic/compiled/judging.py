"""The compiled form of `verdicts.judge`: same argument, same answer."""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.compiled.bits import descending
from circuitlogic.logic.scores import Counts
from circuitlogic.logic.tallies import FLAGS
from circuitlogic.logic.verdicts import CONNECTOR, TRUE, Trial, Verdict
from circuitlogic.logic.verdicts import judge as plain_judge


@compiled
def _best_table(samples: FloatArray, firing: FloatArray, inverted: bool) -> BoolArray:
    """[states] see `verdicts._best_table`."""
    every, total, rates = 0.0, 0.0, np.empty(samples.size)
    for s in range(samples.size):
        every += samples[s]
        total += firing[s]
    for s in range(samples.size):
        rates[s] = (firing[s] + total / max(every, 1.0)) / (samples[s] + 1.0)
    order, on = descending(rates), np.empty(samples.size, np.bool_)
    taken, highest, said, right = 0, -1.0, 0.0, 0.0
    for i in range(order.size):
        said += samples[order[i]]
        right += firing[order[i]]
        f1 = 2 * right / (said + max(total, 1.0))
        if f1 > highest:
            taken, highest = i, f1
    for i in range(order.size):
        on[order[i]] = (i <= taken) != inverted
    return on


@compiled
def _best_literal(codes: IntArray, samples: FloatArray, firing: FloatArray, literals: int) -> int:
    """The literal that is best on training data; below 0: none says anything."""
    best, highest, total = -1, 0.0, 0.0
    for s in range(codes.size):
        total += firing[s]
    for i in range(literals):
        said, right = 0.0, 0.0
        for s in range(codes.size):
            if (codes[s] >> i) & 1:
                said += samples[s]
                right += firing[s]
        f1 = 2 * right / max(said + total, 1.0)
        if f1 > highest:
            best, highest = i, f1
    return best


@compiled
def _judge(
    keys: IntArray,
    sizes: IntArray,
    rest: int,
    silent: int,
    codes: IntArray,
    samples: FloatArray,
    firing: FloatArray,
    literals: int,
    inverted: bool,
    places: IntArray,
    own_said: BoolArray,
    own_shown: BoolArray,
) -> tuple[IntArray, int, int]:
    """[5, 4] hits, false, missed and rest of each comparison; and how many firings are in states shown before, and
    with none of the formula's literals on."""
    found, shown, alone = np.zeros((5, 4), np.int64), 0, 0
    on = _best_table(samples, firing, inverted)
    best = _best_literal(codes, samples, firing, literals)
    for case in range(keys.size + 1):
        key, size = (rest, silent) if case == keys.size else (keys[case], sizes[case])
        code, true, connector = key >> FLAGS, 1 if key & TRUE else 0, 1 if key & CONNECTOR else 0
        own = 0
        for i in range(places.size):
            own |= ((code >> places[i]) & 1) << i
        said = 1 if own_said[own] else 0
        low, high = 0, codes.size - 1
        while low < high:
            middle = (low + high) // 2
            if codes[middle] < code:
                low = middle + 1
            else:
                high = middle
        table = said
        if codes[low] == code:
            table = 1 if on[low] else 0
        literal = 1 if (best >= 0 and (code >> best) & 1 == 1) != inverted else 0
        found[0, 3 - 2 * said - true] += size
        found[1, 3 - 2 * connector - true] += size
        found[2, 3 - 2 * said - connector] += size
        found[3, 3 - 2 * table - true] += size
        found[4, 3 - 2 * literal - true] += size
        if true and own_shown[own]:
            shown += size
        if true and own == 0:
            alone += size
    return found, shown, alone


def judge(trial: Trial) -> Verdict:
    """See `verdicts.judge`; formulas that are not given by their states are left to it."""
    if trial.own is None:
        return plain_judge(trial)
    states, own = trial.states, trial.own
    found, shown, alone = _judge(
        trial.tally.keys,
        trial.tally.sizes,
        trial.rest,
        trial.silent,
        states.codes,
        states.samples,
        states.firing,
        states.literals,
        trial.inverted,
        np.array(own.places, dtype=np.int64),
        own.said,
        own.shown,
    )
    formula, connector, agreement, ceiling, baseline = (Counts(*counts) for counts in found.tolist())
    return Verdict(formula, connector, agreement, ceiling, baseline, shown, alone)
