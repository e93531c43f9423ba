"""Boolean formulas over feature literals: what they are, what they evaluate to, how they are written.

A formula is a small frozen tree. SymPy, text and JSON are *forms* of it, built on request: a formula is never
parsed from a string, so no foreign text reaches an evaluator.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.features import FeatureId

BoolArray: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, order=True)
class Literal:
    """`feature` is on at `level`: 0 = it fires, 1 = it is high (above the median of its firings), 2 = ..."""

    feature: FeatureId
    level: int = 0


@dataclass(frozen=True, slots=True)
class Const:
    """Always on, or never."""

    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    """On unless `operand` is."""

    operand: "Formula"


@dataclass(frozen=True, slots=True)
class And:
    """All of `operands`."""

    operands: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of `operands`."""

    operands: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Xor:
    """An odd number of `operands`."""

    operands: tuple["Formula", ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """The weights of the operands that are on sum to at least `threshold`; with unit weights,
    `threshold`-of-n."""

    operands: tuple["Formula", ...]
    weights: tuple[int, ...]
    threshold: int

    @property
    def is_count(self) -> bool:
        """Whether every operand counts one: a plain k-of-n."""
        return all(weight == 1 for weight in self.weights)


Formula: TypeAlias = Literal | Const | Not | And | Or | Xor | Vote


def at_least(k: int, operands: tuple[Formula, ...]) -> Vote:
    """At least `k` of `operands`."""
    return Vote(operands, (1,) * len(operands), k)


def literals_of(formula: Formula) -> tuple[Literal, ...]:
    """The distinct literals of `formula`, in the order in which they are written."""
    return tuple(dict.fromkeys(_leaves(formula)))


def _leaves(formula: Formula) -> Iterator[Literal]:
    match formula:
        case Literal():
            yield formula
        case Const():
            return
        case Not(operand):
            yield from _leaves(operand)
        case And(operands) | Or(operands) | Xor(operands) | Vote(operands=operands):
            for operand in operands:
                yield from _leaves(operand)


def evaluate(formula: Formula, on: Mapping[Literal, BoolArray], samples: int) -> BoolArray:
    """The formula's value for every sample.

    Args:
        formula: What to evaluate.
        on: For each literal of the formula, whether it holds, shape [samples].
        samples: Number of samples (needed for constants).

    Raises:
        KeyError: a literal of the formula is missing from `on`.
    """
    match formula:
        case Literal():
            return on[formula]
        case Const(value):
            return np.full(samples, value)
        case Not(operand):
            return ~evaluate(operand, on, samples)
        case And(operands):
            return np.logical_and.reduce([evaluate(f, on, samples) for f in operands])
        case Or(operands):
            return np.logical_or.reduce([evaluate(f, on, samples) for f in operands])
        case Xor(operands):
            return np.logical_xor.reduce([evaluate(f, on, samples) for f in operands])
        case Vote(operands, weights, threshold):
            votes = np.zeros(samples, dtype=np.int64)
            for operand, weight in zip(operands, weights, strict=True):
                votes += weight * evaluate(operand, on, samples)
            return votes >= threshold


def masks(rows: Mapping[Literal, NDArray[np.int64]], samples: int) -> dict[Literal, BoolArray]:
    """Row numbers as Boolean arrays."""
    found: dict[Literal, BoolArray] = {}
    for literal, where in rows.items():
        found[literal] = np.zeros(samples, dtype=np.bool_)
        found[literal][where] = True
    return found


def holds_at_rest(formula: Formula) -> bool:
    """Its value where no literal holds."""
    nothing = np.zeros(1, dtype=np.bool_)
    return bool(evaluate(formula, dict.fromkeys(literals_of(formula), nothing), 1)[0])


def symbol_name(literal: Literal) -> str:
    """A SymPy symbol's name for `literal`: `hidden.1/30` high -> `hidden_1_30_high`."""
    site = "".join(c if c.isalnum() else "_" for c in literal.feature.site)
    return f"{site}_{literal.feature.index}{level_suffix(literal.level)}"


def level_suffix(level: int) -> str:
    """How a magnitude level is written behind a name: nothing, `_high`, `_level2`, ..."""
    return {0: "", 1: "_high"}.get(level, f"_level{level}")


def to_text(formula: Formula, name: Callable[[Literal], str] = symbol_name) -> str:
    """The formula as people write it: `A AND NOT B`, `C OR (A AND B)`, `at least 2 of (A, B, C)`."""
    return _written(formula, name, top=True)


def _written(formula: Formula, name: Callable[[Literal], str], top: bool) -> str:
    match formula:
        case Literal():
            return name(formula)
        case Const(value):
            return "TRUE" if value else "FALSE"
        case Not(operand):
            return f"NOT {_written(operand, name, top=False)}"
        case And(operands):
            text = " AND ".join(_written(f, name, top=False) for f in operands)
        case Or(operands):
            text = " OR ".join(_written(f, name, top=False) for f in operands)
        case Xor(operands):
            text = " XOR ".join(_written(f, name, top=False) for f in operands)
        case Vote(operands, weights, threshold) if formula.is_count:
            return f"at least {threshold} of ({', '.join(_written(f, name, top=True) for f in operands)})"
        case Vote(operands, weights, threshold):
            terms = (
                _written(f, name, top=False) if w == 1 else f"{w} {_written(f, name, top=False)}"
                for f, w in zip(operands, weights, strict=True)
            )
            text = f"{' + '.join(terms)} >= {threshold}"
    return text if top else f"({text})"
