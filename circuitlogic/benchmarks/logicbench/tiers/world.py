"""Owns the planted worlds of tiers with learned features: a small pool, gates in it, and both as vectors."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.benchmarks.logicbench.planted_kinds import PlantedKind
from circuitlogic.benchmarks.logicbench.planting import Planting, plant
from circuitlogic.benchmarks.logicbench.pool import Magnitudes, Pool, draw_pool, observed_output
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
    outputs: FloatArray
    """[N, outputs] their activations with the noise floor, raw units."""

    @property
    def inputs(self) -> FloatArray:
        """[N, inputs] activations with the noise floor, raw units."""
        return self.pool.observed.toarray()

    @property
    def clean_outputs(self) -> FloatArray:
        """[N, outputs] without the floor."""
        return np.stack([planting.target for planting in self.plantings], axis=1)


def draw_world(
    kinds: list[PlantedKind],
    per_kind: int,
    samples: int,
    size: float,
    magnitudes: Magnitudes,
    rates: tuple[float, float] | None,
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
    outputs = [observed_output(planting.target, leak, rng) for planting in plantings]
    return World(pool, tuple(plantings), np.stack(outputs, axis=1))


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
