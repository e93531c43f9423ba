"""What each SAE architecture computes: activations, losses, gradients, constraints, initial values."""

from dataclasses import replace
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sae_cases import SETTINGS, planted

from circuitlogic.config import Architecture, SaeConfig
from circuitlogic.errors import ConfigError, UnknownNameError
from circuitlogic.saes.base import SparseAutoencoder, Weights
from circuitlogic.saes.batch_topk import BatchTopK
from circuitlogic.saes.jumprelu import JumpRelu
from circuitlogic.saes.registry import (
    architecture_named,
    architecture_names,
    feature_count,
    register_architecture,
)
from circuitlogic.saes.relu import Relu
from circuitlogic.saes.relu_tied import ReluTied
from circuitlogic.saes.topk import TopK, auxiliary_loss

EYE = torch.eye(3)
PLAIN = Weights(W_enc=EYE, b_enc=torch.zeros(3), W_dec=EYE, b_dec=torch.zeros(3))
UNTIED = ("relu", "topk", "batch_topk", "jumprelu")


def untrained(name: str, d_in: int = 8, d_sae: int = 12, seed: int = 0) -> SparseAutoencoder:
    sae = architecture_named(name).initial(d_in, d_sae, SETTINGS[name], torch.Generator().manual_seed(seed))
    sae.fit_to(torch.linspace(-0.2, 0.3, d_in), 0.7)
    return sae


def test_every_name_a_config_allows_is_registered() -> None:
    assert set(architecture_names()) == set(get_args(Architecture)) == set(SETTINGS)
    assert all(architecture_named(name).architecture == name for name in architecture_names())


def test_registering_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="'topk' is registered already"):
        register_architecture(TopK)
    assert architecture_named("topk") is TopK


def test_an_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean batch_topk"):
        architecture_named("batchtopk")


@pytest.mark.parametrize(("expansion", "d_in", "count"), [(4.0, 64, 256), (0.5, 3, 2), (1.0 / 3.0, 3, 1)])
def test_feature_count(expansion: float, d_in: int, count: int) -> None:
    assert feature_count(SaeConfig(expansion=expansion), d_in) == count


def test_an_expansion_that_gives_no_feature_is_refused() -> None:
    with pytest.raises(ConfigError, match="gives no feature for 3 components"):
        feature_count(SaeConfig(expansion=0.1), 3)


@pytest.mark.parametrize("name", ["topk", "batch_topk"])
def test_k_above_the_number_of_features_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"saes\.k = 16 is more than the 8 features"):
        architecture_named(name).initial(4, 8, SaeConfig(k=16), torch.Generator())


@pytest.mark.parametrize("name", SETTINGS)
def test_shapes_and_non_negative_features(name: str) -> None:
    sae = untrained(name)
    x = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    features = sae.encode(x)
    assert (sae.d_in, sae.d_sae) == (8, 12)
    assert features.shape == (5, 12)
    assert bool((features >= 0).all())
    assert bool((features > 0).any())
    assert torch.equal(sae(x), sae.decode(features))
    assert sae.weights().W_dec.shape == (12, 8)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_sample_is_encoded_alone_as_in_a_batch(name: str) -> None:
    sae = untrained(name).train()
    x = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    alone = torch.cat([sae.encode(row[None]) for row in x])
    torch.testing.assert_close(alone, sae.encode(x))


@pytest.mark.parametrize("name", SETTINGS)
def test_reordering_features_reorders_codes_and_keeps_reconstructions(name: str) -> None:
    sae = untrained(name)
    x = torch.randn(6, 8, generator=torch.Generator().manual_seed(1))
    order = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    weights, form = sae.weights(), sae.stored_form()
    threshold = None if form.threshold is None else form.threshold.detach()[order]
    shuffled = type(sae).restored(
        Weights(weights.W_enc[:, order], weights.b_enc[order], weights.W_dec[order], weights.b_dec),
        replace(form, threshold=threshold),
        sae.apply_b_dec_to_input,
    )
    torch.testing.assert_close(shuffled.encode(x), sae.encode(x)[:, order])
    torch.testing.assert_close(shuffled(x), sae(x))


@pytest.mark.parametrize("name", UNTIED)
def test_untied_ones_start_with_unit_rows_and_the_data_mean(name: str) -> None:
    sae = untrained(name)
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(12))
    assert torch.equal(sae.b_dec, torch.linspace(-0.2, 0.3, 8))
    assert sae.apply_b_dec_to_input


