"""Owns what a run is asked to do."""

from dataclasses import dataclass, field

from circuitlogic.benchmarks.logicbench.arms import arms_named
from circuitlogic.benchmarks.logicbench.conditions import NO_KNOBS, Knobs, conditions_named
from circuitlogic.benchmarks.logicbench.planted_kinds import kinds_named
from circuitlogic.errors import ConfigError

MOST_INPUTS = 30
DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is planted."""

    samples: int = 30_000
    """For reading, and as many for judging."""
    per_kind: int = 6
    """Cases of each kind in a condition; in tiers with learned features at most 2 share a world."""
    pool: float = 1.0
    """Distractors: 1 makes about 500 input features, of which the gates use some."""
    epochs: int = 20
    """Of the connectors in the trained conditions."""
    world: float = 0.12
    """The same as `pool` for tiers with learned features: about 60 input features."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What is run. Equal settings give equal scores, times aside, on however many processes."""

    seeds: tuple[int, ...] = (101,)
    sizes: Sizes = field(default_factory=Sizes)
    leaks: tuple[float, ...] = (0.0,)
    """Noise floors: weak activations per true firing; summaries are of the lowest."""
    kinds: tuple[str, ...] = ()
    """Names; none: all."""
    conditions: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ("true",)
    knobs: Knobs = NO_KNOBS
    rhos: tuple[float, ...] = (0.8, 0.9, 0.95, 0.98)
    """Tier `twins`: correlation between the firings of an input and of its twin."""
    fan_ins: tuple[int, ...] = (8, 12, 16, 20, 25, 30)
    """Tier `wide`: inputs per gate."""
    depths: tuple[int, ...] = (2, 3, 4)
    """Tier `deep`: layers of gates."""

    def __post_init__(self) -> None:
        """Refuse settings without meaning, and unknown names."""
        kinds_named(self.kinds)
        conditions_named(self.conditions)
        arms_named(self.arms)
        if not self.seeds or min(self.seeds) < 0:
            raise ConfigError(f"seeds {self.seeds}: give at least one, each 0 or more")
        if self.sizes.per_kind < 1 or self.sizes.samples < 1000:
            raise ConfigError(
                f"{self.sizes.per_kind} per kind and {self.sizes.samples} samples: give at least 1 and 1000"
            )
        if not 0 < self.sizes.pool <= 10 or not 0 < self.sizes.world <= 1:
            raise ConfigError(f"pool {self.sizes.pool} and world {self.sizes.world}: give up to 10 and 1")
        if not self.leaks or not all(0 <= leak <= 10 for leak in self.leaks):
            raise ConfigError(f"leaks {self.leaks}: give 0 to 10 weak activations per true firing")
        if not all(0 < rho < 1 for rho in self.rhos):
            raise ConfigError(f"twins {self.rhos}: give correlations between 0 and 1")
        if not all(1 <= n <= MOST_INPUTS for n in self.fan_ins):
            raise ConfigError(f"fan-in {self.fan_ins}: give 1 to {MOST_INPUTS} inputs")
        if not all(2 <= depth <= DEEPEST for depth in self.depths):
            raise ConfigError(f"depth {self.depths}: give 2 to {DEEPEST} layers")
