"""Owns the check that the data really identify a planted gate, and the drawing of gates until they do."""

import numpy as np

from circuitlogic.benchmarks.logicbench.planted_kinds import PlantedKind
from circuitlogic.benchmarks.logicbench.planting import (
    FIRING,
    Planting,
    draw_inputs,
    literal_of,
    planting_of,
)
from circuitlogic.benchmarks.logicbench.pool import Pool, column
from circuitlogic.logic.activity import BoolArray, IntArray
from circuitlogic.logic.columns import firing_threshold
from circuitlogic.logic.formula import Const, Formula, evaluate, literals_of
from circuitlogic.logic.inhibition import SPARES
from circuitlogic.logic.naming import has_other_causes
from circuitlogic.logic.scores import count, unprompted, wilson_low
from circuitlogic.logic.states import count_states, state_codes

MIN_F1, MIN_FLIPS = 0.85, 12
NEAR_GATE_F1, NO_GATE_F1 = 0.65, 0.8
MIN_FIRINGS = 30
_TRIES = 60


def plant(kind: PlantedKind, pool: Pool, graded: bool, rng: np.random.Generator) -> Planting | None:
    """A gate that the data identify; None if `_TRIES` draws gave none.

    The planted formula must predict the output's firing with F1 >= .85 over all samples, and each of its inputs
    must decide at least 12 training samples by being on, and 12 by being off. An input that only weakens
    demonstrably silences no more than a fifth of what would fire. Where no gate is planted, the best Boolean
    function of the inputs has an F1 of .65 to .8 on training samples.

    Args:
        kind: What to plant.
        pool: Where the inputs come from.
        graded: The output is the gate's graded form (minimum, maximum, ...) instead of a ReLU row.
        rng: Where all of it is drawn from.
    """
    for _ in range(_TRIES):
        inputs = draw_inputs(kind, pool, rng)
        if inputs is None:
            continue
        planting = planting_of(kind, inputs, pool, graded, rng)
        if _identified(planting, pool):
            return planting
    return None


def observed_firings(pool: Pool, inputs: tuple[int, ...]) -> BoolArray:
    """[N, inputs] firings as a reader sees them, thresholds from the training part."""
    seen = [column(pool.observed, i) for i in inputs]
    return np.stack([x > firing_threshold(x[: pool.train], FIRING) for x in seen], axis=1)


def planted_firings(planting: Planting, pool: Pool) -> BoolArray:
    """[N] what the planted formula says; never, where there is none."""
    if planting.formula is None:
        return np.zeros(pool.samples, dtype=np.bool_)
    return _said(planting.formula, planting.inputs, observed_firings(pool, planting.inputs))


def planted_f1(planting: Planting, pool: Pool) -> float:
    """F1 of the planted formula against the output's firing, over all samples; 1 for a constant."""
    fired = planting.target > firing_threshold(planting.target[: pool.train], FIRING)
    if planting.formula is None or isinstance(planting.formula, Const):
        return 1.0
    return count(planted_firings(planting, pool), fired).f1


def _said(formula: Formula, inputs: tuple[int, ...], on: BoolArray) -> BoolArray:
    return evaluate(formula, {literal_of(i): on[:, n] for n, i in enumerate(inputs)}, on.shape[0])


def fewest_flips(planting: Planting, pool: Pool) -> int:
    """Training samples whose predicted firing an input decides by being on, or by being off: for the input, and
    the way, with the fewest."""
    formula = planting.formula
    if formula is None or not literals_of(formula):
        return pool.train
    on = observed_firings(pool, planting.inputs)[: pool.train]
    said = _said(formula, planting.inputs, on)
    flips: list[int] = []
    for at, feature in enumerate(planting.inputs):
        if literal_of(feature) in literals_of(formula):
            other = on.copy()
            other[:, at] = ~other[:, at]
            decided = _said(formula, planting.inputs, other) != said
            flips += [
                int(np.count_nonzero(decided & on[:, at])),
                int(np.count_nonzero(decided & other[:, at])),
            ]
    return min(flips)


def best_table_f1(planting: Planting, pool: Pool) -> float:
    """The highest F1 that any Boolean function of the inputs reaches on the training samples."""
    return _best_table(planting, pool)[1]


