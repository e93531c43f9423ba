"""Connector training: planted maps are found again, starts are what they claim, seeds decide every byte."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from feature_cases import (
    identity_dictionary,
    identity_sae,
    pairs_of,
    plain_statistics,
    planted_map,
    seeded,
    sparse_features,
    stored,
)

from circuitlogic.config import ConnectorConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.initial import InitContext, start_named
from circuitlogic.connectors.solvers import gradient, proximal
from circuitlogic.connectors.solvers.objectives import soft_threshold
from circuitlogic.connectors.solvers.registry import solver_named
from circuitlogic.connectors.training import TrainedConnector, linear_tail, train_connector
from circuitlogic.errors import ConfigError, DataError, UnknownNameError
from circuitlogic.saes.base import Weights
from circuitlogic.saes.relu import Relu
from circuitlogic.saes.statistics import feature_statistics

PLANTED = ConnectorConfig(solver="proximal", init="random", l1=0.001, epochs=20, batch_size=200, lr=0.02)


@pytest.fixture(scope="module")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedConnector, torch.Tensor]:
    """A connector trained on a planted map (output 3 dead), and the planted weights."""
    weight, bias = planted_map(20, 10, seed=1)
    source = sparse_features(2000, 20, seed=2)
    target = torch.relu(source @ weight.T + bias)
    target[:, 3] = 0.0
    weight[3] = 0.0
    return train_connector(
        pairs_of(tmp_path_factory.mktemp("planted"), source, target), None, PLANTED, 0
    ), weight


def context(
    source: Dictionary,
    target: Dictionary,
    affine: tuple[torch.Tensor, torch.Tensor] | None,
    generator: torch.Generator,
) -> InitContext:
    """For a solver that works in unit scale."""
    ones = [torch.ones_like(d.statistics.scales) for d in (source, target)]
    return InitContext(source, target, affine, generator, *ones)


def test_the_proximal_solver_finds_a_planted_sparse_map(
    recovered: tuple[TrainedConnector, torch.Tensor],
) -> None:
    trained, planted = recovered
    found = trained.connector
    assert torch.equal(found.thresholded(0.1).weight.sign(), planted.sign())
    assert torch.allclose(found.weight, planted, atol=0.2)
    assert (found.weight[planted < 0] < -1.0).all()


def test_the_proximal_solver_leaves_exact_zeros(recovered: tuple[TrainedConnector, torch.Tensor]) -> None:
    trained, planted = recovered
    assert (trained.connector.weight[planted == 0] == 0).double().mean() > 0.9


def test_the_proximal_solver_reaches_the_lasso_optimum(tmp_path: Path) -> None:
    """At the optimum the objective's slope is l1 against every non-zero weight and at most l1 at every zero."""
    weight, bias = planted_map(8, 4, seed=5)
    source = sparse_features(400, 8, seed=6)
    pairs = pairs_of(tmp_path, source, torch.relu(source @ weight.T + bias))
    config = ConnectorConfig(solver="proximal", init="random", l1=0.01, epochs=250, batch_size=400, lr=0.03)
    made = train_connector(pairs, None, config, 0).connector
    features, targets = next(pairs.batches(400, None))
    found = made.unit_weight.clone().requires_grad_()
    proximal.OBJECTIVE.loss(features @ found.T + made.unit_bias, targets, found, 0.0).backward()
    assert found.grad is not None
    zero = made.weight == 0
    assert 0.3 < zero.double().mean() < 0.8
    assert torch.allclose(found.grad[~zero], -0.01 * made.weight[~zero].sign(), atol=1e-3)
    assert (found.grad[zero].abs() < 0.011).all()


def test_dead_outputs_stay_empty_in_every_snapshot(recovered: tuple[TrainedConnector, torch.Tensor]) -> None:
    trained, _ = recovered
    assert trained.connector.bias[3] == 0
    assert all((snapshot[3] == 0).all() for snapshot in trained.snapshots)
    assert len(trained.snapshots) == PLANTED.epochs + 1


def test_the_loss_falls_and_the_last_snapshot_is_the_result(
    recovered: tuple[TrainedConnector, torch.Tensor],
) -> None:
    trained, _ = recovered
    assert len(trained.losses) == PLANTED.epochs
    assert trained.losses[-1] < 0.1 * trained.losses[0]
    assert torch.allclose(trained.snapshots[-1], trained.connector.unit_weight, atol=1e-6)


