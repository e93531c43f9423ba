"""Owns the baselines that read a gate off its weights: by sign, by mean activations, with one calibrated cut."""

import numpy as np

from circuitlogic.benchmarks.logicbench.arms import Arm, Reading, register
from circuitlogic.benchmarks.logicbench.planting import FIRING
from circuitlogic.logic.activity import Activity, FloatArray, Row
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote
from circuitlogic.logic.states import count_states, state_codes
from circuitlogic.logic.training import measure

_WEIGHT, _OUTPUT, _STRONGEST, _SHARE = 0.1, 0.1, 10, 0.25
_VOTES = 1000.0
"""Whole votes per typical firing."""


def by_sign(row: Row, train: Activity, heldout: Activity) -> Reading:  # noqa: ARG001
    """OR of the inputs with weight above .1, unless any with weight below -.1."""
    positive = [Literal(f) for f, w in zip(row.sources, row.weights, strict=True) if w > _WEIGHT]
    negative = [Literal(f) for f, w in zip(row.sources, row.weights, strict=True) if w < -_WEIGHT]
    if not positive:
        return Reading(Const(False))
    body: Formula = Or(tuple(positive)) if len(positive) > 1 else positive[0]
    return Reading(And((body, *(Not(lit) for lit in negative))) if negative else body)


def by_means(row: Row, train: Activity, heldout: Activity) -> Reading:  # noqa: ARG001
    """The row over on/off inputs, each at its mean firing; the 10 strongest of |w| > .1; on above .1."""
    effects = row.weights
    used = [i for i in _strongest(effects) if abs(effects[i]) > _WEIGHT]
    scale = row.scale if row.scale > 0 else 1.0
    return Reading(_vote(row, effects, used, _OUTPUT - row.bias / scale))


def by_calibrated_cut(row: Row, train: Activity, heldout: Activity) -> Reading:  # noqa: ARG001
    """Inputs of at least a quarter of the strongest effect, and one cut of their sum fitted to the true firing."""
    training = measure(train, row, FIRING, 1)
    means = np.array([column.means[0] for column in training.columns])
    effects = row.raw_weights * means
    top = np.abs(effects).max(initial=0.0)
    used = [i for i in _strongest(effects) if abs(effects[i]) >= _SHARE * top and top > 0]
    if not training.fired.any():
        return Reading(Const(False))
    rows = [training.columns[i].rows[0] for i in used]
    states = count_states(state_codes(rows, training.fired.size), training.fired, len(used))
    cut = _best_cut(states.bits @ effects[used], states.samples, states.firing)
    unit = top if top > 0 else 1.0
    return Reading(_vote(row, effects / unit, used, cut / unit))


def _best_cut(sums: FloatArray, samples: FloatArray, firing: FloatArray) -> float:
    """The cut with the best F1 of saying "fires" above it, in the middle of the gap below."""
    order = np.argsort(-sums, kind="stable")
    sums = sums[order]
    last = np.append(sums[1:] < sums[:-1] - 1e-12, True)
    hits, said = np.cumsum(firing[order]), np.cumsum(samples[order])
    f1 = np.where(last, 2 * hits / np.maximum(said + hits[-1], 1), -1.0)
    at = int(np.argmax(f1))
    return float(sums[at] + sums[at + 1]) / 2 if at + 1 < sums.size else float(sums[at]) - 1.0


def _strongest(effects: FloatArray) -> list[int]:
    return np.argsort(-np.abs(effects), kind="stable")[:_STRONGEST].tolist()


def _vote(row: Row, effects: FloatArray, used: list[int], cut: float) -> Formula:
    """Effects of the inputs `used` sum to at least `cut`, in whole votes."""
    if not used:
        return Const(cut <= 0)
    votes = tuple(round(_VOTES * float(effects[i])) for i in used)
    return Vote(tuple(Literal(row.sources[i]) for i in used), votes, int(np.ceil(_VOTES * cut)))


register(Arm("sign", "Signs of the weights: any positive input and no negative one.", by_sign))
register(
    Arm("means", "Weights, bias and mean activations over all on/off states; sees no outputs.", by_means)
)
register(Arm("cut", "The strong weights, with one cut calibrated on the true output.", by_calibrated_cut))
