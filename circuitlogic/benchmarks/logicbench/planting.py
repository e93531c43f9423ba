"""Owns the planting of a gate: inputs drawn from a pool, and the output they cause."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.benchmarks.logicbench.planted_kinds import PlantedKind
from circuitlogic.benchmarks.logicbench.pool import Pool, column
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import FloatArray
from circuitlogic.logic.columns import firing_threshold
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, evaluate, literals_of
from circuitlogic.logic.scores import count

SITE_IN, SITE_OUT = "planted.0", "planted.1"
FIRING = 0.1
"""Share of the 95 % quantile above which a feature fires, as in `ReadingOptions`."""
_MISSED = 0.01
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


def draw_inputs(kind: PlantedKind, pool: Pool, rng: np.random.Generator) -> tuple[int, ...] | None:
    """Features of a group that suits `kind`; None if the pool has no such group."""
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


def planting_of(
    kind: PlantedKind, inputs: tuple[int, ...], pool: Pool, graded: bool, rng: np.random.Generator
) -> Planting:
    """`kind` planted on `inputs`, whatever the data make of it; arguments as for `identified.plant`."""
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
