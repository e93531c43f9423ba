"""The Gram solver along a path of penalties."""

import numpy as np
from gram_cases import problem_of, rows_of

from circuitlogic.connectors.lasso import largest_penalties, lasso_path, solve_lasso


def test_a_row_is_empty_exactly_from_its_largest_penalty_on() -> None:
    x, y = rows_of(3)
    problem = problem_of(x, y)
    largest = largest_penalties(problem)
    assert not solve_lasso(problem, largest * 1.0001, gap=1e-12).weight.any()
    assert (np.count_nonzero(solve_lasso(problem, largest * 0.99, gap=1e-12).weight, axis=1) == 1).all()


def test_a_path_equals_solving_each_penalty_alone() -> None:
    x, y = rows_of(4, n_in=30)
    problem = problem_of(x, y)
    falling = [0.1, 0.03, 0.01, 3e-3, 1e-3]
    for penalty, step in zip(falling, lasso_path(problem, falling, gap=1e-12), strict=True):
        alone = solve_lasso(problem, penalty, gap=1e-12)
        assert np.abs(step.weight - alone.weight).max() < 1e-5
        assert (step.gaps <= 1e-12).all()


def test_along_the_path_the_penalised_sum_grows_and_the_error_falls() -> None:
    """What does hold of a path (supports need not grow): Σ|w| rises and the squared error falls as λ falls."""
    x, y = rows_of(5, n_in=30)
    steps = list(lasso_path(problem_of(x, y), np.geomspace(0.2, 1e-4, 15).tolist(), gap=1e-12))
    sums = np.array([np.abs(step.weight).sum(1) for step in steps])
    errors = np.array([((y - x @ s.weight.T - s.bias) ** 2).mean(0) for s in steps])
    assert (np.diff(sums, axis=0) >= -1e-7).all()
    assert (np.diff(errors, axis=0) <= 1e-9).all()
