"""The Gram solver: peers' optima, optimality conditions, certificates, statistics that add up, degenerate data."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from feature_cases import pairs_of, planted_map, sparse_features
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import nnls
from sklearn.linear_model import Lasso

from circuitlogic.config import ConnectorConfig
from circuitlogic.connectors import lasso_kernel, products
from circuitlogic.connectors.gram_statistics import (
    CentredProblem,
    GramStatistics,
    centred,
    gram_statistics,
    mean_squared_error,
    total,
)
from circuitlogic.connectors.lasso import largest_penalties, lasso_gaps, lasso_path, solve_lasso
from circuitlogic.connectors.penalty_path import refitted
from circuitlogic.connectors.prices import Prices, prices_of
from circuitlogic.connectors.training import train_connector
from circuitlogic.errors import ConfigError, DataError

SLOWLY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rows_of(
    seed: int, samples: int = 120, n_in: int = 15, n_out: int = 4, rate: float = 0.4
) -> tuple[np.ndarray, np.ndarray]:
    """Sparse, correlated inputs and outputs that depend on a few of them."""
    rng = np.random.default_rng(seed)
    shared = rng.random((samples, 3)) < 0.5
    x = (
        rng.random((samples, n_in))
        * (rng.random((samples, n_in)) < rate)
        * (0.3 + shared[:, np.arange(n_in) % 3])
    )
    weight = rng.normal(size=(n_out, n_in)) * (rng.random((n_out, n_in)) < 0.3)
    return x, x @ weight.T + 0.4 + 0.2 * rng.normal(size=(samples, n_out))


def statistics_of(x: np.ndarray, y: np.ndarray, folds: int = 1) -> tuple[GramStatistics, ...]:
    return gram_statistics([(x, y)], x.shape[1], y.shape[1], folds)


def problem_of(x: np.ndarray, y: np.ndarray) -> CentredProblem:
    return centred(statistics_of(x, y)[0])


def objective(x: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """By the definition, sample by sample, with the best bias."""
    residual = y - x @ weight.T
    residual = residual - residual.mean(0)
    return 0.5 * (residual**2).mean(0) + penalty * np.abs(weight).sum(1)


def scikit(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    made = [Lasso(penalty, tol=1e-13, max_iter=100_000).fit(x, column).coef_ for column in y.T]
    return np.stack(made)


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


@pytest.mark.parametrize("folds", [1, 2, 5])
@pytest.mark.parametrize("chunk", [1, 37, 64, 1000])
def test_statistics_of_chunks_workers_and_folds_add_up_to_one_pass(folds: int, chunk: int) -> None:
    x, y = rows_of(9, samples=300)
    whole = statistics_of(x, y)[0]
    chunks = [(x[i : i + chunk], y[i : i + chunk]) for i in range(0, 300, chunk)]
    worker_1, worker_2 = (gram_statistics(chunks[part::2], 15, 4, folds) for part in (0, 1))
    for summed in (total(gram_statistics(chunks, 15, 4, folds)), total(worker_1) + total(worker_2)):
        assert summed.samples == whole.samples == 300
        for name in ("x", "y", "yy", "xx", "yx"):
            assert np.allclose(getattr(summed, name), getattr(whole, name), rtol=1e-12, atol=1e-12)


def test_subtracting_a_fold_leaves_the_statistics_of_the_others() -> None:
    x, y = rows_of(10, samples=320)
    folds = statistics_of(x, y, 5)
    left = total(folds) - folds[2]
    kept = np.arange(320) // 64 % 5 != 2
    direct = statistics_of(x[kept], y[kept])[0]
    assert left.samples == direct.samples == 256
    assert np.allclose(left.xx, direct.xx)
    assert np.allclose(left.yx, direct.yx)


@pytest.mark.parametrize("rate", [0.02, 0.2, 1.0])
def test_compiled_and_plain_products_are_equal(rate: float) -> None:
    rng = np.random.default_rng(0)
    x, y = (
        sparse.csr_array(((rng.random((500, n)) < rate) * rng.random((500, n))).astype(np.float32))
        for n in (30, 40)
    )
    fast, plain, square = np.zeros((30, 40)), np.zeros((30, 40)), np.zeros((30, 30))
    products.add_product(x, y, fast)
    products.add_product_plain(x, y, plain)
    products.add_square(x, square)
    expected = x.toarray().astype(np.float64)
    assert np.allclose(fast, plain, rtol=1e-13, atol=1e-13)
    assert np.allclose(products.mirror(square), expected.T @ expected, rtol=1e-12)


def test_the_compiled_kernel_and_its_plain_source_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = rows_of(11, n_in=30)
    problem = problem_of(x, y)
    fast = solve_lasso(problem, 3e-3, gap=1e-12)
    for name in ("slack_ratio", "_gap", "joining", "descend", "_solve_row"):
        kernel = getattr(lasso_kernel, name)
        monkeypatch.setattr(lasso_kernel, name, getattr(kernel, "py_func", kernel))
    monkeypatch.setattr(lasso_kernel, "solve_rows", lasso_kernel._solve_rows)
    plain = solve_lasso(problem, 3e-3, gap=1e-12)
    assert np.allclose(fast.weight, plain.weight, atol=1e-9)
    assert np.array_equal(fast.weight != 0, plain.weight != 0)
    assert (plain.gaps <= 1e-12).all()


def test_threads_change_no_byte() -> None:
    x, y = rows_of(12, n_in=20, n_out=100)
    one, four = (solve_lasso(problem_of(x, y), 1e-3, gap=1e-8, threads=t) for t in (1, 4))
    assert one.weight.tobytes() == four.weight.tobytes()
    assert one.gaps.tobytes() == four.gaps.tobytes()
    refits = [refitted(problem_of(x, y), one.weight, threads=t).tobytes() for t in (1, 4)]
    assert refits[0] == refits[1]


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


def test_numbers_that_are_not_finite_and_wrong_shapes_are_refused() -> None:
    x, y = rows_of(17)
    for broken in (np.nan, np.inf):
        with pytest.raises(DataError, match="NaN or infinite"):
            statistics_of(np.where(np.arange(15) == 2, broken, x), y)
    with pytest.raises(DataError, match="expected"):
        gram_statistics([(x, y[:-1])], 15, 4)
    with pytest.raises(DataError, match="without samples"):
        centred(gram_statistics([], 15, 4)[0])


@pytest.mark.parametrize(("penalty", "gap"), [(0.0, 1e-3), (-1.0, 1e-3), (np.nan, 1e-3), (0.1, 0.0)])
def test_penalties_and_gaps_without_meaning_are_refused(penalty: float, gap: float) -> None:
    x, y = rows_of(18)
    with pytest.raises(ConfigError, match="above 0"):
        solve_lasso(problem_of(x, y), penalty, gap=gap)


def test_errors_by_statistics_are_those_of_the_samples() -> None:
    x, y = rows_of(19)
    weight, bias = np.random.default_rng(1).normal(size=(4, 15)), np.arange(4.0)
    expected = ((y - x @ weight.T - bias) ** 2).mean(0)
    assert np.allclose(mean_squared_error(statistics_of(x, y)[0], weight, bias), expected)


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


def gram_config(**changes: object) -> ConnectorConfig:
    return replace(ConnectorConfig(solver="gram", penalties=8, penalty_ratio=1e-2), **changes)


def test_the_gram_solver_trains_a_connector_with_a_certificate(tmp_path: Path) -> None:
    weight, bias = planted_map(12, 6, seed=1)
    source = sparse_features(1500, 12, seed=2)
    target = torch.relu(source @ weight.T + bias)
    target[:, 3] = 0.0
    pairs = pairs_of(tmp_path, source, target)
    once, again, other = (train_connector(pairs, None, gram_config(), seed) for seed in (5, 5, 6))
    strong = once.connector.thresholded(0.1).weight
    alive = [0, 1, 2, 4, 5]
    assert torch.equal(strong[alive].sign() * (weight[alive] > 0), (weight[alive] > 0).float())
    assert not once.connector.weight[3].any()
    assert once.connector.bias[3] == 0
    assert once.certificate is not None
    assert 0 <= once.certificate.gap_max <= 1e-4
    assert once.certificate.penalty_min < once.certificate.penalty_max
    assert once.connector.weight.numpy().tobytes() == again.connector.weight.numpy().tobytes()
    assert torch.equal(once.connector.weight, other.connector.weight)  # nothing in it is drawn
    assert [stage.kind for stage in once.stages] == ["start", *["penalty"] * 6, "refit"]
    assert torch.allclose(once.stages[-1].weight, once.connector.unit_weight)


def test_without_a_path_every_row_has_the_penalty_of_the_config(tmp_path: Path) -> None:
    weight, bias = planted_map(8, 4, seed=5)
    source = sparse_features(400, 8, seed=6)
    pairs = pairs_of(tmp_path, source, torch.relu(source @ weight.T + bias))
    made = train_connector(pairs, None, gram_config(penalties=0, l1=0.02, gap=1e-12, refit="none"), 0)
    features, targets = (v.double().numpy() for v in next(pairs.batches(400, None)))
    expected = solve_lasso(problem_of(features, targets), 0.02, gap=1e-12)
    assert np.allclose(made.connector.unit_weight.numpy(), expected.weight, atol=1e-6)
    assert made.certificate is not None
    assert made.certificate.penalty_min == made.certificate.penalty_max == pytest.approx(0.02)
    assert made.losses[-1] == pytest.approx(
        float(objective(features, targets, expected.weight, 0.02).sum()), rel=1e-6
    )


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
