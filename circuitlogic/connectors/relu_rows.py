"""Connectors F_out = ReLU(W F_in + b) with an L1 penalty, in convex form, solved row by row to a certified gap.

Minimised per output, with z = w·x + b: mean of ½ (y - z)² where y > 0 and ½ max(z, 0)² where y = 0, plus
λ Σ price·|w|. That is an upper bound of the ReLU loss, equal to it unless y > 0 and z < 0, and it has one optimum.
The gap is relative to the objective of the row without inputs, ½ Var(y).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from circuitlogic.compiling import COMPILES
from circuitlogic.connectors import relu_block
from circuitlogic.connectors.gram_statistics import checked_pair
from circuitlogic.connectors.lasso import Penalty, SolvedRows, each_above_zero
from circuitlogic.connectors.prices import Prices, equal_prices
from circuitlogic.connectors.products import SparseRows
from circuitlogic.connectors.relu_plain import solve_row_plain
from circuitlogic.connectors.row_blocks import over_row_blocks
from circuitlogic.errors import DataError

_ROUNDS = 60
_TOGETHER = 1 << 22
"""Firings of outputs, or little more, that are held at once while a block of rows is solved: some 50 MB."""

Compressed = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Starts, indices, values."""


@dataclass(frozen=True, slots=True, eq=False)
class ReluSamples:
    """Sparse inputs and outputs in the orders in which a row is solved."""

    samples: int
    x: SparseRows
    """[samples, n_in] CSR."""
    by_sample: Compressed
    by_input: Compressed
    by_output: Compressed
    sums: Float[np.ndarray, " n_in"]

    @property
    def shape(self) -> tuple[int, int]:
        """(n_out, n_in)."""
        return len(self.by_output[0]) - 1, len(self.sums)


def relu_samples(x: np.ndarray | SparseRows, y: np.ndarray | SparseRows) -> ReluSamples:
    """Arrange samples for the solver, inputs in float32, as dictionaries give them.

    Raises:
        DataError: no samples, shapes that do not fit, a number that is not finite, or a negative output.
    """
    rows, outputs = checked_pair(x.astype(np.float32, copy=False), y, x.shape[1], y.shape[1])
    if rows.shape[0] < 1:
        raise DataError("a connector cannot be solved without samples")
    if outputs.nnz and outputs.data.min() < 0:
        raise DataError("an output feature is negative: the ReLU form needs outputs of 0 or above")
    narrow = np.uint16 if rows.shape[1] <= 1 << 16 else np.uint32
    return ReluSamples(
        rows.shape[0],
        rows,
        (rows.indptr.astype(np.int64), rows.indices.astype(narrow), rows.data),
        _by_column(rows),
        _by_column(outputs),
        np.bincount(rows.indices, rows.data, minlength=rows.shape[1]),
    )


def _by_column(rows: SparseRows) -> Compressed:
    """Starts, samples (unsigned: loops need not look for negative indices) and values, column by column."""
    columns = rows.tocsc()
    samples = columns.indices
    short = samples.view(np.uint32) if samples.dtype == np.int32 else samples.astype(np.uint32)
    return columns.indptr.astype(np.int64), short, columns.data


def samples_of(
    chunks: Iterable[tuple[np.ndarray | SparseRows, np.ndarray | SparseRows]], n_in: int, n_out: int
) -> tuple[SparseRows, SparseRows]:
    """All (x, y) chunks as two CSR arrays.

    Raises:
        DataError: a chunk of another shape, or a number that is not finite.
    """
    rows = [checked_pair(x, y, n_in, n_out) for x, y in chunks]
    if not rows:
        return sparse.csr_array((0, n_in)), sparse.csr_array((0, n_out))
    x, y = (sparse.vstack([pair[side] for pair in rows], format="csr") for side in (0, 1))
    return x, y


