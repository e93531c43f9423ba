"""Owns the planting of a gate: inputs drawn from a pool, the output they cause, and the check that the data
really identify the gate."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.benchmarks.logicbench.planted_kinds import PlantedKind
from circuitlogic.benchmarks.logicbench.pool import Pool, column
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import firing_threshold
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, evaluate, literals_of
from circuitlogic.logic.scores import count
from circuitlogic.logic.states import count_states, state_codes

SITE_IN, SITE_OUT = "planted.0", "planted.1"
FIRING = 0.1
"""Share of the 95 % quantile above which a feature fires, as in `ReadingOptions`."""
MIN_F1, MIN_FLIPS = 0.85, 12
NEAR_GATE_F1, NO_GATE_F1 = 0.65, 0.8
MIN_FIRINGS = 30
_MISSED = 0.01
_TRIES = 60
_BIASES = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class Planting:
    """One gate in a pool."""

    kind: PlantedKind
    inputs: tuple[int, ...]
    """Features of the pool, in the order of `weights`."""
    formula: Formula | None
    """None: no gate."""
    weights: FloatArray
    """What each input adds, in its typical firings."""
    bias: float
    scale: float
    """Raw units of the output per unit of the row."""
    target: FloatArray
    """[N] the output's activation (raw units), without a noise floor."""
    graded: bool
    """Whether the gate's graded form makes the output, not a ReLU row."""

    def response(self, values: FloatArray) -> FloatArray:
        """[n] the output's activation for inputs [n, inputs] in typical firings, without what chance adds."""
        if self.graded and self.formula is not None:
            return self.scale * _graded_output(self.formula, self.inputs, values, self.weights)
        return self.scale * np.maximum(values @ self.weights + self.bias, 0.0)


def literal_of(feature: int) -> Literal:
    """The literal of a pool's feature."""
    return Literal(FeatureId(SITE_IN, feature))


def plant(kind: PlantedKind, pool: Pool, graded: bool, rng: np.random.Generator) -> Planting | None:
    """A gate that the data identify; None if `_TRIES` draws gave none.

    The planted formula must predict the output's firing with F1 >= .85 over all samples, and each of its inputs
    must decide at least 12 training samples by being on, and 12 by being off. Where no gate is planted, the
    best Boolean function of the inputs has an F1 of .65 to .8 on training samples.

    Args:
        kind: What to plant.
        pool: Where the inputs come from.
        graded: The output is the gate's graded form (minimum, maximum, ...) instead of a ReLU row.
        rng: Where all of it is drawn from.
    """
    for _ in range(_TRIES):
        inputs = _draw_inputs(kind, pool, rng)
        if inputs is None:
            continue
        planting = _planting(kind, inputs, pool, graded, rng)
        if _identified(planting, pool):
            return planting
    return None


def _draw_inputs(kind: PlantedKind, pool: Pool, rng: np.random.Generator) -> tuple[int, ...] | None:
    needed = len(kind.weights) + len(kind.nudge)
    if kind.source == "any":
        return tuple(rng.choice(pool.features, needed, replace=False).tolist())
    groups = [group for group in pool.groups[kind.source] if len(group) >= needed]
    if not groups:
        return None
    group = groups[int(rng.integers(len(groups)))]
    if kind.source == "nested":
        return (group[0], *rng.choice(group[1:], needed - 1, replace=False).tolist())
    return tuple(rng.choice(group, needed, replace=False).tolist())


def _planting(
    kind: PlantedKind, inputs: tuple[int, ...], pool: Pool, graded: bool, rng: np.random.Generator
) -> Planting:
    values = np.stack([column(pool.clean, i) / pool.means[i] for i in inputs], axis=1)
    literals = tuple(literal_of(i) for i in inputs[: len(kind.weights)])
    formula = kind.formula(literals) if kind.formula is not None else None
    nudges = -np.asarray(kind.nudge)
    weights = np.concatenate((kind.weights, nudges)) * rng.uniform(0.8, 1.2, len(inputs))
    bias = 0.0
    if formula is None:
        graded = False
        unit, bias = _NO_GATES[kind.drawn](values, weights, kind.seen, rng)
    elif isinstance(formula, Const):
        graded = False
        bias = 0.5 - kind.threshold
        unit = np.maximum(values @ weights + bias, 0.0)
    elif graded or not kind.by_row:
        graded, bias = True, 0.5 - kind.threshold
        weights[len(literals) :] = nudges
        unit = _graded_output(formula, inputs, values, weights)
    else:
        graded = False
        unit, bias = _row_output(values, weights, kind, formula, literals)
    unit = unit * (rng.random(pool.samples) >= _MISSED * (not isinstance(formula, Const)))
    scale = float(np.exp(0.5 * rng.standard_normal()))
    return Planting(kind, inputs, formula, weights, bias, scale, scale * unit, graded)


