"""Owns the cases of the benchmark: plantings of every kind in one pool, each with the row a reader is given."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from circuitlogic.benchmarks.logicbench.conditions import Condition
from circuitlogic.benchmarks.logicbench.identified import (
    caused_elsewhere,
    heldout_ceiling,
    observed_firings,
    plant,
    planted_firings,
    silenced,
)
from circuitlogic.benchmarks.logicbench.planted_kinds import PlantedKind
from circuitlogic.benchmarks.logicbench.planting import FIRING, SITE_IN, SITE_OUT, Planting
from circuitlogic.benchmarks.logicbench.pool import Pool, column, draw_pool, observed_output
from circuitlogic.benchmarks.logicbench.settings import Sizes
from circuitlogic.benchmarks.logicbench.trained import fit_rows, in_typical_firings, typical
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, BoolArray, FloatArray, IntArray, Row
from circuitlogic.logic.columns import firing_threshold
from circuitlogic.logic.formula import Formula
from circuitlogic.progress import SILENT, Progress

_SAME_GROUP = 0.3
_BIAS_NOISE = 0.03

Rerun: TypeAlias = Callable[[FeatureId, IntArray, bool], BoolArray]
"""(input, training samples, whether it is switched on or off) -> whether the output then fires, in the planted
network."""


@dataclass(frozen=True, slots=True, eq=False)
class PlantedInput:
    """One input of a planted gate."""

    feature: FeatureId
    sign: int
    """+1: helps, -1: hinders, 0: either."""
    on: BoolArray
    """[training samples] whether it fires, in truth."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One planted gate as a reader meets it."""

    kind: str
    condition: str
    leak: float
    """Noise floor: weak activations per true firing."""
    formula: Formula | None
    """The truth; None: there is no gate."""
    row: Row
    train: Activity
    heldout: Activity
    says: BoolArray
    """[held-out samples] what the planted formula says, also where the row lacks an input of it."""
    support: int
    """Training samples on which the output fires."""
    inputs: tuple[PlantedInput, ...] = ()
    """Of the planted gate, those that only weaken it among them."""
    match: float = 1.0
    """Correlation of the output feature with the planted output; 1 where features are given."""
    input_match: float = 1.0
    """The same of the worst matched planted input."""
    silenced: float | None = None
    """Of a cause and one input that blocks or damps it: the share of their joint firings that would make the output
    fire without the input, and do not with it, in noise-free data; None elsewhere."""
    ceiling: float | None = None
    """Where there is no gate: held-out F1 of the best Boolean function of the inputs."""
    elsewhere: bool = False
    """Where there is no gate: whether demonstrably a tenth of the firings have no cause among the inputs."""
    aliases: Mapping[FeatureId, FeatureId] = field(default_factory=dict)
    """Learned features that stand for a planted one beside the one matched to it, and that one's name."""
    rerun: Rerun | None = None
    """The planted network under intervention, where the tier has one."""


def draw_cases(
    condition: Condition,
    kinds: Sequence[PlantedKind],
    sizes: Sizes,
    seed: int,
    leak: float = 0.0,
    progress: Progress = SILENT,
) -> list[Case]:
    """Up to `sizes.per_kind` cases of each kind, all in one pool; a kind that once cannot be planted is given up.

    The draws depend on the condition, the kinds, the sizes, the floor and the seed alone. `leak`: the noise floor,
    weak activations per true firing, of inputs and outputs.
    """
    rng = np.random.default_rng([seed, zlib.crc32(condition.name.encode())])
    pool = draw_pool(sizes.samples, condition.magnitudes, leak, rng, sizes.pool, condition.rates)
    wanted = [kind for kind in kinds if kind.by_row or condition.trained]
    cases: list[Case] = []
    for late in (
        False,
        True,
    ):  # kinds taken as they are drawn come last: what is drawn before does not change
        chosen = [kind for kind in wanted if bool(kind.drawn) == late]
        tries = [kind for kind in chosen for _ in range(sizes.per_kind)]
        label = f"planting, {condition.name}, floor {leak:g}, seed {seed}"
        plantings: list[Planting] = []
        hopeless: set[str] = set()
        for kind in progress.track(tries, label, total=len(tries)):
            planting = None if kind.name in hopeless else plant(kind, pool, condition.trained, rng)
            if planting is None:
                hopeless.add(kind.name)
            else:
                plantings.append(planting)
        cases += cases_of(plantings, pool, condition, sizes, seed, leak, rng, len(cases))
    return cases


def cases_of(
    plantings: list[Planting],
    pool: Pool,
    condition: Condition,
    sizes: Sizes,
    seed: int,
    leak: float,
    rng: np.random.Generator,
    first: int = 0,
) -> list[Case]:
    """The plantings with the rows that the condition gives a reader; outputs are numbered from `first` on."""
    targets = [observed_output(planting.target, leak, rng) for planting in plantings]
    if condition.trained:
        rows = _trained_rows(pool, targets, sizes.epochs, seed)
    else:
        rows = [_noisy_row(planting, pool, condition, rng) for planting in plantings]
    together = zip(plantings, targets, rows, strict=True)
    return [
        _case(planting, target, row, pool, condition.name, leak, number)
        for number, (planting, target, row) in enumerate(together, start=first)
    ]


