"""`sgd`: a ReLU network is trained by gradient descent to compute the planted gates; its own outputs are read."""

import numpy as np

from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.learned import WORLD, Ends, run_learned
from circuitlogic.benchmarks.logicbench.tiers.planted_network import outputs_of, trained_network
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, register
from circuitlogic.benchmarks.logicbench.tiers.world import World, embedded, rotation


def _embed(world: World, rng: np.random.Generator, seed: int) -> Ends:
    features, outputs, train = world.pool.features, world.outputs.shape[1], world.pool.train
    inputs = embedded(world.inputs, rotation(features, features, rng), train)
    targets = embedded(world.clean_outputs, rotation(outputs, outputs, rng), train)
    network = trained_network(inputs[:train], targets[:train], seed)
    made = outputs_of(network, inputs)
    error = np.square(made[train:] - targets[train:]).sum()
    spread = np.square(targets[train:] - targets[train:].mean(0)).sum()
    return Ends(inputs, made, network, measures=(("network R2", float(1 - error / spread)),))


def _run(unit: Unit, settings: Settings) -> Outcome:
    return run_learned(_embed, unit, settings)


register(
    Tier(
        "sgd",
        "A ReLU network learns the gates by gradient descent; dictionaries of its inputs and outputs are learned.",
        lambda _: (WORLD.name,),
        _run,
    )
)
