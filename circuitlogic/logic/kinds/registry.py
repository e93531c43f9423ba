"""Owns the registry of gate kinds: what a kind is, which one a formula has,
and how a gate is said in words."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from circuitlogic.features import FeatureId
from circuitlogic.logic.canonical import Written, canonical
from circuitlogic.logic.formula import Formula
from circuitlogic.logic.gate import Gate
from circuitlogic.registry import Registry

Label: TypeAlias = Callable[[FeatureId], str]
"""What people call a feature. The text is foreign: whoever writes it into markup escapes it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of gate."""

    name: str
    meaning: str
    """One sentence."""
    box: Callable[[Formula | None], str]
    """What an IEC 60617-12 box of this kind is labelled with."""
    sentence: Callable[[Gate, Label], str]
    """A gate of this kind in plain English."""
    matches: Callable[[Formula], bool] | None = None
    """Whether a canonical formula is of this kind; None where evidence decides, not the formula."""


_KINDS: Registry[Kind] = Registry("gate kind")


def register(kind: Kind) -> Kind:
    """Add a kind; of kinds that match a formula, the first registered is its kind.

    Raises:
        ConfigError: there is one of this name.
    """
    kind_of_written.cache_clear()
    return _KINDS.add(kind.name, kind)


def all_kinds() -> tuple[Kind, ...]:
    """Every kind, in the order of registration."""
    return tuple(_KINDS.values())


def kind_named(name: str) -> Kind:
    """The kind called `name`.

    Raises:
        UnknownNameError: there is none.
    """
    return _KINDS[name]


def kind_of(formula: Formula) -> str:
    """Name of the kind of a formula's function, however the formula is written."""
    return kind_of_canonical(canonical(formula))


def kind_of_canonical(formula: Formula) -> str:
    """Name of the kind of a formula that is in canonical form."""
    for kind in _KINDS.values():
        if kind.matches is not None and kind.matches(formula):
            return kind.name
    return "mixed-sign"


@lru_cache(maxsize=65536)
def kind_of_written(written: Written) -> str:
    """The same of its form: whatever literals take its places. Few forms occur, in many rows."""
    return kind_of_canonical(written.form)


def describe(gate: Gate, label: Label) -> str:
    """The gate in one plain English phrase, with `label` naming features."""
    return kind_named(gate.kind).sentence(gate, label)
