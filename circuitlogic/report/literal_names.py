"""Owns how a report writes a literal."""

from collections.abc import Callable

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import Literal, level_suffix


def literal_name(literal: Literal, name: Callable[[FeatureId], str]) -> str:
    """A literal as formulas write it: `former`, `hidden.1/30_high`."""
    return name(literal.feature) + level_suffix(literal.level)
