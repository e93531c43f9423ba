"""Owns the planted input features: when they fire (alone, together, exclusively, nested), how strongly, and
the floor of weak activations under them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
import scipy.sparse

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray

Rates: TypeAlias = tuple[float, float]
"""Lowest and highest firing rate."""

LOWEST_RATE, HIGHEST_RATE = 2e-3, 0.15
_TOKENS = 6
_TOGETHER, _INSIDE = 0.15, 0.98
"""Correlation from which features fire together; share of a part's firings within its whole."""
_WIDE_RATES = (0.03, 0.12)
_FLOOR = 0.05
"""Spread of the weak activations of the noise floor, in typical firings."""


@dataclass(frozen=True, slots=True)
class Magnitudes:
    """How strongly a feature fires, before its own scale."""

    shape: str
    """`log-normal` or `exponential`."""
    spread: float = 1.0
    """Standard deviation of the logarithm; unused for `exponential`."""

    def draw(self, size: int, rng: np.random.Generator) -> FloatArray:
        """[size] activations, all above 0."""
        if self.shape == "exponential":
            return rng.exponential(size=size)
        return np.exp(self.spread * rng.standard_normal(size))


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Sparse features on N samples, of which the first `train` are for reading and the rest for judging."""

    clean: scipy.sparse.csc_array
    """[N, features] activations without the noise floor: what gates are planted on."""
    observed: scipy.sparse.csc_array
    """[N, features] activations with the noise floor: what a reader sees."""
    groups: dict[str, tuple[tuple[int, ...], ...]]
    """`cofiring`, `exclusive`, `nested` (whole first, its parts after) and `single` features, by index."""
    means: FloatArray
    """[features] mean of the positive clean activations."""
    train: int

    @property
    def samples(self) -> int:
        """N, both parts together."""
        return size_of(self.clean)[0]

    @property
    def features(self) -> int:
        """Number of features."""
        return size_of(self.clean)[1]


def draw_pool(
    samples: int,
    magnitudes: Magnitudes,
    leak: float,
    rng: np.random.Generator,
    size: float = 1.0,
    rates: Rates | None = None,
) -> Pool:
    """About 500 x `size` features on 2 x `samples` samples.

    Args:
        samples: In each of the two parts.
        magnitudes: Of every firing; each feature has its own scale besides.
        leak: Weak activations per true firing, on samples where the feature is off.
        rng: Where all of it is drawn from.
        size: Scales the number of groups.
        rates: Lowest and highest firing rate of a group; None: each group's own range, .002 to .15 in all.
    """
    columns: list[IntArray] = []
    groups: dict[str, tuple[tuple[int, ...], ...]] = {}
    for name, (count, own, draw) in _GROUPS.items():
        found: list[tuple[int, ...]] = []
        for _ in range(max(2, round(count * size))):
            fires = draw(2 * samples, rates or own, rng)
            found.append(tuple(range(len(columns), len(columns) + fires.shape[1])))
            columns += [np.flatnonzero(fires[:, i]) for i in range(fires.shape[1])]
        groups[name] = tuple(found)
    return _pool(columns, groups, magnitudes, leak, samples, rng)


def draw_wide_pool(
    samples: int, inputs: int, groups: int, magnitudes: Magnitudes, leak: float, rng: np.random.Generator
) -> Pool:
    """`groups` groups (`wide`) of `inputs` features that fire together, each in about a third of its group's
    samples and sometimes alone, on 2 x `samples` samples."""
    columns: list[IntArray] = []
    for _ in range(groups):
        rate = _log_uniform(_WIDE_RATES, rng)
        together = rng.random((2 * samples, 1)) < rate
        inside = rng.random((2 * samples, inputs)) < rng.uniform(0.2, 0.5, inputs)
        alone = rng.random((2 * samples, inputs)) < rate * rng.uniform(0.02, 0.1, inputs)
        fires = (together & inside) | alone
        columns += [np.flatnonzero(fires[:, i]) for i in range(inputs)]
    members = tuple(tuple(range(g * inputs, (g + 1) * inputs)) for g in range(groups))
    return _pool(columns, {"wide": members}, magnitudes, leak, samples, rng)


def _pool(
    columns: list[IntArray],
    groups: dict[str, tuple[tuple[int, ...], ...]],
    magnitudes: Magnitudes,
    leak: float,
    samples: int,
    rng: np.random.Generator,
) -> Pool:
    """Activations for firings."""
    total = 2 * samples
    values = [np.exp(0.5 * rng.standard_normal()) * magnitudes.draw(c.size, rng) for c in columns]
    means = np.array([float(v.mean()) if v.size else 1.0 for v in values])
    clean = _matrix(columns, values, total)
    if leak > 0:
        leaks = [
            with_floor(c, v, m, total, leak, rng) for c, v, m in zip(columns, values, means, strict=True)
        ]
        observed = _matrix([c for c, _ in leaks], [v for _, v in leaks], total)
    else:
        observed = clean
    return Pool(clean, observed, groups, means, samples)


def with_floor(
    where: IntArray, values: FloatArray, mean: float, samples: int, leak: float, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """A feature's firings and, elsewhere, about `leak` times as many weak activations; samples ascending."""
    extra = np.setdiff1d(rng.integers(samples, size=rng.poisson(leak * where.size)), where)
    weak = np.abs(rng.normal(0.0, _FLOOR * mean, extra.size))
    both = np.concatenate((where, extra))
    order = np.argsort(both, kind="stable")
    return both[order], np.concatenate((values, weak))[order]


