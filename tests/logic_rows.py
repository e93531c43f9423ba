"""What the tests of the logic engine are given: synthetic rows with a planted output, and random formulas."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from hypothesis import strategies as st
from numpy.typing import NDArray

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.canonical import table_of
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, literals_of

N = 24_000
"""Samples of a synthetic row."""
FAST = ReadingOptions(bootstrap=50)
Truth = Callable[[NDArray[np.bool_]], NDArray[np.bool_]]


def feature(index: int) -> FeatureId:
    """Input feature `index`."""
    return FeatureId("in", index)


def literal(index: int, level: int = 0) -> Literal:
    """Literal of input feature `index`."""
    return Literal(feature(index), level)


@dataclass(frozen=True)
class Planted:
    """A row and the two sets of activations it was made from."""

    row: Row
    train: Activity
    heldout: Activity


def cofiring(samples: int, inputs: int, rng: np.random.Generator, rate: float = 0.5) -> NDArray[np.bool_]:
    """Inputs that fire mostly together: each at `rate` within a third of the samples."""
    return (rng.random((samples, inputs)) < rate) & (rng.random((samples, 1)) < 0.35)


def exclusive(samples: int, inputs: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Inputs like tokens: at most one at a time."""
    return rng.integers(4 * inputs, size=(samples, 1)) == np.arange(inputs)


def nested(samples: int, inputs: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Input 1 fires only where input 0 does; others by themselves."""
    on = rng.random((samples, inputs)) < 0.12
    on[:, 1] = on[:, 0] & (rng.random(samples) < 0.4)
    return on


def magnitudes(on: NDArray[np.bool_], rng: np.random.Generator, spread: float = 0.3) -> NDArray[np.float64]:
    """Log-normal activations where `on`."""
    return on * np.exp(spread * rng.standard_normal(on.shape))


def row_of(
    values: NDArray[np.float64],
    target: NDArray[np.float64],
    weights: Sequence[float],
    bias: float,
    index: int = 0,
) -> Planted:
    """A row with raw `weights` over all `values` columns; the first half of the samples trains."""
    raw = np.asarray(weights, dtype=np.float64)
    fired = (values > 0).sum(axis=0)
    scales = values.sum(axis=0) / np.maximum(fired, 1)
    positive = target[target > 0]
    scale = float(positive.mean()) if positive.size else 1.0
    predicted = np.maximum(values @ raw + bias, 0.0)
    sources = tuple(feature(i) for i in range(values.shape[1]))
    row = Row(FeatureId("out", index), sources, raw * scales / scale, raw, bias, scale, scales)
    half = values.shape[0] // 2

    def part(span: slice) -> Activity:
        return Activity(scipy.sparse.csc_array(values[span]), target[span], predicted[span])

    return Planted(row, part(slice(0, half)), part(slice(half, None)))


def planted(
    on: NDArray[np.bool_],
    truth: Truth,
    weights: Sequence[float],
    bias: float,
    rng: np.random.Generator,
    spurious: int = 6,
    missed: float = 0.01,
) -> Planted:
    """The gate `truth` over the columns of `on`, its row `weights`,
    and `spurious` more inputs of small weight."""
    others = rng.random((on.shape[0], spurious)) < rng.uniform(0.01, 0.1, spurious)
    values = magnitudes(np.hstack([on, others]), rng)
    fires = truth(on) & (rng.random(on.shape[0]) >= missed)
    size = np.maximum(values[:, : on.shape[1]].max(axis=1, initial=0.0), 0.5)
    small = rng.uniform(-0.1, 0.1, spurious)
    return row_of(values, fires * size, [*weights, *small], bias)


LITERALS = tuple(literal(i) for i in range(5))

Spec = tuple[str, Any]
"""A formula in plain tuples, so that strategies draw nothing that is type-checked at random."""


def _joined(parts: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
    several = st.lists(parts, min_size=1, max_size=4)
    weighed = st.lists(st.tuples(parts, st.integers(-2, 3)), min_size=1, max_size=4)
    return st.one_of(
        st.tuples(st.just("not"), parts),
        st.tuples(st.sampled_from(["and", "or", "xor"]), several),
        st.tuples(st.just("vote"), st.tuples(weighed, st.integers(-3, 6))),
    )


specs = st.recursive(
    st.one_of(
        st.tuples(st.just("literal"), st.integers(0, 4)),
        st.tuples(st.just("const"), st.booleans()),
    ),
    _joined,
    max_leaves=9,
)


def formula_made(spec: Spec) -> Formula:
    """The formula that `spec` describes."""
    name, content = spec
    if name == "literal":
        return LITERALS[content]
    if name == "const":
        return Const(content)
    if name == "not":
        return Not(formula_made(content))
    if name == "vote":
        members, threshold = content
        return Vote(tuple(formula_made(f) for f, _ in members), tuple(w for _, w in members), threshold)
    return {"and": And, "or": Or, "xor": Xor}[name](tuple(formula_made(f) for f in content))


def same(first: Formula | None, second: Formula) -> bool:
    """Whether two formulas are one function."""
    if first is None:
        return False
    literals = tuple(dict.fromkeys((*literals_of(first), *literals_of(second))))
    return bool((table_of(first, literals) == table_of(second, literals)).all())
