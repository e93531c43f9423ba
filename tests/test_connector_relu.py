"""The ReLU solver: optimality by the definition, certificates, plain against compiled, refits, penalties."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from feature_cases import pairs_of, planted_map, sparse_features
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from circuitlogic.benchmarks.solverbench.planted_rows import plant_rows
from circuitlogic.config import ConnectorConfig
from circuitlogic.connectors import relu_rows
from circuitlogic.connectors.gram_statistics import centred, gram_statistics
from circuitlogic.connectors.lasso import largest_penalties, solve_lasso
from circuitlogic.connectors.penalty_path import refitted
from circuitlogic.connectors.prices import prices_of
from circuitlogic.connectors.relu_path import choose_relu_penalties, refit_relu
from circuitlogic.connectors.relu_rows import ReluSamples, relu_gaps, relu_samples, solve_relu
from circuitlogic.connectors.relu_start import linear_start
from circuitlogic.connectors.training import train_connector
from circuitlogic.errors import ConfigError, DataError

SLOWLY = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rows_of(
    seed: int, samples: int = 200, n_in: int = 12, n_out: int = 3, bias: float = -0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Sparse inputs and noisy ReLU outputs; with a bias above 0 most outputs fire without any input."""
    rng = np.random.default_rng(seed)
    x = (0.5 + rng.random((samples, n_in), dtype=np.float32)) * (rng.random((samples, n_in)) < 0.3)
    x = x.astype(np.float32).astype(np.float64)  # what the solver keeps
    weight = rng.normal(size=(n_out, n_in)) * (rng.random((n_out, n_in)) < 0.4)
    return x, np.maximum(x @ weight.T + bias + 0.1 * rng.normal(size=(samples, n_out)), 0.0)


def objective(x: np.ndarray, y: np.ndarray, w: np.ndarray, bias: float, penalty: float) -> float:
    """By the definition, one row."""
    z = x @ w + bias
    residual = np.where(y > 0, y - z, np.maximum(z, 0.0))
    return float(0.5 * (residual**2).mean() + penalty * np.abs(w).sum())


