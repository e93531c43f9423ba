"""`random-weights`: the network of tier `sgd` before training. Nothing is planted: what is claimed here is a
property of the method, not of the network."""

import numpy as np

from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.learned import WORLD, Ends, run_learned
from circuitlogic.benchmarks.logicbench.tiers.planted_network import fresh_network, outputs_of
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, register
from circuitlogic.benchmarks.logicbench.tiers.world import World, embedded, rotation


def _embed(world: World, rng: np.random.Generator, seed: int) -> Ends:
    features, train = world.pool.features, world.pool.train
    inputs = embedded(world.inputs, rotation(features, features, rng), train)
    network = fresh_network(features, world.outputs.shape[1], seed).eval()
    made = outputs_of(network, inputs)
    size = float(np.sqrt(np.square(made[:train] - made[:train].mean(0)).mean()))
    return Ends(inputs, made / size, lambda x: network(x) / size, planted=False)


def _run(unit: Unit, settings: Settings) -> Outcome:
    return run_learned(_embed, unit, settings)


register(
    Tier(
        "random-weights",
        "The network of tier sgd with fresh weights; nothing is planted.",
        lambda _: (WORLD.name,),
        _run,
    )
)
