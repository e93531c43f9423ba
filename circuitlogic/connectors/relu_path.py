"""Penalties and refits of ReLU connectors: chosen on one left-out fold, refitted on the support."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float
from scipy import sparse

from circuitlogic.connectors.gram_statistics import centred, fold_of, gram_statistics
from circuitlogic.connectors.lasso import SolvedRows, largest_penalties
from circuitlogic.connectors.penalty_path import ChosenPenalties, penalty_grid, within_one_error
from circuitlogic.connectors.prices import prices_of
from circuitlogic.connectors.products import SparseRows
from circuitlogic.connectors.relu_rows import ReluSamples, relu_samples, solve_relu
from circuitlogic.errors import ConfigError

_REFIT_SHARE = 1e-6
REFIT_GAP = 1e-6
_PARTS = 10
_CHUNK = 2048


def refit_relu(
    samples: ReluSamples,
    weight: Float[np.ndarray, "n_out n_in"],
    bias: Float[np.ndarray, " n_out"],
    largest: Float[np.ndarray, " n_out"],
    keep_signs: bool = True,
    threads: int = 1,
    gap: float = REFIT_GAP,
) -> SolvedRows:
    """The convexified loss minimised on each row's support, at a penalty too small to shrink it.

    Args:
        samples: All samples.
        weight: Its non-zeros are the support; also the start.
        bias: The start.
        largest: Each row's largest penalty; the refit's is a millionth of it, which keeps the optimum unique.
        keep_signs: A weight that would change its sign becomes 0.
        threads: Rows solved side by side.
        gap: Certified gap to reach.
    """
    signs = np.sign(weight) if keep_signs else None
    prices = prices_of(np.where(weight != 0, 1.0, np.inf), signs)
    tiny = np.maximum(_REFIT_SHARE * largest, 1e-300)
    return solve_relu(samples, tiny, gap=gap, prices=prices, start=(weight, bias), threads=threads)


def choose_relu_penalties(
    x: SparseRows,
    y: SparseRows,
    folds: int,
    steps: int,
    ratio: float,
    *,
    gap: float = 1e-3,
    threads: int = 1,
) -> ChosenPenalties:
    """Solve a path on all folds but one, and compare the refitted rows on that one.

    Per row the largest penalty within one standard error of the best is chosen, over ten parts of that fold.

    Raises:
        ConfigError: too few samples to leave a fold out, or a grid without meaning.
    """
    fold = fold_of(np.arange(x.shape[0]), folds)
    if folds < 2 or not (fold == 1).any():
        raise ConfigError(f"{x.shape[0]} samples in {folds} folds: too few to leave a fold out")
    train = relu_samples(x[fold != 0], y[fold != 0])
    largest = largest_penalties(centred(gram_statistics([(x, y)], x.shape[1], y.shape[1])[0]))
    grid = penalty_grid(largest, steps, ratio)
    errors: list[np.ndarray] = []
    start = (np.zeros(train.shape), np.zeros(train.shape[0]))
    for penalties in grid:
        solved = solve_relu(train, penalties, gap=gap, start=start, threads=threads)
        start = (solved.weight, solved.bias)
        final = refit_relu(train, *start, largest, True, threads)
        errors.append(_errors_by_part(x[fold == 0], y[fold == 0], final))
    by_part = np.stack(errors, axis=1)
    best = within_one_error(by_part)
    return ChosenPenalties(grid[best, np.arange(grid.shape[1])], grid, by_part.mean(0))


def _errors_by_part(x: SparseRows, y: SparseRows, rows: SolvedRows) -> Float[np.ndarray, "parts n_out"]:
    """Mean (y - ReLU(z))² of every output over each of ten parts of the samples."""
    weight: SparseRows = sparse.csc_array(rows.weight.T)
    parts = np.zeros((_PARTS, len(rows.bias)))
    bounds = np.linspace(0, x.shape[0], _PARTS + 1).astype(int)
    for part, (first, last) in enumerate(pairwise(bounds.tolist())):
        for start in range(first, last, _CHUNK):
            chunk = slice(start, min(start + _CHUNK, last))
            z = (x[chunk] @ weight).toarray() + rows.bias
            parts[part] += np.square(y[chunk].toarray() - np.maximum(z, 0)).sum(0) / max(last - first, 1)
    return parts
