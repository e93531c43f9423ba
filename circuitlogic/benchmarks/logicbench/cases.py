"""Owns the cases of the benchmark: plantings of every kind in one pool, each with the row a reader is given."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from circuitlogic.benchmarks.logicbench.conditions import Condition
from circuitlogic.benchmarks.logicbench.planted_kinds import PlantedKind
from circuitlogic.benchmarks.logicbench.planting import (
    FIRING,
    SITE_IN,
    SITE_OUT,
    Planting,
    plant,
    planted_firings,
)
from circuitlogic.benchmarks.logicbench.pool import Pool, draw_pool, with_floor
from circuitlogic.benchmarks.logicbench.trained import fit_rows, in_typical_firings, typical
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, BoolArray, FloatArray, Row
from circuitlogic.logic.columns import firing_threshold
from circuitlogic.logic.formula import Formula
from circuitlogic.progress import SILENT, Progress

_SAME_GROUP = 0.3
_BIAS_NOISE = 0.03


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is planted."""

    samples: int = 30_000
    """For reading, and as many for judging."""
    per_kind: int = 6
    pool: float = 1.0
    """1: about 500 features."""
    epochs: int = 20
    """Of the connectors in the trained conditions."""


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
    pool = draw_pool(sizes.samples, condition.magnitudes, leak, rng, sizes.pool)
    wanted = [kind for kind in kinds if kind.by_row or condition.trained]
    tries = [kind for kind in wanted for _ in range(sizes.per_kind)]
    label = f"planting, {condition.name}, floor {leak:g}, seed {seed}"
    plantings: list[Planting] = []
    hopeless: set[str] = set()
    for kind in progress.track(tries, label, total=len(tries)):
        planting = None if kind.name in hopeless else plant(kind, pool, condition.trained, rng)
        if planting is None:
            hopeless.add(kind.name)
        else:
            plantings.append(planting)
    targets = [_observed_target(planting, pool, leak, rng) for planting in plantings]
    if condition.trained:
        rows = _trained_rows(pool, targets, sizes.epochs, seed)
    else:
        rows = [_noisy_row(planting, pool, condition, rng) for planting in plantings]
    together = zip(plantings, targets, rows, strict=True)
    return [
        _case(planting, target, row, pool, condition.name, leak, number)
        for number, (planting, target, row) in enumerate(together)
    ]


def _observed_target(planting: Planting, pool: Pool, leak: float, rng: np.random.Generator) -> FloatArray:
    """The output with its own noise floor."""
    where = np.flatnonzero(planting.target > 0)
    if leak == 0 or not where.size or 2 * where.size > pool.samples:
        return planting.target
    values = planting.target[where]
    there, value = with_floor(where, values, float(values.mean()), pool.samples, leak, rng)
    target = np.zeros(pool.samples)
    target[there] = value
    return target


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
    return Case(planting.kind.name, condition, leak, planting.formula, row, train, heldout, says, support)
