"""`superposed`: twice as many planted features as dimensions, nearly orthogonal; both dictionaries are learned."""

import numpy as np

from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.learned import WORLD, Ends, run_learned
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, register
from circuitlogic.benchmarks.logicbench.tiers.world import World, embedded, spread_directions

CROWDING = 2
"""Features per dimension."""


def _embed(world: World, rng: np.random.Generator, seed: int) -> Ends:  # noqa: ARG001
    features, outputs = world.pool.features, world.outputs.shape[1]
    train = world.pool.train
    directions = [spread_directions(n, max(1, n // CROWDING), rng) for n in (features, outputs)]
    return Ends(
        embedded(world.inputs, directions[0], train),
        embedded(world.outputs, directions[1], train),
        measures=tuple(
            (f"{name} overlap", _largest_overlap(u))
            for name, u in zip(("input", "output"), directions, strict=True)
        ),
    )


def _largest_overlap(directions: np.ndarray) -> float:
    """Largest |cosine| of two different directions."""
    cosines = np.abs(directions @ directions.T)
    np.fill_diagonal(cosines, 0.0)
    return float(cosines.max(initial=0.0))


def _run(unit: Unit, settings: Settings) -> Outcome:
    return run_learned(_embed, unit, settings)


register(
    Tier(
        "superposed",
        "Two features per dimension, nearly orthogonal; dictionaries are learned.",
        lambda _: (WORLD.name,),
        _run,
    )
)