def smooth_optimum(x: np.ndarray, y: np.ndarray, penalty: float) -> float:
    """The same minimum by a general solver: w = u - v with u, v >= 0 makes it smooth and bounded."""
    n_in = x.shape[1]

    def value(p: np.ndarray) -> tuple[float, np.ndarray]:
        u, v, bias = p[:n_in], p[n_in:-1], p[-1]
        z = x @ (u - v) + bias
        slope = np.where(y > 0, z - y, np.maximum(z, 0.0)) / len(y)
        loss = 0.5 * (np.where(y > 0, y - z, np.maximum(z, 0.0)) ** 2).mean()
        along = x.T @ slope
        return loss + penalty * (u.sum() + v.sum()), np.concatenate(
            (along + penalty, -along + penalty, [slope.sum()])
        )

    bounds = [(0, None)] * (2 * n_in) + [(None, None)]
    found = minimize(
        value, np.zeros(2 * n_in + 1), jac=True, bounds=bounds, method="L-BFGS-B",
        options={"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-16, "gtol": 1e-12},
    )  # fmt: skip
    return float(found.fun)


@pytest.mark.parametrize("bias", [-0.4, 0.0, 0.5])
@pytest.mark.parametrize("penalty", [0.03, 3e-3, 3e-4])
def test_the_optimum_is_that_of_a_general_solver(bias: float, penalty: float) -> None:
    x, y = rows_of(1, bias=bias)
    found = solve_relu(relu_samples(x, y), penalty, gap=1e-10)
    assert (found.gaps <= 1e-10).all()
    for row in range(3):
        mine = objective(x, y[:, row], found.weight[row], found.bias[row], penalty)
        best = smooth_optimum(x, y[:, row], penalty)
        assert mine <= best + 1e-10
        assert mine == pytest.approx(best, abs=1e-7)


@given(st.integers(0, 10_000), st.sampled_from([0.02, 2e-3]), st.sampled_from([-0.3, 0.3]))
@SLOWLY
def test_the_optimality_conditions_hold(seed: int, penalty: float, bias: float) -> None:
    x, y = rows_of(seed, samples=80, bias=bias)
    found = solve_relu(relu_samples(x, y), penalty, gap=1e-12)
    for w, b, column in zip(found.weight, found.bias, y.T, strict=True):
        z = x @ w + b
        theta = np.where(column > 0, column - z, -np.maximum(z, 0.0))
        q = x.T @ theta / len(x)
        assert abs(theta.mean()) < 1e-9
        assert np.abs(q - penalty * np.sign(w))[w != 0].max(initial=0) < 1e-5 * (penalty + 0.1)
        assert (np.abs(q[w == 0]) <= penalty * (1 + 1e-4)).all()


@pytest.mark.parametrize("gap", [1e-1, 1e-2, 1e-3, 1e-6])
def test_the_certificate_bounds_the_true_suboptimality(gap: float) -> None:
    x, y = rows_of(2, n_in=25)
    samples = relu_samples(x, y)
    found, best = (solve_relu(samples, 2e-3, gap=g) for g in (gap, 1e-12))
    assert (found.gaps <= gap).all()
    for row in range(3):
        values = [objective(x, y[:, row], s.weight[row], s.bias[row], 2e-3) for s in (found, best)]
        assert (values[0] - values[1]) / (0.5 * y[:, row].var()) <= found.gaps[row] + 1e-12
    assert np.allclose(relu_gaps(samples, found.weight, found.bias, 2e-3), found.gaps, atol=1e-9)


@given(st.integers(0, 10_000))
@SLOWLY
def test_any_connector_gets_a_bound_that_is_true(seed: int) -> None:
    """Also one with a wrong bias, which no solver would propose."""
    x, y = rows_of(3)
    samples, rng = relu_samples(x, y), np.random.default_rng(seed)
    weight, bias = rng.normal(size=(3, 12)) * 0.4, rng.normal(size=3)
    best = solve_relu(samples, 0.01, gap=1e-12)
    for row, claimed in enumerate(relu_gaps(samples, weight, bias, 0.01)):
        mine = objective(x, y[:, row], weight[row], bias[row], 0.01)
        least = objective(x, y[:, row], best.weight[row], best.bias[row], 0.01)
        assert claimed >= (mine - least) / (0.5 * y[:, row].var()) - 1e-10


@given(st.integers(0, 10_000), st.sampled_from([-0.3, 0.0, 0.4]))
@SLOWLY
def test_the_compressed_kernel_equals_the_plain_solver(seed: int, bias: float) -> None:
    x, y = rows_of(seed, bias=bias)
    samples = relu_samples(x, y)
    fast = solve_relu(samples, 4e-3, gap=1e-11)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relu_rows, "COMPILES", False)
        plain = solve_relu(samples, 4e-3, gap=1e-11)
    assert np.allclose(fast.weight, plain.weight, atol=1e-6)
    assert np.allclose(fast.bias, plain.bias, atol=1e-6)
    assert (plain.gaps <= 1e-11).all()


def test_where_every_output_fires_it_is_the_lasso() -> None:
    x, y = rows_of(4, bias=9.0)
    assert (y > 0).all()
    found = solve_relu(relu_samples(x, y), 5e-3, gap=1e-12)
    linear = solve_lasso(centred(gram_statistics([(x, y)], 12, 3)[0]), 5e-3, gap=1e-12)
    assert np.allclose(found.weight, linear.weight, atol=1e-6)
    assert np.allclose(found.bias, linear.bias, atol=1e-5)


def test_a_row_is_empty_from_the_largest_penalty_of_the_linear_form_on() -> None:
    """Without weights both forms have θ = y - mean y."""
    x, y = rows_of(5)
    largest = largest_penalties(centred(gram_statistics([(x, y)], 12, 3)[0]))
    samples = relu_samples(x, y)
    assert not solve_relu(samples, largest * 1.0001, gap=1e-12).weight.any()
    assert solve_relu(samples, largest * 0.99, gap=1e-12).weight.any(1).all()
    assert np.allclose(solve_relu(samples, 2 * largest).bias, y.mean(0))


@given(st.permutations(range(12)))
@SLOWLY
def test_permuting_inputs_permutes_weights(order: list[int]) -> None:
    x, y = rows_of(6)
    plain, moved = (solve_relu(relu_samples(v, y), 3e-3, gap=1e-12).weight for v in (x, x[:, order]))
    assert np.allclose(plain[:, order], moved, atol=1e-6)


