"""Owns the planted worlds of tiers with learned features: a small pool, gates in it, and both as vectors."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.benchmarks.logicbench.identified import plant
from circuitlogic.benchmarks.logicbench.planted_kinds import PlantedKind
from circuitlogic.benchmarks.logicbench.planting import Planting
from circuitlogic.benchmarks.logicbench.pool import (
    Magnitudes,
    Pool,
    Rates,
    column,
    draw_pool,
    observed_output,
)
from circuitlogic.logic.activity import BoolArray, FloatArray

OVERLAP = 0.3
"""Highest correlation between the firings of two planted outputs: beyond it no dictionary could part them."""
_TRIES = 8
_STEPS, _RATE = 400, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """Planted inputs and outputs on N samples."""

    pool: Pool
    plantings: tuple[Planting, ...]
    inputs: FloatArray
    """[N, inputs] activations with the noise floor, in typical firings."""
    clean_inputs: FloatArray
    """The same without it."""
    outputs: FloatArray
    """[N, outputs] with the floor, in typical firings: first those of `plantings`, then inputs that no gate uses,
    passed on unchanged."""
    clean_outputs: FloatArray
    """The same without it."""


def draw_world(
    kinds: list[PlantedKind],
    per_kind: int,
    samples: int,
    size: float,
    magnitudes: Magnitudes,
    rates: Rates | None,
    leak: float,
    rng: np.random.Generator,
) -> World:
    """About 500 x `size` inputs and up to `per_kind` gates of each kind, in graded form.

    A gate is drawn again where its output fires much like one that is there already (`OVERLAP`).
    """
    pool = draw_pool(samples, magnitudes, leak, rng, size, rates)
    plantings: list[Planting] = []
    fired: list[BoolArray] = []
    for kind in kinds * per_kind:
        for _ in range(_TRIES):
            planting = plant(kind, pool, True, rng)
            if planting is None:
                break
            fires = planting.target > 0
            if all(_correlation(fires, other) <= OVERLAP for other in fired):
                plantings.append(planting)
                fired.append(fires)
                break
    used = {feature for planting in plantings for feature in planting.inputs}
    passed = [column(pool.clean, i) for i in range(pool.features) if i not in used]
    clean = [_in_typical_firings(x) for x in (*(planting.target for planting in plantings), *passed)]
    return World(
        pool,
        tuple(plantings),
        inputs=pool.observed.toarray() / pool.means,
        clean_inputs=pool.clean.toarray() / pool.means,
        outputs=np.stack([observed_output(x, leak, rng) for x in clean], axis=1),
        clean_outputs=np.stack(clean, axis=1),
    )


def _in_typical_firings(values: FloatArray) -> FloatArray:
    fires = values > 0
    return values / float(values[fires].mean()) if fires.any() else values


def _correlation(one: BoolArray, other: BoolArray) -> float:
    a, b, both = float(one.mean()), float(other.mean()), float((one & other).mean())
    spread = np.sqrt(a * (1 - a) * b * (1 - b))
    return (both - a * b) / float(spread) if spread > 0 else 0.0


def rotation(features: int, d: int, rng: np.random.Generator) -> FloatArray:
    """[features, d] orthonormal directions, turned at random; d >= features."""
    return np.linalg.qr(rng.standard_normal((d, d)))[0][:features]


def spread_directions(features: int, d: int, rng: np.random.Generator) -> FloatArray:
    """[features, d] unit vectors pushed apart: more than d of them, as near to orthogonal as they come."""
    u = rng.standard_normal((features, d))
    for step in range(_STEPS):
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        overlaps = u @ u.T
        np.fill_diagonal(overlaps, 0.0)
        u -= _RATE * (1 - step / _STEPS) * (overlaps * np.abs(overlaps)) @ u
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def embedded(values: FloatArray, directions: FloatArray, train: int) -> FloatArray:
    """[N, d] the activations as vectors, divided by their root mean square over training samples."""
    vectors = values @ directions
    return vectors / float(np.sqrt(np.square(vectors[:train]).mean()))
