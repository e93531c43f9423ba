"""SAE metrics and feature scales on hand-made examples, and the laws they obey."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from circuitlogic.errors import DataError
from circuitlogic.saes.base import Weights
from circuitlogic.saes.metrics import (
    CHUNK,
    Moments,
    encoded,
    metrics_given_fired,
    moments_of,
    sae_metrics,
)
from circuitlogic.saes.relu import Relu
from circuitlogic.saes.rows import rows_of


def two_feature_sae(scale: float = 1.0) -> Relu:
    """f = (x0, x1)+ on three components, of which the last is never reconstructed."""
    W_enc = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    return Relu(Weights(W_enc, torch.zeros(2), W_enc.T * scale, torch.zeros(3)), 1.0)


HELD = torch.tensor([[2.0, 0.0, 1.0], [4.0, 0.0, -1.0]])


def test_each_metric_by_hand() -> None:
    training = torch.tensor([[-1.0, 0.0, 0.0], [1.0, -5.0, 9.0]])
    metrics = sae_metrics(two_feature_sae(), HELD, training)
    assert metrics.mse == pytest.approx(2 / 6)
    assert metrics.l1 == pytest.approx(6 / 4)
    assert metrics.fvu == pytest.approx(2 / (2 + 0 + 2))
    assert metrics.l0 == pytest.approx(1.0)
    assert metrics.dead == pytest.approx(0.5)
    assert (metrics.samples, metrics.split) == (2, "heldout")


def test_dead_is_counted_on_training_data_only() -> None:
    live = torch.tensor([[1.0, 1.0, 0.0]])
    assert sae_metrics(two_feature_sae(), HELD, live).dead == 0.0
    assert sae_metrics(two_feature_sae(), live, -live).dead == 1.0


def test_scaling_the_data_squares_the_error_and_keeps_shares() -> None:
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    one, three = (sae_metrics(two_feature_sae(), scale * x, x) for scale in (1.0, 3.0))
    assert three.mse == pytest.approx(9 * one.mse)
    assert three.l1 == pytest.approx(3 * one.l1)
    assert three.fvu == pytest.approx(one.fvu)
    assert three.l0 == one.l0


def test_the_order_of_samples_does_not_matter_and_chunks_do_not_show() -> None:
    x = torch.randn(CHUNK + 123, 3, generator=torch.Generator().manual_seed(0))
    x[:, 2] += 50.0
    metrics = sae_metrics(two_feature_sae(), x, x)
    shuffled = sae_metrics(two_feature_sae(), x.flip(0), x)
    assert metrics.fvu == pytest.approx(shuffled.fvu)
    wide = x.double()
    wide_hat = torch.cat([wide[:, :2].clamp_min(0), torch.zeros(len(x), 1).double()], dim=1)
    error = (wide_hat - wide).square().sum()
    assert metrics.fvu == pytest.approx(float(error / (wide - wide.mean(0)).square().sum()))
    assert metrics.l0 == pytest.approx(float((x[:, :2] > 0).sum(1).double().mean()))


def test_predicting_the_mean_gives_an_fvu_of_one() -> None:
    x = torch.randn(300, 3, generator=torch.Generator().manual_seed(5))
    zero = Weights(torch.zeros(3, 2), torch.zeros(2), torch.zeros(2, 3), x.mean(dim=0))
    metrics = sae_metrics(Relu(zero, 1.0), x, x)
    assert metrics.fvu == pytest.approx(1.0)
    assert (metrics.l0, metrics.l1, metrics.dead) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("value", "fvu"), [(0.0, 0.0), (1.0, 1.0)])
def test_constant_data_has_an_fvu_without_dividing_by_zero(value: float, fvu: float) -> None:
    x = torch.zeros(4, 3)
    x[:, 2] = value
    assert sae_metrics(two_feature_sae(), x, x).fvu == fvu


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    x = HELD.clone()
    x[0, 0] = bad
    with pytest.raises(DataError, match="the heldout activations hold NaN or infinite"):
        sae_metrics(two_feature_sae(), x, HELD)


def test_an_sae_that_overflows_is_refused() -> None:
    sae = two_feature_sae(scale=1e38)
    with pytest.raises(DataError, match="gives NaN or infinite values on the heldout"):
        metrics_given_fired(sae, 1e6 * HELD, torch.ones(2, dtype=torch.bool), "heldout")


@pytest.mark.parametrize(
    ("x", "reason"),
    [(torch.zeros(0, 3), "at least one row"), (torch.zeros(2, 4), "4 components instead of 3")],
)
def test_data_that_does_not_fit_is_refused(x: Tensor, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        sae_metrics(two_feature_sae(), x, HELD)


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(1, 39), seed=st.integers(0, 1000), shift=st.floats(-1e4, 1e4))
def test_moments_in_parts_are_the_moments_of_the_whole(cut: int, seed: int, shift: float) -> None:
    x = shift + torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    zero = torch.zeros(3, dtype=torch.float64)
    moments = Moments(0, zero, zero).with_rows(x[:cut]).with_rows(x[cut:])
    assert moments.count == 40
    torch.testing.assert_close(moments.mean, x.mean(0))
    torch.testing.assert_close(moments.deviations, (x - x.mean(0)).square().sum(0), rtol=1e-6, atol=1e-6)


def test_moments_refuse_nan_by_name() -> None:
    with pytest.raises(DataError, match="the training activations hold NaN"):
        moments_of(rows_of(torch.full((3, 2), torch.nan), "training"), "training")


def test_encoded_streams_all_samples_in_order() -> None:
    x = torch.randn(CHUNK + 7, 3, generator=torch.Generator().manual_seed(0))
    chunks = list(encoded(two_feature_sae(), x))
    assert [len(chunk) for chunk in chunks] == [CHUNK, 7]
    torch.testing.assert_close(torch.cat(chunks), x[:, :2].clamp_min(0))
    assert not any(chunk.requires_grad for chunk in chunks)
    assert torch.is_grad_enabled()