RawRow = tuple[FloatArray, float]
"""[features] raw weights, 0 where there is no edge, and the bias."""


def _noisy_row(planting: Planting, pool: Pool, condition: Condition, rng: np.random.Generator) -> RawRow:
    """The planted row with noise on its weights and weights of inputs that do nothing."""
    noise = 1 + condition.weight_noise * rng.standard_normal(len(planting.inputs))
    weights = np.zeros(pool.features)
    weights[list(planting.inputs)] = planting.weights * noise
    for feature in _bystanders(planting, pool, int(rng.integers(*condition.spurious, endpoint=True)), rng):
        weights[feature] = rng.uniform(-condition.spurious_weight, condition.spurious_weight)
    bias = planting.bias + _BIAS_NOISE * rng.standard_normal()
    return weights * planting.scale / pool.means, float(bias * planting.scale)


def _bystanders(planting: Planting, pool: Pool, size: int, rng: np.random.Generator) -> list[int]:
    """Features that are no inputs, about 30 % of them from the groups of the inputs."""
    inputs = set(planting.inputs)
    groups = [group for kind in pool.groups.values() for group in kind if inputs & set(group)]
    near = [feature for group in groups for feature in group if feature not in inputs]
    near = [int(i) for i in rng.permutation(near)[: round(_SAME_GROUP * size)]] if near else []
    others = [int(i) for i in rng.permutation(pool.features) if i not in inputs and i not in near]
    return near + others[: size - len(near)]


def _trained_rows(pool: Pool, targets: list[FloatArray], epochs: int, seed: int) -> list[RawRow]:
    if not targets:
        return []
    train = pool.observed[: pool.train].tocsc()
    means = typical(train)
    y = np.stack([target[: pool.train] for target in targets], axis=1)
    scales = np.array([float(v[v > 0].mean()) if (v > 0).any() else 1.0 for v in y.T])
    weights, biases = fit_rows(in_typical_firings(train, means), y / scales, epochs, seed)
    return [(w * s / means, float(b * s)) for w, b, s in zip(weights, biases, scales, strict=True)]


def _case(
    planting: Planting,
    target: FloatArray,
    raw: RawRow,
    pool: Pool,
    condition: str,
    leak: float,
    number: int,
) -> Case:
    weights, bias = raw
    used = np.flatnonzero(weights)
    inputs = pool.observed[:, used].tocsc()
    predicted = np.maximum(inputs @ weights[used] + bias, 0.0)
    fired = target[: pool.train]
    scale = float(fired[fired > 0].mean()) if (fired > 0).any() else 1.0
    scales = typical(inputs[: pool.train].tocsc())
    sources = tuple(FeatureId(SITE_IN, int(i)) for i in used)
    feature = FeatureId(SITE_OUT, number)
    row = Row(feature, sources, weights[used] * scales / scale, weights[used], bias, scale, scales)
    parts = (slice(0, pool.train), slice(pool.train, None))
    train, heldout = (Activity(inputs[part].tocsc(), target[part], predicted[part]) for part in parts)
    support = int(np.count_nonzero(fired > firing_threshold(fired, FIRING)))
    says = planted_firings(planting, pool)[pool.train :]
    return Case(
        planting.kind.name,
        condition,
        leak,
        planting.formula,
        row,
        train,
        heldout,
        says,
        support,
        inputs=planted_inputs(planting, pool, {i: FeatureId(SITE_IN, i) for i in planting.inputs}),
        silenced=silenced(planting, pool),
        ceiling=heldout_ceiling(planting, pool) if planting.formula is None else None,
        elsewhere=planting.formula is None and caused_elsewhere(planting, pool),
        rerun=_rerun(planting, pool),
    )


def planted_inputs(
    planting: Planting, pool: Pool, names: Mapping[int, FeatureId]
) -> tuple[PlantedInput, ...]:
    """The inputs of a gate; `names`: what a reader calls them."""
    on = observed_firings(pool, planting.inputs)[: pool.train]
    signs = (
        np.sign(planting.weights).astype(int).tolist() if planting.kind.by_row else [0] * len(planting.inputs)
    )
    return tuple(
        PlantedInput(names[feature], sign, on[:, at])
        for at, (feature, sign) in enumerate(zip(planting.inputs, signs, strict=True))
    )


def _rerun(planting: Planting, pool: Pool) -> Rerun:
    threshold = firing_threshold(planting.target[: pool.train], FIRING)
    values = np.stack([column(pool.clean, i)[: pool.train] / pool.means[i] for i in planting.inputs], axis=1)

    def rerun(feature: FeatureId, rows: IntArray, on: bool) -> BoolArray:
        edited = values[rows]
        if feature.index in planting.inputs:
            edited[:, planting.inputs.index(feature.index)] = float(on)
        return planting.response(edited) > threshold

    return rerun
