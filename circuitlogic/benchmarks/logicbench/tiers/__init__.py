"""The tiers of LogicBench. A new tier is a file that registers it, and its line here; the order is that of
reports."""

from circuitlogic.benchmarks.logicbench.tiers import (  # isort: skip
    true,
    rotated,
    superposed,
    sgd,
    random_weights,
    twins,
    wide,
    deep,
    coverage,
)
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, run_unit, tiers_named, units_of

__all__ = [
    "Tier",
    "Unit",
    "coverage",
    "deep",
    "random_weights",
    "rotated",
    "run_unit",
    "sgd",
    "superposed",
    "tiers_named",
    "true",
    "twins",
    "units_of",
    "wide",
]
