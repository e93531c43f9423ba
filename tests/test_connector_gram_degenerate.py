"""The Gram solver on degenerate data: constant, dead, duplicate and nearly dependent features, few samples."""

import numpy as np
from gram_cases import objective, problem_of, rows_of, scikit

from circuitlogic.connectors.gram_statistics import (
    centred,
    gram_statistics,
)
from circuitlogic.connectors.lasso import solve_lasso
from circuitlogic.connectors.penalty_path import refitted


def test_constant_dead_and_duplicate_features_are_harmless() -> None:
    x, y = rows_of(15)
    x[:, 0], x[:, 1], x[:, 2] = 0.0, 0.7, x[:, 3]
    y[:, 0], y[:, 1] = 0.0, 5.0
    found = solve_lasso(problem_of(x, y), 1e-3, gap=1e-10)
    assert not found.weight[:, :2].any()
    assert not found.weight[:2].any()
    assert np.allclose(found.bias[:2], [0.0, 5.0])
    assert (found.gaps <= 1e-10).all()
    assert np.isfinite(refitted(problem_of(x, y), found.weight)).all()


def test_fewer_samples_than_inputs_and_one_sample() -> None:
    x, y = rows_of(16, samples=8, n_in=40)
    found = solve_lasso(problem_of(x, y), 1e-3, gap=1e-9)
    assert (found.gaps <= 1e-9).all()
    assert np.allclose(
        objective(x, y, found.weight, 1e-3), objective(x, y, scikit(x, y, 1e-3), 1e-3), atol=1e-9
    )
    assert not solve_lasso(problem_of(x[:1], y[:1]), 1e-3).weight.any()


def test_nearly_dependent_inputs_still_reach_the_gap() -> None:
    """Coordinate by coordinate these take more sweeps than there are."""
    rng = np.random.default_rng(3)
    common = rng.normal(size=(400, 1))
    x = common + 1e-4 * rng.normal(size=(400, 12))
    y = x @ rng.uniform(0.5, 1.5, size=(12, 3)) + 0.01 * rng.normal(size=(400, 3))
    problem = centred(gram_statistics([(x, y)], 12, 3)[0])
    solved = solve_lasso(problem, 1e-9, gap=1e-9)
    assert solved.gaps.max() <= 1e-9
    expected = np.linalg.lstsq(x - x.mean(0), y - y.mean(0), rcond=None)[0]
    errors = np.square((y - y.mean(0)) - (x - x.mean(0)) @ solved.weight.T).mean(0)
    best = np.square((y - y.mean(0)) - (x - x.mean(0)) @ expected).mean(0)
    assert (errors <= best + 2e-8 * y.var(0)).all()