def test_start_threads_and_choice_of_rows_change_nothing_but_time() -> None:
    x, y = rows_of(7, n_out=80)
    samples, rng = relu_samples(x, y), np.random.default_rng(0)
    one, four = (solve_relu(samples, 3e-3, gap=1e-10, threads=t) for t in (1, 4))
    assert one.weight.tobytes() == four.weight.tobytes()
    assert one.bias.tobytes() == four.bias.tobytes()
    elsewhere = (rng.normal(size=(80, 12)), rng.normal(size=80))
    assert np.allclose(solve_relu(samples, 3e-3, gap=1e-10, start=elsewhere).weight, one.weight, atol=1e-4)
    some = solve_relu(samples, 3e-3, gap=1e-10, rows=np.array([2, 71]))
    assert np.array_equal(some.weight[[2, 71]], one.weight[[2, 71]])
    assert not some.weight[[0, 1, 3, 70]].any()


def test_how_many_rows_are_held_at_once_changes_no_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = rows_of(14, n_out=40)
    samples = relu_samples(x, y)
    whole = solve_relu(samples, 3e-3, gap=1e-10)
    monkeypatch.setattr(relu_rows, "_TOGETHER", 150)
    parts = solve_relu(samples, 3e-3, gap=1e-10)
    assert whole.weight.tobytes() == parts.weight.tobytes()
    assert whole.gaps.tobytes() == parts.gaps.tobytes()


def test_a_start_on_some_of_the_samples_needs_no_more_than_a_certificate() -> None:
    planted = plant_rows(45_000, 24, 6, 0)
    start = linear_start(planted.x, planted.y, 1e-3)
    samples = relu_samples(planted.x, planted.y)
    from_there, from_zero = (solve_relu(samples, 1e-3, gap=1e-8, start=s) for s in (start, None))
    assert np.allclose(from_there.weight, from_zero.weight, atol=1e-4)
    assert (from_there.gaps <= 1e-8).all()


def test_sign_constraints_and_exclusions_hold_and_are_certified() -> None:
    x, y = rows_of(8)
    factors = np.ones((3, 12))
    factors[:, 4] = np.inf
    prices = prices_of(factors, np.ones((3, 12)))
    samples = relu_samples(x, y)
    start = (np.full((3, 12), -0.5), np.zeros(3))
    found = solve_relu(samples, 1e-3, gap=1e-9, prices=prices, start=start)
    assert (found.weight >= 0).all()
    assert not found.weight[:, 4].any()
    assert (relu_gaps(samples, found.weight, found.bias, 1e-3, prices) <= 1e-8).all()


def test_dead_constant_and_duplicate_features_are_harmless() -> None:
    x, y = rows_of(9)
    x[:, 0], x[:, 1], x[:, 2] = 0.0, 0.7, x[:, 3]
    y[:, 0], y[:, 1] = 0.0, 5.0
    samples = relu_samples(x, y)
    found = solve_relu(samples, 1e-3, gap=1e-8)
    assert not found.weight[:2].any()
    assert np.allclose(found.bias[:2], [0.0, 5.0])
    assert not found.weight[:, 0].any()
    assert (found.gaps <= 1e-8).all()
    assert (relu_gaps(samples, found.weight, found.bias, 1e-3)[2:] <= 1e-7).all()


def test_fewer_samples_than_inputs_and_one_sample() -> None:
    x, y = rows_of(10, samples=9, n_in=40)
    found = solve_relu(relu_samples(x, y), 1e-3, gap=1e-8)
    assert (found.gaps <= 1e-8).all()
    assert not solve_relu(relu_samples(x[:1], y[:1]), 1e-3).weight.any()


def test_samples_without_meaning_are_refused() -> None:
    x, y = rows_of(11)
    with pytest.raises(DataError, match="negative"):
        relu_samples(x, y - 1)
    with pytest.raises(DataError, match="NaN or infinite"):
        relu_samples(x, np.where(y > 0, np.nan, y))
    with pytest.raises(DataError, match="without samples"):
        relu_samples(x[:0], y[:0])
    with pytest.raises(ConfigError, match="above 0"):
        solve_relu(relu_samples(x, y), 0.0)


def largest_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return largest_penalties(centred(gram_statistics([(x, y)], x.shape[1], y.shape[1])[0]))


