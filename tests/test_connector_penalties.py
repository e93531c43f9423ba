"""Which penalty each row of a connector gets."""

import numpy as np
import pytest

from circuitlogic.connectors.gram_statistics import centred, gram_statistics, total
from circuitlogic.connectors.lasso import solve_lasso
from circuitlogic.connectors.penalty_path import (
    choose_penalties,
    penalty_grid,
    refitted,
    within_one_error,
)
from circuitlogic.errors import ConfigError


def test_the_grid_falls_from_below_the_largest_penalty_to_its_share() -> None:
    grid = penalty_grid(np.array([1.0, 4.0]), 3, 0.001)
    assert np.allclose(grid, [[0.1, 0.4], [0.01, 0.04], [0.001, 0.004]])
    with pytest.raises(ConfigError, match="ratio"):
        penalty_grid(np.ones(2), 3, 0.0)


def test_within_one_standard_error_the_largest_penalty_wins() -> None:
    """Row 0: the first step is as good as the best up to noise. Row 1: it is clearly worse."""
    by_fold = np.array([[[1.0, 2.0], [0.9, 1.0]], [[1.0, 2.1], [1.1, 1.1]], [[1.0, 2.2], [0.97, 1.2]]])
    assert within_one_error(by_fold).tolist() == [0, 1]


def test_cross_validation_finds_the_planted_inputs() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((2000, 30)) * (rng.random((2000, 30)) < 0.3)
    weight = np.zeros((6, 30))
    for row in weight:
        row[rng.choice(30, 4, replace=False)] = [1.0, 0.8, -0.7, -0.5]
    y = x @ weight.T + 0.1 * rng.normal(size=(2000, 6))
    folds = gram_statistics([(x, y)], 30, 6, 5)
    chosen = choose_penalties(folds, 15, 1e-3)
    problem = centred(total(folds))
    found = refitted(problem, solve_lasso(problem, chosen.penalties).weight)
    assert np.array_equal(np.sign(np.where(np.abs(found) > 0.1, found, 0)), np.sign(weight))
    assert np.abs(found - weight).max() < 0.06
    assert np.count_nonzero(found) <= 1.3 * np.count_nonzero(weight)
    with pytest.raises(ConfigError, match="at least 2"):
        choose_penalties(folds[:1], 15, 1e-3)
