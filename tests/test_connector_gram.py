"""The Gram solver: peers' optima, optimality conditions, certificates, symmetries, prices."""

import numpy as np
import pytest
from gram_cases import SLOWLY, objective, problem_of, rows_of, scikit
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from circuitlogic.connectors.lasso import lasso_gaps, solve_lasso
from circuitlogic.connectors.prices import Prices, prices_of
from circuitlogic.errors import ConfigError


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("penalty", [0.1, 0.01, 1e-3])
def test_weights_and_biases_equal_those_of_scikit_learn(seed: int, penalty: float) -> None:
    x, y = rows_of(seed)
    found = solve_lasso(problem_of(x, y), penalty, gap=1e-13)
    expected = scikit(x, y, penalty)
    assert np.abs(found.weight - expected).max() < 1e-6
    assert np.array_equal(found.weight != 0, expected != 0)
    assert np.allclose(found.bias, (y - x @ expected.T).mean(0), atol=1e-6)


@pytest.mark.parametrize("gap", [1e-1, 1e-2, 1e-4, 1e-8])
def test_the_certificate_bounds_the_true_suboptimality_and_keeps_the_promise(gap: float) -> None:
    x, y = rows_of(7, n_in=30)
    found = solve_lasso(problem_of(x, y), 3e-3, gap=gap)
    best, empty = objective(x, y, scikit(x, y, 3e-3), 3e-3), 0.5 * y.var(0)
    missing = (objective(x, y, found.weight, 3e-3) - best) / empty
    assert (found.gaps <= gap).all()
    assert (missing <= found.gaps + 1e-12).all()


@given(st.integers(0, 10_000))
@SLOWLY
def test_any_weights_get_a_bound_that_is_true(seed: int) -> None:
    """Also weights that no solver would propose."""
    x, y = rows_of(seed % 5)
    weight = np.random.default_rng(seed).normal(size=(4, 15)) * 0.3
    best = objective(x, y, solve_lasso(problem_of(x, y), 0.02, gap=1e-13).weight, 0.02)
    missing = (objective(x, y, weight, 0.02) - best) / (0.5 * y.var(0))
    assert (lasso_gaps(problem_of(x, y), weight, 0.02) >= missing - 1e-9).all()


@given(st.integers(0, 10_000), st.sampled_from([0.05, 5e-3, 5e-4]))
@SLOWLY
def test_the_optimality_conditions_hold(seed: int, penalty: float) -> None:
    x, y = rows_of(seed, samples=60)
    problem = problem_of(x, y)
    w = solve_lasso(problem, penalty, gap=1e-14).weight
    q = problem.cross - w @ problem.gram
    assert np.abs(q - penalty * np.sign(w))[w != 0].max(initial=0) < 1e-6
    assert np.abs(q)[w == 0].max(initial=0) <= penalty * (1 + 1e-5)


@given(st.permutations(range(15)))
@SLOWLY
def test_permuting_inputs_permutes_weights(order: list[int]) -> None:
    x, y = rows_of(6)
    plain, moved = (solve_lasso(problem_of(v, y), 5e-3, gap=1e-13).weight for v in (x, x[:, order]))
    assert np.allclose(plain[:, order], moved, atol=1e-7)


def test_scaling_an_output_and_its_penalty_scales_its_row() -> None:
    x, y = rows_of(8)
    once = solve_lasso(problem_of(x, y), 0.01, gap=1e-13).weight
    thrice = solve_lasso(problem_of(x, 3 * y), 0.03, gap=1e-13).weight
    assert np.allclose(3 * once, thrice, atol=1e-7)


def test_sign_constraints_give_non_negative_least_squares() -> None:
    x, y = rows_of(13)
    prices = prices_of(np.ones((4, 15)), np.ones((4, 15)))
    found = solve_lasso(problem_of(x, y), 1e-7, gap=1e-12, prices=prices)
    middle = x - x.mean(0)
    expected = np.stack([nnls(middle, column - column.mean())[0] for column in y.T])
    assert (found.weight >= 0).all()
    assert np.allclose(found.weight, expected, atol=1e-4)


def test_prices_act_as_penalties_of_their_own_and_infinity_excludes() -> None:
    x, y = rows_of(14)
    factors = np.random.default_rng(0).uniform(0.5, 2, (4, 15))
    found = solve_lasso(problem_of(x, y), 5e-3, gap=1e-13, prices=prices_of(factors)).weight
    for row in range(4):
        scaled = scikit(x / factors[row], y[:, [row]], 5e-3)[0] / factors[row]
        assert np.allclose(found[row], scaled, atol=1e-6)
    factors[:, 3] = np.inf
    problem = problem_of(x, y)
    without = solve_lasso(problem, 5e-3, gap=1e-12, prices=prices_of(factors))
    assert not without.weight[:, 3].any()
    assert (lasso_gaps(problem, without.weight, 5e-3, prices_of(factors)) < 1e-11).all()
    with pytest.raises(ConfigError, match="above 0"):
        Prices(np.zeros((1, 2)), np.ones((1, 2)))


@pytest.mark.parametrize(("penalty", "gap"), [(0.0, 1e-3), (-1.0, 1e-3), (np.nan, 1e-3), (0.1, 0.0)])
def test_penalties_and_gaps_without_meaning_are_refused(penalty: float, gap: float) -> None:
    x, y = rows_of(18)
    with pytest.raises(ConfigError, match="above 0"):
        solve_lasso(problem_of(x, y), penalty, gap=gap)