def test_the_tied_one_decodes_with_the_transpose_and_no_bias() -> None:
    sae = ReluTied(torch.tensor([[1.0, 0.0, -2.0], [0.0, 3.0, 1.0]]), torch.tensor([0.5, 0.0, 0.0]), 1.0)
    x = torch.tensor([[1.0, 2.0]])
    assert sae.encode(x).tolist() == [[1.5, 6.0, 0.0]]
    assert sae(x).tolist() == [[1.5, 18.0]]
    sae.fit_to(torch.ones(2), 1.0)
    assert sae.b_dec.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("kind", [ReluTied, Relu])
def test_l1_loss_is_mse_plus_l1_times_the_mean_feature(kind: type[SparseAutoencoder]) -> None:
    sae = ReluTied(EYE, torch.zeros(3), 2.0) if kind is ReluTied else Relu(PLAIN, 2.0)
    parts = sae.training_loss(torch.tensor([[1.0, -3.0, 0.0], [0.0, 2.0, 0.0]]))
    assert parts.reconstruction.item() == pytest.approx(9 / 6)
    assert parts.sparsity.item() == pytest.approx(2.0 * 3 / 6)
    assert parts.total.item() == pytest.approx(9 / 6 + 1.0)
    assert parts.fired.tolist() == [True, True, False]


def test_the_decoder_bias_is_subtracted_only_where_it_should_be() -> None:
    weights = replace(PLAIN, b_dec=torch.tensor([1.0, 0.0, 0.0]))
    x = torch.tensor([[3.0, 1.0, 0.0]])
    assert Relu(weights, 1.0).encode(x).tolist() == [[2.0, 1.0, 0.0]]
    assert Relu(weights, 1.0, apply_b_dec_to_input=False).encode(x).tolist() == [[3.0, 1.0, 0.0]]


