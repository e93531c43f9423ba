"""`rotated`: planted features are orthonormal directions turned at random; both dictionaries are learned."""

import numpy as np

from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.learned import WORLD, Ends, run_learned
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, register
from circuitlogic.benchmarks.logicbench.tiers.world import World, embedded, rotation


def _embed(world: World, rng: np.random.Generator, seed: int) -> Ends:  # noqa: ARG001
    features, outputs = world.pool.features, world.outputs.shape[1]
    train = world.pool.train
    return Ends(
        embedded(world.inputs, rotation(features, features, rng), train),
        embedded(world.outputs, rotation(outputs, outputs, rng), train),
    )


def _run(unit: Unit, settings: Settings) -> Outcome:
    return run_learned(_embed, unit, settings)


register(
    Tier(
        "rotated",
        "Features are rotated into vectors; dictionaries are learned.",
        lambda _: (WORLD.name,),
        _run,
    )
)