def refitted_from(
    x: np.ndarray, y: np.ndarray, penalty: float, keep_signs: bool
) -> tuple[ReluSamples, np.ndarray, np.ndarray, np.ndarray]:
    samples = relu_samples(x, y)
    found = solve_relu(samples, penalty, gap=1e-8)
    again = refit_relu(samples, found.weight, found.bias, largest_of(x, y), keep_signs)
    return samples, found.weight, again.weight, again.bias


@pytest.mark.parametrize("keep_signs", [True, False])
def test_a_refit_stays_on_the_support_and_minimises_the_loss_there(keep_signs: bool) -> None:
    x, y = rows_of(12, samples=400)
    _, before, after, bias = refitted_from(x, y, 0.01, keep_signs)
    assert not after[before == 0].any()
    if keep_signs:
        assert (after * before >= 0).all()
    for row in range(3):
        chosen = np.nonzero(before[row])[0]
        mine = objective(x, y[:, row], after[row], bias[row], 0.0)
        assert mine <= smooth_optimum(x[:, chosen], y[:, row], 0.0) + (1e-4 if keep_signs else 1e-7)


def test_a_refit_undoes_the_shrinkage_of_planted_weights() -> None:
    planted = plant_rows(4000, 24, 12, 0)
    samples = relu_samples(planted.x, planted.y)
    largest = largest_penalties(centred(gram_statistics([(planted.x, planted.y)], 24, 12)[0]))
    found = solve_relu(samples, 2e-3, gap=1e-5)
    again = refit_relu(samples, found.weight, found.bias, largest)
    shared = (planted.weight > 0) & (found.weight > 0)
    errors = [np.abs(w - planted.weight)[shared].mean() for w in (found.weight, again.weight)]
    assert errors[1] < 0.3 * errors[0]
    assert errors[1] < 0.02


def test_the_relu_form_finds_the_inhibitors_that_the_linear_form_shrinks_away() -> None:
    planted = plant_rows(20_000, 64, 64, 0)
    chosen = choose_relu_penalties(planted.x, planted.y, 5, 12, 1e-3)
    samples = relu_samples(planted.x, planted.y)
    problem = centred(gram_statistics([(planted.x, planted.y)], 64, 64)[0])
    made = solve_relu(samples, chosen.penalties, gap=1e-3)
    relu = refit_relu(samples, made.weight, made.bias, largest_penalties(problem)).weight
    linear = refitted(problem, solve_lasso(problem, chosen.penalties, gap=1e-3).weight)
    inhibitors = planted.weight < 0
    found = [float((w[inhibitors] < -0.1).mean()) for w in (relu, linear)]
    assert found[0] > 0.8
    assert found[1] < 0.5
    strong = np.abs(relu) > 0.1
    assert (planted.weight[strong] != 0).mean() > 0.97


def test_a_fold_needs_samples() -> None:
    x, y = rows_of(13, samples=60)
    samples = relu_samples(x, y)
    with pytest.raises(ConfigError, match="too few"):
        choose_relu_penalties(samples.x, samples.x, 5, 4, 0.01)


@pytest.mark.parametrize("solver", ["gram", "relu"])
def test_a_trained_connector_is_certified_and_refitted(tmp_path: Path, solver: str) -> None:
    weight, bias = planted_map(12, 6, seed=1)
    source = sparse_features(1500, 12, seed=2)
    noise = 0.05 * torch.randn(1500, 6, generator=torch.Generator().manual_seed(3))
    target = torch.relu(source @ weight.T + bias + noise)
    target[:, 3] = 0.0
    weight[3] = 0.0
    pairs = pairs_of(tmp_path, source, target)
    config = replace(ConnectorConfig(penalties=8, penalty_ratio=1e-3), solver=solver)
    once, again = (train_connector(pairs, None, config, 0) for _ in range(2))
    found = once.connector
    assert torch.equal(found.thresholded(0.1).weight.sign(), weight.sign())
    assert torch.allclose(found.thresholded(0.1).weight, weight, atol=0.05)
    assert found.bias[3] == 0
    assert torch.allclose(found.bias[:3], torch.full((3,), -0.1), atol=0.05)
    assert once.certificate is not None
    assert once.certificate.gap_max <= config.gap
    assert found.weight.numpy().tobytes() == again.connector.weight.numpy().tobytes()
    assert [stage.kind for stage in once.stages] == ["start", *["penalty"] * 6, "refit"]