@settings(max_examples=30, deadline=None)
@given(k=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_topk_keeps_the_k_largest_and_nothing_else(k: int, seed: int) -> None:
    z = torch.randn(7, 12, generator=torch.Generator().manual_seed(seed))
    sae = TopK(Weights(torch.eye(12), torch.zeros(12), torch.eye(12), torch.zeros(12)), k)
    features = sae.encode(z)
    assert torch.equal((features > 0).sum(1), (z > 0).sum(1).clamp_max(k))
    kept = torch.where(features > 0, features, torch.inf).min(dim=1).values
    dropped = torch.where((features == 0) & (z > 0), z, -torch.inf).max(dim=1).values
    assert bool((kept > dropped).all())
    assert torch.equal(features[features > 0], z[features > 0])


def test_topk_fires_exactly_k_where_enough_are_positive() -> None:
    sae = untrained("topk", d_in=8, d_sae=64)
    x = torch.randn(50, 8, generator=torch.Generator().manual_seed(3))
    assert (sae.encode(x) > 0).sum(1).tolist() == [SETTINGS["topk"].k] * 50


def test_batch_topk_shares_k_among_the_batch_and_its_threshold_follows() -> None:
    sae = BatchTopK(PLAIN, k=1).train()
    x = torch.tensor([[5.0, 4.0, 1.0], [0.5, 0.0, 0.2]])
    parts = sae.training_loss(x)
    assert parts.fired.tolist() == [True, True, False]
    assert parts.reconstruction.item() == pytest.approx((1.0 + 0.25 + 0.04) / 6)
    assert float(sae.threshold) == pytest.approx(4.0)
    sae.training_loss(torch.tensor([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))
    assert float(sae.threshold) == pytest.approx(0.99 * 4.0 + 0.01 * 2.0)
    assert (sae.encode(x) > 0).tolist() == [[True, True, False], [False, False, False]]


def test_batch_topk_keeps_its_threshold_in_evaluation_mode_and_on_silent_batches() -> None:
    sae = BatchTopK(PLAIN, k=1, threshold=2.5)
    sae.eval().training_loss(torch.full((2, 3), 9.0))
    sae.train().training_loss(torch.full((2, 3), -9.0))
    assert float(sae.threshold) == 2.5


def test_jumprelu_passes_what_exceeds_the_threshold() -> None:
    sae = JumpRelu(PLAIN, torch.tensor([1.0, 0.0, 2.0]), 0.1)
    x = torch.tensor([[1.0, -1.0, 2.5], [1.1, 0.3, 2.0]])
    torch.testing.assert_close(sae.encode(x), torch.tensor([[0.0, 0.0, 2.5], [1.1, 0.3, 0.0]]))


def test_jumprelu_threshold_gradient_is_the_papers_pseudo_derivative() -> None:
    width, l0, theta = 0.4, 0.1, 1.0
    sae = JumpRelu(PLAIN, torch.full((3,), theta), l0, width=width)
    x = torch.tensor([[1.1, 0.9, 1.5]])
    parts = sae.training_loss(x)
    parts.total.backward()
    assert float(parts.sparsity.detach()) == pytest.approx(l0 * 2)
    # Only the first two lie within width/2 of θ. dMSE/dF = 2 (F - x) / 3 with F = (1.1, 0, 1.5).
    wanted = [-theta / width * 2 * (0.0) / 3 - l0 / width, -theta / width * 2 * (-0.9) / 3 - l0 / width, 0.0]
    assert sae.threshold.grad is not None
    assert sae.threshold.grad.tolist() == pytest.approx(wanted, rel=1e-5)


def test_jumprelu_thresholds_stay_at_zero_or_above() -> None:
    sae = JumpRelu(PLAIN, torch.tensor([-1.0, 0.5, 0.0]), 0.1)
    sae.constrain_weights()
    assert sae.threshold.tolist() == [0.0, 0.5, 0.0]


@pytest.mark.parametrize("name", UNTIED)
def test_constraints_keep_rows_at_unit_norm_and_gradients_across_them(name: str) -> None:
    sae = untrained(name)
    x = torch.randn(32, 8, generator=torch.Generator().manual_seed(1))
    sae.training_loss(x).total.backward()
    gradient = sae.get_parameter("decoder").grad
    assert gradient is not None
    before = gradient.clone()
    sae.constrain_gradients()
    rows = sae.W_dec.detach()
    assert (gradient * rows).sum(dim=1).abs().max().item() < 1e-6
    assert not torch.equal(before, gradient)
    torch.testing.assert_close(before - gradient, (before * rows).sum(1, keepdim=True) * rows)
    with torch.no_grad():
        sae.W_dec.mul_(3.0)
    sae.constrain_weights()
    torch.testing.assert_close(sae.W_dec.norm(dim=1), torch.ones(12))


def test_auxiliary_loss_on_a_hand_made_residual() -> None:
    # x = 2 units on component 0 or 1; nothing is reconstructed, the silent feature 0 explains component 0.
    sae = TopK(PLAIN, k=1)
    x = torch.tensor([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    silent = torch.tensor([True, False, False])
    variance = 2.0 / 3.0
    loss = auxiliary_loss(sae, x, torch.zeros_like(x), sae.pre_activations(x), silent)
    assert float(loss.detach()) == pytest.approx(0.5 * variance)


@pytest.mark.parametrize("name", ["topk", "batch_topk"])
def test_only_silent_features_learn_from_the_auxiliary_loss(name: str) -> None:
    sae = untrained(name).eval()
    x, _ = planted(64, 0)
    silent = torch.zeros(12, dtype=torch.bool)
    silent[[2, 7]] = True
    with_aux = sae.training_loss(x[:, :8], silent)
    assert float(with_aux.sparsity.detach()) > 0.0
    assert float(sae.training_loss(x[:, :8], torch.zeros_like(silent)).sparsity.detach()) == 0.0
    with_aux.sparsity.backward()
    gradient = sae.get_parameter("decoder").grad
    assert gradient is not None
    assert torch.equal(gradient.abs().sum(dim=1) > 0, silent)


@pytest.mark.parametrize("name", ["topk", "batch_topk"])
def test_losses_grow_with_the_square_of_the_data(name: str) -> None:
    x = torch.randn(64, 8, generator=torch.Generator().manual_seed(4))
    silent = torch.arange(12) < 3
    small, large = (untrained(name).eval() for _ in range(2))
    for sae, scale in ((small, 1.0), (large, 4.0)):
        sae.fit_to(torch.zeros(8), scale)
    one, four = small.training_loss(x, silent), large.training_loss(4.0 * x, silent)
    assert float(four.total.detach()) == pytest.approx(16 * float(one.total.detach()), rel=1e-4)


@pytest.mark.parametrize("name", SETTINGS)
def test_revived_features_point_where_they_are_told_and_others_stay(name: str) -> None:
    sae = untrained(name)
    before = sae.weights()
    before = Weights(*(t.clone() for t in (before.W_enc, before.b_enc, before.W_dec, before.b_dec)))
    which, directions = torch.tensor([1, 5]), torch.eye(8)[[3, 4]]
    sae.revive(which, directions)
    rows = torch.nn.functional.normalize(sae.W_dec.detach())[which]
    torch.testing.assert_close(rows, directions)
    torch.testing.assert_close(torch.nn.functional.normalize(sae.W_enc.detach().T)[which], directions)
    others = torch.ones(12, dtype=torch.bool)
    others[which] = False
    assert torch.equal(sae.weights().W_enc[:, others], before.W_enc[:, others])
    assert torch.equal(sae.weights().W_dec[others], before.W_dec[others])
    half = 0.5 * before.W_enc.norm(dim=0)[others].mean()
    torch.testing.assert_close(sae.W_enc.detach().norm(dim=0)[which], half.expand(2))