def solve_relu(
    samples: ReluSamples,
    penalty: Penalty,
    *,
    gap: float = 1e-3,
    prices: Prices | None = None,
    start: tuple[np.ndarray, np.ndarray] | None = None,
    rows: Int[np.ndarray, " rows"] | None = None,
    threads: int = 1,
) -> SolvedRows:
    """Solve rows at one penalty.

    Args:
        samples: All samples.
        penalty: λ, for all rows or one for each.
        gap: Certified gap to reach.
        prices: Per-weight prices and sign constraints.
        start: W and b to start from; the solution of the linear form is a good one.
        rows: Outputs to solve; the others stay as they start.
        threads: Rows solved side by side.

    Raises:
        ConfigError: a penalty or gap that is not above 0.
    """
    n_out, n_in = samples.shape
    prices = prices or equal_prices(n_in)
    weight, bias = (np.zeros((n_out, n_in)), np.zeros(n_out)) if start is None else start
    rows = np.arange(n_out) if rows is None else rows
    penalties = each_above_zero(penalty, gap, n_out)
    task = _Task(samples, prices, penalties, gap, _allowed(weight, prices), bias.copy(), np.zeros(n_out))
    solve = _solve_compiled if COMPILES else _solve_plain
    over_row_blocks(lambda first, last: solve(task, rows[first:last]), len(rows), threads)
    return SolvedRows(penalties, task.weight, task.bias, task.gaps)


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """Rows to be solved; the last three arrays are changed in place."""

    samples: ReluSamples
    prices: Prices
    penalties: Float[np.ndarray, " n_out"]
    gap: float
    weight: Float[np.ndarray, "n_out n_in"]
    bias: Float[np.ndarray, " n_out"]
    gaps: Float[np.ndarray, " n_out"]


def _allowed(weight: np.ndarray, prices: Prices) -> np.ndarray:
    """A copy without the weights whose sign is forbidden."""
    return np.where((weight > 0) & np.isinf(prices.up) | (weight < 0) & np.isinf(prices.down), 0.0, weight)


def _solve_compiled(task: _Task, rows: np.ndarray) -> None:
    samples, prices = task.samples, task.prices
    firings = np.cumsum(np.diff(samples.by_output[0])[rows])
    for part in np.split(rows, np.flatnonzero(np.diff(firings // _TOGETHER)) + 1):
        relu_block.solve_rows(
            samples.by_sample, samples.by_input, samples.by_output, samples.sums, samples.samples, part,
            prices.up, prices.down, task.penalties, task.weight, task.bias, task.gaps, float(task.gap), _ROUNDS,
        )  # fmt: skip


def _solve_plain(task: _Task, rows: np.ndarray) -> None:
    for row in rows.tolist():
        y, up, down = _row_of(task.samples, task.prices, task.penalties, row)
        task.weight[row], task.bias[row], task.gaps[row] = solve_row_plain(
            task.samples.x, y, up, down, (task.weight[row], float(task.bias[row])), task.gap, _ROUNDS
        )


def _row_of(
    samples: ReluSamples, prices: Prices, penalties: np.ndarray, row: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One output on all samples, and what its positive and negative weights cost."""
    starts, own, values = samples.by_output
    y, chosen = np.zeros(samples.samples), slice(starts[row], starts[row + 1])
    y[own[chosen]] = values[chosen]
    priced = row if len(prices.up) > 1 else 0
    return y, penalties[row] * prices.up[priced], penalties[row] * prices.down[priced]


def relu_gaps(
    samples: ReluSamples,
    weight: Float[np.ndarray, "n_out n_in"],
    bias: Float[np.ndarray, " n_out"],
    penalty: Penalty,
    prices: Prices | None = None,
) -> Float[np.ndarray, " n_out"]:
    """The certified gap of any connector, whoever found it, from scratch in plain NumPy.

    The penalised objective at `bias` itself is compared with the dual value of θ made to sum to 0.
    """
    prices = prices or equal_prices(samples.shape[1])
    penalties = each_above_zero(penalty, 1.0, len(weight))
    gaps = np.zeros(len(weight))
    for row in range(len(weight)):
        gaps[row] = _gap_of(
            samples.x, weight[row], float(bias[row]), *_row_of(samples, prices, penalties, row)
        )
    return gaps


def _gap_of(
    x: SparseRows, w: np.ndarray, bias: float, y: np.ndarray, up: np.ndarray, down: np.ndarray
) -> float:
    empty = 0.5 * y.var()
    if empty <= 0:
        return 0.0
    z = x @ w + bias
    theta = np.where(y > 0, y - z, -np.maximum(z, 0.0))
    with np.errstate(invalid="ignore"):
        price = np.where(w > 0, w * up, np.where(w < 0, -w * down, 0.0)).sum()
    primal = 0.5 * (theta**2).mean() + price
    theta[y > 0] -= theta.sum() / np.count_nonzero(y)  # now it sums to 0, as a free bias asks
    q = x.T @ theta / len(y)
    ratio = max(1.0, float(np.max(q / up)), float(np.max(-q / down)))
    along, square = (theta * y).mean(), (theta**2).mean()
    scale = min(max(along / square, 0.0), 1 / ratio) if square > 0 else 1 / ratio
    return float((primal - (scale * along - 0.5 * scale**2 * square)) / empty)
