"""Owns the conditions under which gates are planted: magnitudes of features, and where the row comes from."""

from dataclasses import dataclass

from circuitlogic.benchmarks.logicbench.pool import Magnitudes
from circuitlogic.errors import unknown_name


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


_ALL = (
    Condition("planted 0.3", Magnitudes("log-normal", 0.3)),
    Condition("planted 0.5", Magnitudes("log-normal", 0.5)),
    Condition("hostile", Magnitudes("log-normal", 0.3), False, 0.3, (10, 20), 0.4),
    Condition("trained 0.5", Magnitudes("log-normal", 0.5), trained=True),
    Condition("trained exponential", Magnitudes("exponential"), trained=True),
)
CONDITIONS: dict[str, Condition] = {condition.name: condition for condition in _ALL}


def conditions_named(names: tuple[str, ...]) -> tuple[Condition, ...]:
    """The conditions of these names; all, for none.

    Raises:
        UnknownNameError: there is none of such a name.
    """
    for name in names:
        if name not in CONDITIONS:
            raise unknown_name("condition", name, CONDITIONS)
    return tuple(CONDITIONS[name] for name in names) or _ALL
