"""Owns how a report writes a feature's name inside a formula or a sentence."""

import re
from collections.abc import Callable

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import Literal, level_suffix

_NUMBER = re.compile(r" #\d+$")
"""Tells features of one label apart; it belongs to the word before."""
_READS_AS_LOGIC = re.compile(r"\b(?:AND|OR|NOT|XOR)\b|[\s|()«»]", re.IGNORECASE)


def quoted(label: str) -> str:
    """`label` in quotes where it has several words or could be read as a part of the formula: `«he or she»`."""
    if not _READS_AS_LOGIC.search(_NUMBER.sub("", label)):
        return label
    return f"«{label.replace('«', '‹').replace('»', '›')}»"


def literal_name(literal: Literal, name: Callable[[FeatureId], str]) -> str:
    """A literal as formulas write it: `former`, `hidden.1/30_high`, `«after the»_high`."""
    return quoted(name(literal.feature)) + level_suffix(literal.level)