@pytest.mark.parametrize("solver", ["proximal", "gradient"])
def test_the_seed_decides_every_byte(tmp_path: Path, solver: str) -> None:
    weight, bias = planted_map(8, 5, seed=3)
    source = sparse_features(300, 8, seed=4)
    pairs = pairs_of(tmp_path, source, torch.relu(source @ weight.T + bias))
    config = ConnectorConfig(solver=solver, init="random", epochs=2, batch_size=64)  # type: ignore[arg-type]
    once, again, other = (train_connector(pairs, None, config, seed).connector for seed in (5, 5, 6))
    assert once.weight.numpy().tobytes() == again.weight.numpy().tobytes()
    assert once.bias.numpy().tobytes() == again.bias.numpy().tobytes()
    assert not torch.equal(once.weight, other.weight)


def test_raw_units_of_a_feature_do_not_change_unit_weights(tmp_path: Path) -> None:
    weight, bias = planted_map(8, 5, seed=3)
    source = sparse_features(400, 8, seed=4)
    target = torch.relu(source @ weight.T + bias)
    config = ConnectorConfig(solver="proximal", init="random", epochs=3, batch_size=64)
    plain = train_connector(pairs_of(tmp_path / "1", source, target), None, config, 0).connector
    scaled = train_connector(pairs_of(tmp_path / "2", 4 * source, target / 8), None, config, 0).connector
    assert torch.allclose(plain.unit_weight, scaled.unit_weight, atol=1e-5)
    assert torch.allclose(plain.unit_bias, scaled.unit_bias, atol=1e-5)
    assert torch.allclose(scaled.weight, plain.weight / 32, atol=1e-6)


@pytest.mark.parametrize("solver", ["proximal", "gradient"])
def test_a_loss_that_is_not_finite_is_refused(tmp_path: Path, solver: str) -> None:
    source = sparse_features(200, 4, seed=0)
    config = ConnectorConfig(solver=solver, init="random", epochs=2, batch_size=16, lr=1e30)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"connectors\.lr"):
        train_connector(pairs_of(tmp_path, source, source), None, config, 0)


def test_the_gradient_solver_minimises_the_seeds_formula() -> None:
    """By hand, raw units: errors (1, -0.5), W = [[2, -4]] -> MSE 0.625, mean |W| 3."""
    z, target = torch.tensor([[2.0], [-12.0]]), torch.tensor([[1.0], [0.5]])
    loss = gradient.OBJECTIVE.loss(z, target, torch.tensor([[2.0, -4.0]]), 0.1)
    assert float(loss) == pytest.approx(0.625 + 0.1 * 3.0)


def test_the_convex_objective_punishes_silent_targets_only_from_above() -> None:
    """½(2 - 1)² and ½·3² count; z = -5 at a silent target does not. Mean over two samples, summed over outputs."""
    z, target = torch.tensor([[1.0, 3.0], [-5.0, -5.0]]), torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    loss = proximal.OBJECTIVE.loss(z, target, torch.ones(2, 1), 7.0)
    assert float(loss) == pytest.approx((0.5 + 4.5) / 2)


def test_the_convex_objective_pulls_a_silent_unit_towards_its_firing_target() -> None:
    z = torch.tensor([[-1.0]], requires_grad=True)
    proximal.OBJECTIVE.loss(z, torch.tensor([[2.0]]), torch.ones(1, 1), 0.0).backward()
    assert z.grad is not None
    assert z.grad.item() == pytest.approx(-3.0)


def test_soft_thresholding_shrinks_and_leaves_exact_zeros() -> None:
    weight = torch.tensor([[0.5, -0.5, 0.2, -0.2, 0.0, 0.1]])
    soft_threshold(weight, torch.tensor([[0.2, 0.2, 0.2, 0.3, 0.2, 0.05]]))
    assert torch.allclose(weight, torch.tensor([[0.3, -0.3, 0.0, 0.0, 0.0, 0.05]]))
    assert int((weight != 0).sum()) == 3


