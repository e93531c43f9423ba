"""The refit on a support: least squares, with or without the signs kept."""

import numpy as np
from gram_cases import SLOWLY, problem_of, rows_of, statistics_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from circuitlogic.connectors.gram_statistics import (
    mean_squared_error,
)
from circuitlogic.connectors.lasso import solve_lasso
from circuitlogic.connectors.penalty_path import refitted


def test_a_refit_is_least_squares_on_the_support() -> None:
    x, y = rows_of(20)
    problem = problem_of(x, y)
    weight = solve_lasso(problem, 0.02, gap=1e-10).weight
    found = refitted(problem, weight, keep_signs=False)
    for row, column in zip(found, y.T, strict=True):
        chosen = np.nonzero(row)[0]
        design = np.column_stack([x[:, chosen], np.ones(len(x))])
        assert np.allclose(row[chosen], np.linalg.lstsq(design, column, rcond=None)[0][:-1], atol=1e-6)
    assert np.array_equal(found != 0, weight != 0)


@given(st.integers(0, 10_000))
@SLOWLY
def test_a_refit_that_keeps_signs_is_non_negative_least_squares_in_them(seed: int) -> None:
    """Given signs that are wrong for many weights, so that the active set has to work."""
    x, y = rows_of(seed % 7)
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1.0, 1.0], (4, 15)) * (rng.random((4, 15)) < 0.6)
    found = refitted(problem_of(x, y), 0.1 * sign, keep_signs=True)
    assert (found * sign >= 0).all()
    assert not found[sign == 0].any()
    middle = x - x.mean(0)
    for row, signs, column in zip(found, sign, y.T, strict=True):
        best = nnls(middle * signs, column - column.mean())[1] ** 2 / len(x)
        mine = ((column - column.mean() - middle @ row) ** 2).mean()
        assert mine <= best + 1e-7


def test_a_refit_never_raises_the_squared_error() -> None:
    x, y = rows_of(21)
    problem, statistics = problem_of(x, y), statistics_of(x, y)[0]
    weight = solve_lasso(problem, 0.01).weight
    for keep_signs in (True, False):
        again = refitted(problem, weight, keep_signs)
        before, after = (mean_squared_error(statistics, w, problem.bias(w)) for w in (weight, again))
        assert (after <= before + 1e-12).all()
