"""Owns the conditions under which gates are planted, and the knobs that change them."""

from dataclasses import dataclass, replace

from circuitlogic.benchmarks.logicbench.pool import Magnitudes, Rates
from circuitlogic.errors import ConfigError, unknown_name
from circuitlogic.registry import Registry


@dataclass(frozen=True, slots=True)
class Condition:
    """One setting of the benchmark."""

    name: str
    magnitudes: Magnitudes
    trained: bool = False
    """The output is the gate in graded form and the row a connector trained on the sample; else the output is
    a ReLU row and the reader sees that row with noise."""
    weight_noise: float = 0.1
    """Spread of the factor on each planted weight."""
    spurious: tuple[int, int] = (6, 14)
    """Fewest and most weights of inputs that do nothing."""
    spurious_weight: float = 0.14
    """Largest of them, in typical firings."""
    rates: Rates | None = None
    """Lowest and highest firing rate of a group of inputs; None: each kind of group has its own."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """What to change in every condition; None leaves it."""

    magnitudes: Magnitudes | None = None
    rates: Rates | None = None
    weight_noise: float | None = None
    spurious: tuple[int, int] | None = None
    spurious_weight: float | None = None

    def __post_init__(self) -> None:
        """Refuse values without meaning."""
        if self.rates is not None and not 0 < self.rates[0] <= self.rates[1] <= 0.5:
            raise ConfigError(f"rates {self.rates}: give a lowest and a highest between 0 and 0.5")
        if self.spurious is not None and not 0 <= self.spurious[0] <= self.spurious[1]:
            raise ConfigError(f"spurious {self.spurious}: give a fewest and a most, 0 or more")
        if min(self.weight_noise or 0.0, self.spurious_weight or 0.0) < 0:
            raise ConfigError("weight noise and spurious weight must be 0 or more")

    def turned(self, condition: Condition) -> Condition:
        """`condition` with these values in place of its own."""
        return replace(
            condition,
            magnitudes=self.magnitudes or condition.magnitudes,
            rates=self.rates or condition.rates,
            weight_noise=condition.weight_noise if self.weight_noise is None else self.weight_noise,
            spurious=self.spurious or condition.spurious,
            spurious_weight=condition.spurious_weight
            if self.spurious_weight is None
            else self.spurious_weight,
        )


NO_KNOBS = Knobs()
SHAPES = ("log-normal", "exponential")

_ALL = (
    Condition("planted 0.3", Magnitudes("log-normal", 0.3)),
    Condition("planted 0.5", Magnitudes("log-normal", 0.5)),
    Condition("hostile", Magnitudes("log-normal", 0.3), False, 0.3, (10, 20), 0.4),
    Condition("trained 0.5", Magnitudes("log-normal", 0.5), trained=True),
    Condition("trained exponential", Magnitudes("exponential"), trained=True),
)
CONDITIONS = Registry("condition", {condition.name: condition for condition in _ALL})


def conditions_named(names: tuple[str, ...]) -> tuple[Condition, ...]:
    """The conditions of these names; all, for none.

    Raises:
        UnknownNameError: there is none of such a name.
    """
    return CONDITIONS.chosen(names)


def magnitudes_named(text: str) -> Magnitudes:
    """`log-normal:0.5` or `exponential` as magnitudes.

    Raises:
        ConfigError: another shape, or a spread that is no positive number.
    """
    shape, _, spread = text.partition(":")
    if shape not in SHAPES:
        raise unknown_name("magnitude distribution", shape, dict.fromkeys(SHAPES))
    try:
        value = float(spread or "1")
    except ValueError:
        value = 0.0
    if value <= 0:
        raise ConfigError(f"magnitudes {text!r}: write log-normal:0.5 or exponential")
    return Magnitudes(shape, value)
