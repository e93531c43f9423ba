"""Which penalty each row of a linear connector gets: the one whose refitted row predicts left-out folds best.

Rows are compared after an unpenalised refit on their support, because the penalised weights are shrunken: their own
error asks for a penalty so small that the support fills with noise.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from jaxtyping import Float, Int

from circuitlogic.connectors.gram_statistics import (
    CentredProblem,
    GramStatistics,
    centred,
    mean_squared_error,
)
from circuitlogic.connectors.lasso import largest_penalties, lasso_path
from circuitlogic.connectors.refit_kernel import refit_rows
from circuitlogic.connectors.row_blocks import over_row_blocks
from circuitlogic.errors import ConfigError

_TINY = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class ChosenPenalties:
    """The outcome of cross-validation, row by row."""

    penalties: Float[np.ndarray, " n_out"]
    grid: Float[np.ndarray, "steps n_out"]
    """Penalties tried, largest first."""
    errors: Float[np.ndarray, "steps n_out"]
    """Mean squared error on the left-out folds, over all samples."""


def penalty_grid(
    largest: Float[np.ndarray, " n_out"], steps: int, ratio: float
) -> Float[np.ndarray, "steps n_out"]:
    """`steps` penalties per row, falling geometrically from its largest to `ratio` of it.

    Raises:
        ConfigError: fewer than one step, or a ratio outside (0, 1].
    """
    if steps < 1 or not 0 < ratio <= 1:
        raise ConfigError(
            f"a path of {steps} penalties down to {ratio:g}: give at least 1, and 0 < ratio <= 1"
        )
    falls = ratio ** (np.arange(1, steps + 1) / steps)
    return falls[:, None] * np.maximum(largest, _TINY)


def refitted(
    problem: CentredProblem,
    weight: Float[np.ndarray, "n_out n_in"],
    keep_signs: bool = True,
    threads: int = 1,
) -> Float[np.ndarray, "n_out n_in"]:
    """Least squares on each row's support; with `keep_signs` a weight that would change its sign becomes 0."""
    found = weight.copy()

    def block(first: int, last: int) -> None:
        refit_rows(problem.gram, problem.cross[first:last], found[first:last], keep_signs)

    over_row_blocks(block, len(found), threads)
    return found


def choose_penalties(
    folds: Sequence[GramStatistics],
    steps: int,
    ratio: float,
    *,
    gap: float = 1e-4,
    threads: int = 1,
) -> ChosenPenalties:
    """Cross-validate by subtracting one fold after the other.

    Args:
        folds: Statistics of disjoint samples.
        steps: Penalties per row.
        ratio: The smallest penalty as a share of the largest.
        gap: Certified gap of every row on the way.
        threads: Rows solved side by side.

    Raises:
        ConfigError: fewer than two folds with samples, or a grid without meaning.
    """
    used = [fold for fold in folds if fold.samples]
    if len(used) < 2:
        raise ConfigError(f"{len(used)} fold has samples: cross-validation needs at least 2")
    whole = reduce(add, used)
    grid = penalty_grid(largest_penalties(centred(whole)), steps, ratio)
    by_fold = np.stack([np.stack(list(_errors_left_out(whole - f, f, grid, gap, threads))) for f in used])
    best = within_one_error(by_fold)
    shares = np.array([fold.samples / whole.samples for fold in used])
    return ChosenPenalties(
        grid[best, np.arange(grid.shape[1])], grid, np.einsum("f,fsr->sr", shares, by_fold)
    )


def within_one_error(by_fold: Float[np.ndarray, "folds steps rows"]) -> Int[np.ndarray, " rows"]:
    """Per row the first step that is no worse than the best by more than the standard error of their difference.

    The one-standard-error rule of Breiman et al. (1984), with differences paired by fold.
    """
    mean = by_fold.mean(0)
    best = mean.argmin(0)
    differences = by_fold - np.take_along_axis(by_fold, best[None, None, :], axis=1)
    error = differences.std(0, ddof=1) / np.sqrt(len(by_fold))
    return (differences.mean(0) <= error).argmax(0)


def _errors_left_out(
    train: GramStatistics, left_out: GramStatistics, grid: np.ndarray, gap: float, threads: int
) -> Iterator[np.ndarray]:
    problem = centred(train)
    for solved in lasso_path(problem, list(grid), gap=gap, threads=threads):
        weight = refitted(problem, solved.weight, True, threads)
        yield mean_squared_error(left_out, weight, problem.bias(weight))


def stages_to(
    penalties: Float[np.ndarray, " n_out"], largest: Float[np.ndarray, " n_out"], steps: int
) -> list[Float[np.ndarray, " n_out"]]:
    """`steps` penalties falling geometrically from below each row's largest to the row's own."""
    start = np.maximum(largest, penalties)
    return [start * (penalties / start) ** (step / steps) for step in range(1, steps)] + [penalties]
