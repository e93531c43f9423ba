"""Owns the tiers by name: a new one is a file that registers it, and its line in the package."""

from collections.abc import Callable
from dataclasses import dataclass

from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.errors import ConfigError, unknown_name


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


_TIERS: dict[str, Tier] = {}


def register(tier: Tier) -> Tier:
    """Add a tier.

    Raises:
        ConfigError: there is one of this name.
    """
    if tier.name in _TIERS:
        raise ConfigError(f"benchmark tier {tier.name!r} is registered twice: choose another name")
    _TIERS[tier.name] = tier
    return tier


def tiers_named(names: tuple[str, ...]) -> tuple[Tier, ...]:
    """The tiers of these names, in the order of registration; all, for `all` or none.

    Raises:
        UnknownNameError: there is none of such a name.
    """
    for name in names:
        if name not in _TIERS and name != "all":
            raise unknown_name("tier", name, _TIERS)
    wanted = set(_TIERS) if not names or "all" in names else set(names)
    return tuple(tier for name, tier in _TIERS.items() if name in wanted)


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