def observed_output(target: FloatArray, leak: float, rng: np.random.Generator) -> FloatArray:
    """[N] an output with its own noise floor; as it is, where it fires on most samples or on none."""
    where = np.flatnonzero(target > 0)
    if leak == 0 or not where.size or 2 * where.size > target.size:
        return target
    values = target[where]
    there, value = with_floor(where, values, float(values.mean()), target.size, leak, rng)
    observed = np.zeros(target.size)
    observed[there] = value
    return observed


def size_of(matrix: scipy.sparse.csc_array) -> tuple[int, int]:
    """Rows and columns."""
    return cast("tuple[int, int]", matrix.shape)


def column(matrix: scipy.sparse.csc_array, at: int) -> FloatArray:
    """[N] one feature's activations."""
    dense = np.zeros(size_of(matrix)[0])
    span = slice(int(matrix.indptr[at]), int(matrix.indptr[at + 1]))
    dense[matrix.indices[span]] = matrix.data[span]
    return dense


def _matrix(columns: list[IntArray], values: list[FloatArray], samples: int) -> scipy.sparse.csc_array:
    starts = np.concatenate(([0], np.cumsum([c.size for c in columns])))
    data, indices = np.concatenate(values), np.concatenate(columns)
    return scipy.sparse.csc_array((data, indices, starts), shape=(samples, len(columns)))


def _log_uniform(rates: Rates, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(rates[0]), np.log(rates[1]))))


def _cofiring(samples: int, rates: Rates, rng: np.random.Generator) -> BoolArray:
    """3 to 6 features, each on in a good part of the group's samples, and sometimes alone."""
    rate = _log_uniform(rates, rng)
    together = rng.random((samples, 1)) < rate
    count = int(rng.integers(3, 7))
    inside = rng.random((samples, count)) < rng.uniform(0.35, 0.85, count)
    alone = rng.random((samples, count)) < rate * rng.uniform(0.05, 0.25, count)
    return (together & inside) | alone


def _exclusive(samples: int, rates: Rates, rng: np.random.Generator) -> BoolArray:
    """6 features like tokens: at most one at a time."""
    shares = rng.uniform(0.3, 1.0, _TOKENS)
    edges = np.cumsum(shares / shares.sum()) * min(_TOKENS * _log_uniform(rates, rng), 0.9)
    return np.searchsorted(edges, rng.random(samples))[:, None] == np.arange(_TOKENS)


def _nested(samples: int, rates: Rates, rng: np.random.Generator) -> BoolArray:
    """A whole and two features that fire only inside it."""
    whole = rng.random((samples, 1)) < _log_uniform(rates, rng)
    parts = rng.random((samples, 2)) < rng.uniform(0.2, 0.7, 2)
    return np.hstack([whole, whole & parts])


def _single(samples: int, rates: Rates, rng: np.random.Generator) -> BoolArray:
    return rng.random((samples, 1)) < _log_uniform(rates, rng)


_GROUPS: dict[str, tuple[int, Rates, Callable[[int, Rates, np.random.Generator], BoolArray]]] = {
    "cofiring": (44, (0.01, 0.12), _cofiring),
    "exclusive": (16, (0.05 / _TOKENS, 0.4 / _TOKENS), _exclusive),
    "nested": (24, (0.02, HIGHEST_RATE), _nested),
    "single": (120, (LOWEST_RATE, HIGHEST_RATE), _single),
}


def grouped(fires: BoolArray) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Groups as `Pool.groups` has them, found among features [N, m] that fire as they do."""
    rates = fires.mean(0)
    joint = (fires.T.astype(np.float32) @ fires.astype(np.float32)).astype(np.float64) / fires.shape[0]
    spread = np.sqrt(np.outer(rates * (1 - rates), rates * (1 - rates)))
    phi = (joint - np.outer(rates, rates)) / np.maximum(spread, 1e-12)
    np.fill_diagonal(phi, 0.0)
    inside = joint / np.maximum(rates[:, None], 1e-12)
    features = range(rates.size)
    together = (_with(i, np.argsort(-phi[i], kind="stable")[:5], phi[i] >= _TOGETHER) for i in features)
    nested = (_with(i, np.argsort(-rates, kind="stable"), inside[:, i] >= _INSIDE) for i in features)
    return {
        "cofiring": tuple(group for group in together if len(group) > 1),
        "exclusive": tuple(group for group in (_apart(i, joint) for i in features) if len(group) > 1),
        "nested": tuple(group for group in nested if len(group) > 1),
        "single": tuple((i,) for i in features),
    }


def _with(first: int, others: IntArray, belongs: BoolArray) -> tuple[int, ...]:
    return (first, *(int(i) for i in others if belongs[i] and i != first))


def _apart(first: int, joint: FloatArray) -> tuple[int, ...]:
    """`first` and features after it that never fire with one another."""
    group = [first]
    for other in range(first + 1, joint.shape[0]):
        if not joint[other, group].any():
            group.append(other)
    return tuple(group)