def _graded_output(
    formula: Formula, inputs: tuple[int, ...], values: FloatArray, weights: FloatArray
) -> FloatArray:
    """The graded form where the formula holds, less what inputs outside the formula take away."""
    literals = literals_of(formula)
    states = {literal_of(feature): values[:, at] for at, feature in enumerate(inputs)}
    outside = [at for at, feature in enumerate(inputs) if literal_of(feature) not in literals]
    unit = np.maximum(graded_value(formula, states) + values[:, outside] @ weights[outside], 0.0)
    return unit * evaluate(formula, {lit: x > 0 for lit, x in states.items()}, values.shape[0])


def graded_value(formula: Formula, values: dict[Literal, FloatArray]) -> FloatArray:
    """[N] a gate in graded form: AND is the minimum, OR the maximum, k of n the k-th largest; a veto lets
    through everything (infinity) or nothing; XOR is the largest."""
    match formula:
        case Literal():
            return values[formula]
        case Not(operand):
            return np.where(graded_value(operand, values) > 0, 0.0, np.inf)
        case And(operands):
            return np.min([graded_value(f, values) for f in operands], axis=0)
        case Or(operands) | Xor(operands):
            return np.max([graded_value(f, values) for f in operands], axis=0)
        case Vote(operands, _, threshold) if formula.is_count:
            return np.sort([graded_value(f, values) for f in operands], axis=0)[len(operands) - threshold]
        case _:
            raise ValueError(f"no graded form of {type(formula).__name__}")


def _row_output(
    values: FloatArray,
    weights: FloatArray,
    kind: PlantedKind,
    formula: Formula,
    literals: tuple[Literal, ...],
) -> tuple[FloatArray, float]:
    """The ReLU row with the bias under which it fires most as `formula` says."""
    total = values @ weights
    says = evaluate(formula, {lit: values[:, i] > 0 for i, lit in enumerate(literals)}, total.size)
    best: tuple[float, float, FloatArray] = (-1.0, 0.0, total)
    for part in _BIASES:
        bias = 1.0 - kind.threshold - part
        unit = np.maximum(total + bias, 0.0)
        f1 = count(unit > firing_threshold(unit, FIRING), says).f1
        if f1 > best[0]:
            best = (f1, bias, unit)
    return best[2], best[1]


def _no_gate(
    values: FloatArray, weights: FloatArray, seen: bool, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """A sum of many inputs, and unless `seen` of causes that nobody sees, cut among its lower positive values."""
    if seen:
        weights *= rng.uniform(0.5, 1.5, weights.size)
        total = values @ weights
        cut = float(np.quantile(total[total > 0], rng.uniform(0.2, 0.5)))
        return np.maximum(total - cut, 0.0), -cut
    hidden = rng.exponential(1.5, values.shape[0]) * (rng.random(values.shape[0]) < rng.uniform(0.02, 0.1))
    total = values @ weights + hidden
    cut = float(np.quantile(total[total > 0], rng.uniform(0.05, 0.3)))
    return np.maximum(total - cut, 0.0), -cut


def _smooth_sum(
    values: FloatArray, weights: FloatArray, _: bool, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Similar inputs that add up, cut where two or three typical firings lie: no input stands out."""
    total = values @ weights
    cut = rng.uniform(1.5, 3.0)
    return np.maximum(total - cut, 0.0), -cut


def _noise(
    values: FloatArray, weights: FloatArray, _: bool, rng: np.random.Generator
) -> tuple[FloatArray, float]:
    """Nothing of the inputs: log-normal firings at a rate of .005 to .2."""
    del weights
    rate = np.exp(rng.uniform(np.log(0.005), np.log(0.2)))
    size = values.shape[0]
    return (rng.random(size) < rate) * np.exp(0.5 * rng.standard_normal(size)), 0.0


_NO_GATES = {"": _no_gate, "mixture": _no_gate, "smooth": _smooth_sum, "noise": _noise}


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
    return planted_f1(planting, pool) >= MIN_F1 and fewest_flips(planting, pool) >= MIN_FLIPS