def _best_table(planting: Planting, pool: Pool) -> tuple[IntArray, float]:
    """Codes of the states in which the best function says yes, and its F1, on training samples."""
    on = observed_firings(pool, planting.inputs)[: pool.train]
    target = planting.target[: pool.train]
    fired = target > firing_threshold(target, FIRING)
    states = count_states(_codes(on), fired, on.shape[1])
    order = np.argsort(-states.firing / np.maximum(states.samples, 1), kind="stable")
    hits, said = np.cumsum(states.firing[order]), np.cumsum(states.samples[order])
    f1 = 2 * hits / np.maximum(said + states.total, 1)
    best = int(np.argmax(f1))
    return states.codes[order[: best + 1]], float(f1[best])


def heldout_ceiling(planting: Planting, pool: Pool) -> float:
    """Held-out F1 of the Boolean function of the inputs that is best on training samples."""
    on = observed_firings(pool, planting.inputs)[pool.train :]
    cut = firing_threshold(planting.target[: pool.train], FIRING)
    said = np.isin(_codes(on), _best_table(planting, pool)[0])
    return count(said, planting.target[pool.train :] > cut).f1


def caused_elsewhere(planting: Planting, pool: Pool) -> bool:
    """Whether demonstrably a tenth of the held-out firings come with none of the inputs on."""
    on = observed_firings(pool, planting.inputs)[pool.train :]
    cut = firing_threshold(planting.target[: pool.train], FIRING)
    fired = planting.target[pool.train :] > cut
    return has_other_causes(unprompted(on.T, fired), int(np.count_nonzero(fired)))


def _codes(on: BoolArray) -> IntArray:
    return state_codes([np.flatnonzero(on[:, i]) for i in range(on.shape[1])], on.shape[0]).astype(np.int64)


def fewest_decided(planting: Planting, pool: Pool) -> int:
    """Training samples on which the row's firing hangs on an input that is on: for the input with the fewest."""
    rows = [column(pool.clean, i)[: pool.train] / pool.means[i] for i in planting.inputs]
    total = np.stack(rows, axis=1) @ planting.weights + planting.bias
    fires = total > 0
    without = (total - w * x for w, x in zip(planting.weights, rows, strict=True))
    return min(int(np.count_nonzero((rest > 0) != fires)) for rest in without)


def _identified(planting: Planting, pool: Pool) -> bool:
    if planting.kind.drawn:
        train = planting.target[: pool.train]
        return int(np.count_nonzero(train > firing_threshold(train, FIRING))) >= MIN_FIRINGS
    if planting.formula is None and planting.kind.seen:
        return fewest_decided(planting, pool) >= MIN_FLIPS
    if planting.formula is None:
        return NEAR_GATE_F1 <= best_table_f1(planting, pool) < NO_GATE_F1
    if planting.kind.nudge and not _only_weakens(planting, pool):
        return False
    return planted_f1(planting, pool) >= MIN_F1 and fewest_flips(planting, pool) >= MIN_FLIPS


def _only_weakens(planting: Planting, pool: Pool) -> bool:
    """Whether the data show that at most a fifth is silenced: the upper 95 % bound of the share."""
    lost = _silencing(planting, pool)
    return lost is not None and wilson_low(lost.size - int(lost.sum()), lost.size) >= 1 - SPARES


def silenced(planting: Planting, pool: Pool) -> float | None:
    """Of a cause and one input that blocks or damps it: the share of their joint firings that would make the output
    fire without the input, and do not with it; None for other gates.

    By the planted function, on the training part of noise-free data.
    """
    lost = _silencing(planting, pool)
    return None if lost is None or not lost.size else float(lost.mean())


def _silencing(planting: Planting, pool: Pool) -> BoolArray | None:
    """For each joint firing on which the output would fire without the second input: whether it stops it."""
    if len(planting.inputs) != 2 or np.sign(planting.weights).tolist() != [1, -1]:
        return None
    values = np.stack([column(pool.clean, i)[: pool.train] / pool.means[i] for i in planting.inputs], axis=1)
    joint = values[observed_firings(pool, planting.inputs)[: pool.train].all(axis=1)]
    threshold = firing_threshold(planting.target[: pool.train], FIRING)
    alone = planting.response(joint * [1.0, 0.0]) > threshold
    return planting.response(joint[alone]) <= threshold