def test_a_random_start_is_uniform_in_the_units_of_the_solver() -> None:
    a = Dictionary("a", identity_sae(2), replace(plain_statistics(2), scales=torch.tensor([0.01, 1.0])))
    b = Dictionary("b", identity_sae(1), replace(plain_statistics(1), scales=torch.tensor([5.0])))
    scales = (a.statistics.scales, b.statistics.scales)
    unit = start_named("random")(InitContext(a, b, None, seeded(1), *scales)).weight
    raw = unit * scales[1][:, None] / scales[0]
    assert (raw.abs() <= 2**-0.5).all()
    assert torch.allclose(raw, start_named("random")(context(a, b, None, seeded(1))).weight)


def test_an_unknown_solver_or_start_suggests_the_right_one() -> None:
    with pytest.raises(UnknownNameError, match="proximal"):
        solver_named("proximl")
    with pytest.raises(UnknownNameError, match="analytic"):
        start_named("analitic")


def test_the_learning_rate_is_full_then_falls_to_almost_nothing() -> None:
    factors = [linear_tail(step, 100) for step in range(100)]
    assert factors[:70] == [1.0] * 70
    assert all(a > b for a, b in pairwise(factors[70:]))
    assert factors[-1] < 0.05


def orthogonal(d: int, seed: int) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(d, d, generator=seeded(seed)))[0]


@pytest.mark.parametrize("subtract", [True, False])
def test_the_analytic_start_is_exact_for_orthogonal_dictionaries_and_an_affine_layer(
    tmp_path: Path, subtract: bool
) -> None:
    d = 6
    one, two = orthogonal(d, 1), orthogonal(d, 2)
    layer, layer_bias = torch.randn(d, d, generator=seeded(3)), torch.randn(d, generator=seeded(4))
    centre, shift = torch.randn(d, generator=seeded(5)), torch.randn(d, generator=seeded(6))
    sae_in = Relu(Weights(one.T.contiguous(), torch.zeros(d), one, centre), 0.0)
    sae_out = Relu(Weights(two.T.contiguous(), shift, two, 2 * centre), 0.0, apply_b_dec_to_input=subtract)
    first = sparse_features(500, d, seed=7) @ one + centre
    activations = stored(tmp_path, {"a": first, "b": first @ layer.T + layer_bias})
    ends = [
        Dictionary(site, sae, feature_statistics(sae, activations.stores[site], 0.1))
        for site, sae in (("a", sae_in), ("b", sae_out))
    ]
    start = start_named("analytic")(context(ends[0], ends[1], (layer, layer_bias), seeded(0)))
    rows = {site: torch.from_numpy(values) for site, values in activations.rows(slice(None)).items()}
    predicted = torch.relu(ends[0].unit_features(rows["a"]) @ start.weight.T + start.bias)
    assert torch.allclose(predicted, ends[1].unit_features(rows["b"]), atol=1e-4)


def test_the_analytic_start_needs_a_known_layer_and_one_layer_encoders(tmp_path: Path) -> None:
    activations = stored(tmp_path, {"a": sparse_features(50, 3, 0), "b": sparse_features(50, 3, 1)})
    a, b = (identity_dictionary(activations, site) for site in "ab")
    affine = (torch.eye(3), torch.zeros(3))
    with pytest.raises(ConfigError, match=r"connectors\.init = 'random'"):
        start_named("analytic")(context(a, b, None, seeded(0)))

    class Foreign:
        def encode(self, x: torch.Tensor) -> torch.Tensor:
            return x.relu()

    with pytest.raises(ConfigError, match="one-layer dictionaries"):
        start_named("analytic")(context(a, Dictionary("b", Foreign(), b.statistics), affine, seeded(0)))


def test_the_random_start_is_bounded_seeded_and_without_bias(tmp_path: Path) -> None:
    activations = stored(tmp_path, {"a": sparse_features(50, 4, 0), "b": sparse_features(50, 9, 1)})
    a, b = (identity_dictionary(activations, site) for site in "ab")
    starts = [start_named("random")(context(a, b, None, seeded(s))) for s in (1, 1, 2)]
    assert starts[0].weight.shape == (9, 4)
    assert starts[0].weight.abs().max() <= 0.5
    assert torch.equal(starts[0].weight, starts[1].weight)
    assert not torch.equal(starts[0].weight, starts[2].weight)
    assert not starts[0].bias.any()
