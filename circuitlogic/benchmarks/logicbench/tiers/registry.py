"""Owns the tiers by name: a new one is a file that registers it, and its line in the package."""

from collections.abc import Callable
from dataclasses import dataclass

from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.registry import Registry


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of a run that stands by itself: its result depends on it and on the settings alone."""

    tier: str
    setting: str
    """Condition or parameter of the tier."""
    leak: float
    seed: int

    @property
    def label(self) -> str:
        """For the progress display."""
        return f"{self.tier}, {self.setting}, floor {self.leak:g}, seed {self.seed}"


@dataclass(frozen=True, slots=True)
class Tier:
    """One way of planting, and what is known to the reader."""

    name: str
    meaning: str
    """One sentence."""
    settings: Callable[[Settings], tuple[str, ...]]
    """Names of the conditions or parameters that are run."""
    run: Callable[[Unit, Settings], Outcome]
    floors: bool = True
    """Whether it is run at every noise floor, or only at the lowest."""


_TIERS: Registry[Tier] = Registry("tier")


def register(tier: Tier) -> Tier:
    """Add a tier.

    Raises:
        ConfigError: there is one of this name.
    """
    return _TIERS.add(tier.name, tier)


def tiers_named(names: tuple[str, ...]) -> tuple[Tier, ...]:
    """The tiers of these names, in the order of registration; all, for `all` or none.

    Raises:
        UnknownNameError: there is none of such a name.
    """
    wanted = _TIERS.chosen(name for name in names if name != "all")
    return tuple(tier for tier in _TIERS.values() if "all" in names or tier in wanted)


def units_of(settings: Settings) -> tuple[Unit, ...]:
    """Everything there is to run, in a fixed order."""
    return tuple(
        Unit(tier.name, setting, leak, seed)
        for tier in tiers_named(settings.tiers)
        for leak in (settings.leaks if tier.floors else settings.leaks[:1])
        for setting in tier.settings(settings)
        for seed in settings.seeds
    )


def run_unit(unit: Unit, settings: Settings) -> Outcome:
    """Run one piece."""
    return _TIERS[unit.tier].run(unit, settings)
