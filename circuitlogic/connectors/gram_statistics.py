"""The sufficient statistics of all linear connectors between two sites: sums over samples that can be added.

Chunks, workers and folds each have theirs; their sum is that of one pass, and a fold is left out by subtracting it.
Size: n_in² + n_in · n_out numbers, whatever the number of samples.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from circuitlogic.connectors.products import SparseRows, add_product, add_square, as_sparse_rows, mirror
from circuitlogic.errors import DataError

FOLD_BLOCK = 64
"""So many consecutive samples stay in one fold, since neighbours (tokens of a text) are alike."""
_CONSTANT = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class GramStatistics:
    """Sums over samples of inputs x and outputs y, in float64."""

    samples: int
    x: Float[np.ndarray, " n_in"]
    y: Float[np.ndarray, " n_out"]
    yy: Float[np.ndarray, " n_out"]
    """Σ y², output by output."""
    xx: Float[np.ndarray, "n_in n_in"]
    yx: Float[np.ndarray, "n_out n_in"]

    def __add__(self, other: "GramStatistics") -> "GramStatistics":
        """Statistics of both sets of samples."""
        return GramStatistics(
            self.samples + other.samples,
            self.x + other.x,
            self.y + other.y,
            self.yy + other.yy,
            self.xx + other.xx,
            self.yx + other.yx,
        )

    def __sub__(self, other: "GramStatistics") -> "GramStatistics":
        """Statistics without the samples of `other`, which must be among these."""
        return GramStatistics(
            self.samples - other.samples,
            self.x - other.x,
            self.y - other.y,
            self.yy - other.yy,
            self.xx - other.xx,
            self.yx - other.yx,
        )

    def rows(self, outputs: slice | np.ndarray) -> "GramStatistics":
        """Statistics of some outputs."""
        return GramStatistics(
            self.samples, self.x, self.y[outputs], self.yy[outputs], self.xx, self.yx[outputs]
        )


@dataclass(frozen=True, slots=True, eq=False)
class CentredProblem:
    """Means of products of centred inputs and outputs: least squares with a free bias.

    With residual r = y - Wx - b and the best b, mean ½r² = ½ (energy - 2 w·cross + w·gram·w), row by row.
    """

    gram: Float[np.ndarray, "n_in n_in"]
    cross: Float[np.ndarray, "n_out n_in"]
    energy: Float[np.ndarray, " n_out"]
    """Variance of each output: twice the objective of an empty row."""
    mean_x: Float[np.ndarray, " n_in"]
    mean_y: Float[np.ndarray, " n_out"]

    def bias(self, weight: Float[np.ndarray, "n_out n_in"]) -> Float[np.ndarray, " n_out"]:
        """The best bias for `weight`."""
        return self.mean_y - weight @ self.mean_x


def centred(s: GramStatistics) -> CentredProblem:
    """The problem of these samples; inputs and outputs that are constant in them count as empty.

    Raises:
        DataError: there are no samples.
    """
    if s.samples < 1:
        raise DataError("a connector cannot be solved without samples")
    mean_x, mean_y = s.x / s.samples, s.y / s.samples
    gram = s.xx / s.samples - np.outer(mean_x, mean_x)
    cross = s.yx / s.samples - np.outer(mean_y, mean_x)
    energy = s.yy / s.samples - mean_y**2
    constant = np.diag(gram) <= _CONSTANT * np.diag(s.xx) / s.samples
    gram[constant, :] = gram[:, constant] = cross[:, constant] = 0.0
    silent = energy <= _CONSTANT * s.yy / s.samples
    cross[silent], energy[silent] = 0.0, 0.0
    return CentredProblem(gram, cross, energy, mean_x, mean_y)


def mean_squared_error(
    s: GramStatistics, weight: Float[np.ndarray, "n_out n_in"], bias: Float[np.ndarray, " n_out"]
) -> Float[np.ndarray, " n_out"]:
    """Mean (y - Wx - b)² over the samples of `s`, output by output, without seeing a sample."""
    n = max(s.samples, 1)
    linear = np.einsum("oi,oi->o", weight, s.yx) + bias * s.y
    square = np.einsum("oi,oi->o", weight @ s.xx, weight) + 2 * bias * (weight @ s.x) + n * bias**2
    return np.maximum(s.yy - 2 * linear + square, 0.0) / n


def empty_statistics(n_in: int, n_out: int) -> GramStatistics:
    """Of no samples."""
    return GramStatistics(
        0, np.zeros(n_in), np.zeros(n_out), np.zeros(n_out), np.zeros((n_in, n_in)), np.zeros((n_out, n_in))
    )


def gram_statistics(
    chunks: Iterable[tuple[np.ndarray | SparseRows, np.ndarray | SparseRows]],
    n_in: int,
    n_out: int,
    folds: int = 1,
) -> tuple[GramStatistics, ...]:
    """One pass over (x, y) chunks, dense or sparse rows; samples go to folds in blocks of 64, in turn.

    Returns:
        The statistics of each fold; their sum is that of all samples.

    Raises:
        DataError: a chunk of another shape, or a number that is not finite.
    """
    sums = [_Sums(n_in, n_out) for _ in range(folds)]
    seen = 0
    for x, y in chunks:
        rows = checked_pair(x, y, n_in, n_out)
        fold = fold_of(np.arange(seen, seen + rows[0].shape[0]), folds)
        for number, own in enumerate(sums):
            chosen = fold == number
            if chosen.all():
                own.add(*rows)
            elif chosen.any():
                own.add(rows[0][chosen], rows[1][chosen])
        seen += rows[0].shape[0]
    return tuple(own.finish() for own in sums)


def fold_of(samples: np.ndarray, folds: int) -> np.ndarray:
    """The fold of each sample number."""
    return samples // FOLD_BLOCK % folds


def checked_pair(
    x: np.ndarray | SparseRows, y: np.ndarray | SparseRows, n_in: int, n_out: int
) -> tuple[SparseRows, SparseRows]:
    """Both sides as sparse rows.

    Raises:
        DataError: another shape, or a number that is not finite.
    """
    rows = as_sparse_rows(x), as_sparse_rows(y)
    shapes, wanted = (rows[0].shape, rows[1].shape), ((rows[0].shape[0], n_in), (rows[0].shape[0], n_out))
    if shapes != wanted:
        raise DataError(
            f"features of shapes {shapes[0]} and {shapes[1]}: expected {wanted[0]} and {wanted[1]}"
        )
    if not (np.isfinite(rows[0].data).all() and np.isfinite(rows[1].data).all()):
        raise DataError("a feature is NaN or infinite: the dictionary that made it is damaged")
    return rows


class _Sums:
    """Statistics while they are added up; XᵀY is kept input by input, as the kernel writes it."""

    def __init__(self, n_in: int, n_out: int) -> None:
        self.samples = 0
        self.x, self.y, self.yy = np.zeros(n_in), np.zeros(n_out), np.zeros(n_out)
        self.xx, self.xy = np.zeros((n_in, n_in)), np.zeros((n_in, n_out))

    def add(self, x: SparseRows, y: SparseRows) -> None:
        self.samples += x.shape[0]
        self.x += _column_sums(x, x.data)
        self.y += _column_sums(y, y.data)
        self.yy += _column_sums(y, np.square(y.data, dtype=np.float64))
        add_square(x, self.xx)
        add_product(x, y, self.xy)

    def finish(self) -> GramStatistics:
        return GramStatistics(
            self.samples, self.x, self.y, self.yy, mirror(self.xx), np.ascontiguousarray(self.xy.T)
        )


def _column_sums(rows: Any, values: np.ndarray) -> np.ndarray:
    return np.bincount(rows.indices, values, minlength=rows.shape[1])


def total(folds: Sequence[GramStatistics]) -> GramStatistics:
    """The statistics of all folds together."""
    whole = folds[0]
    for fold in folds[1:]:
        whole = whole + fold
    return whole
