"""Owns how a report writes a literal."""

import re
from collections.abc import Callable

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import Literal, level_suffix

_READS_AS_LOGIC = re.compile(r"\b(?:AND|OR|NOT|XOR|at least)\b|[()«»]", re.IGNORECASE)


def literal_name(literal: Literal, name: Callable[[FeatureId], str]) -> str:
    """A literal as formulas write it: `former`, `hidden.1/30_high`, `«he or she»`.

    A label that could be read as a part of the formula is quoted.
    """
    label = name(literal.feature)
    if _READS_AS_LOGIC.search(label):
        label = f"«{label.replace('«', '‹').replace('»', '›')}»"
    return label + level_suffix(literal.level)
