"""Linear connectors with an L1 penalty, solved row by row on sufficient statistics to a certified gap.

Minimised per output: mean ½ (y - w·x - b)² + λ Σ price·|w|, over w and the unpenalised b.
The gap is relative to the objective of the empty row, ½ Var(y): 1e-4 certifies that no connector explains more than
0.01 % of the variance better at this penalty.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from circuitlogic.connectors import lasso_kernel
from circuitlogic.connectors.gram_statistics import CentredProblem
from circuitlogic.connectors.prices import Prices, equal_prices
from circuitlogic.connectors.row_blocks import over_row_blocks
from circuitlogic.errors import ConfigError

_ROUNDS = 100


@dataclass(frozen=True, slots=True, eq=False)
class SolvedRows:
    """A penalised connector and its certificate."""

    penalties: Float[np.ndarray, " n_out"]
    """λ of each row."""
    weight: Float[np.ndarray, "n_out n_in"]
    """Exact zeros are absent edges."""
    bias: Float[np.ndarray, " n_out"]
    gaps: Float[np.ndarray, " n_out"]
    """Certified bound on (objective - optimum) / objective of the empty row."""


Penalty: TypeAlias = float | Float[np.ndarray, " n_out"]
"""One λ for all rows, or one for each."""


def solve_lasso(
    problem: CentredProblem,
    penalty: Penalty,
    *,
    gap: float = 1e-6,
    prices: Prices | None = None,
    threads: int = 1,
) -> SolvedRows:
    """Solve all rows at one penalty.

    Raises:
        ConfigError: a penalty or gap that is not above 0.
    """
    return next(lasso_path(problem, (penalty,), gap=gap, prices=prices, threads=threads))


def lasso_path(
    problem: CentredProblem,
    penalties: Iterable[Penalty],
    *,
    gap: float = 1e-6,
    prices: Prices | None = None,
    threads: int = 1,
) -> Iterator[SolvedRows]:
    """Solve all rows at each penalty in turn, each from the solution before it: largest penalty first is fastest.

    Raises:
        ConfigError: a penalty or gap that is not above 0.
    """
    prices = prices or equal_prices(len(problem.gram))
    weight = np.zeros(problem.cross.shape)
    q = problem.cross.copy()
    for penalty in penalties:
        own = each_above_zero(penalty, gap, len(weight))
        gaps = np.zeros(len(weight))
        _solve(problem, own, gap, prices, weight, q, gaps, threads)
        yield SolvedRows(own, weight.copy(), problem.bias(weight), gaps)


def each_above_zero(penalty: Penalty, gap: float, rows: int) -> Float[np.ndarray, " n_out"]:
    """λ of every row.

    Raises:
        ConfigError: a penalty or gap that is not above 0.
    """
    own = np.broadcast_to(np.asarray(penalty, np.float64), (rows,)).copy()
    if not (own > 0).all() or not np.isfinite(own).all() or not gap > 0:
        raise ConfigError(f"penalty {own.min(initial=np.inf):g} and gap {gap:g}: both must be above 0")
    return own


def _solve(
    problem: CentredProblem,
    penalties: np.ndarray,
    gap: float,
    prices: Prices,
    weight: np.ndarray,
    q: np.ndarray,
    gaps: np.ndarray,
    threads: int,
) -> None:
    """Change weight, q and gaps in place, block of rows by block of rows."""

    def block(first: int, last: int) -> None:
        rows = slice(first, last)
        own = prices.rows(rows)
        lasso_kernel.solve_rows(
            problem.gram, problem.cross[rows], problem.energy[rows], own.up, own.down, penalties[rows],
            weight[rows], q[rows], gaps[rows], float(gap), _ROUNDS,
        )  # fmt: skip

    over_row_blocks(block, len(weight), threads)


def largest_penalties(problem: CentredProblem, prices: Prices | None = None) -> Float[np.ndarray, " n_out"]:
    """The smallest λ at which each row is empty."""
    prices = prices or equal_prices(len(problem.gram))
    return np.maximum(problem.cross / prices.up, -problem.cross / prices.down).max(1, initial=0.0)


def lasso_gaps(
    problem: CentredProblem,
    weight: Float[np.ndarray, "n_out n_in"],
    penalty: Penalty,
    prices: Prices | None = None,
) -> Float[np.ndarray, " n_out"]:
    """The certified gap of any weights, whoever found them, with the best bias for them.

    The bound of `SolvedRows.gaps` in plain NumPy, from scratch.
    """
    prices = prices or equal_prices(len(problem.gram))
    q = problem.cross - weight @ problem.gram
    own = each_above_zero(penalty, 1.0, len(weight))[:, None]
    up, down = own * prices.up, own * prices.down
    ratio = np.maximum(1.0, np.maximum(q / up, -q / down).max(1, initial=0.0))
    explained, kept = (weight * problem.cross).sum(1), (weight * q).sum(1)
    with np.errstate(invalid="ignore"):
        price = np.where(weight > 0, weight * up, np.where(weight < 0, -weight * down, 0.0)).sum(1)
    along = problem.energy - explained
    square = np.maximum(along - kept, 0.0)
    scale = np.divide(along, square, out=np.full_like(along, np.inf), where=square > 0)
    scale = np.clip(scale, -1 / ratio, 1 / ratio)
    dual = scale * along - 0.5 * scale**2 * square
    gap = 0.5 * square + price - dual
    empty = 0.5 * problem.energy
    return np.divide(gap, empty, out=np.zeros_like(gap), where=empty > 0)
