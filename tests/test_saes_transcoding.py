"""Transcoders: the readout against its closed form, features unchanged, training that predicts better."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sae_cases import SETTINGS, planted
from torch import Tensor

from circuitlogic.connectors.readout import linear_readout
from circuitlogic.errors import ConfigError, DataError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.registry import architecture_names
from circuitlogic.saes.rows import TensorRows
from circuitlogic.saes.saelens import load_coder, save_sae
from circuitlogic.saes.training import train_sae
from circuitlogic.saes.transcoding import train_transcoder, with_decoder

D_OUT = 5
UNTIED = tuple(name for name in architecture_names() if name != "relu_tied")


def _layer(x: Tensor) -> Tensor:
    """A layer with a nonlinearity, from 16 components to 5."""
    weight = torch.randn(16, D_OUT, generator=torch.Generator().manual_seed(5))
    return torch.relu(x @ weight) - 0.3


@pytest.fixture(scope="module")
def samples() -> tuple[Tensor, Tensor]:
    x = planted(1500, 0)[0]
    return x, planted(500, 1)[0]


@pytest.fixture(scope="module")
def saes(samples: tuple[Tensor, Tensor]) -> dict[str, SparseAutoencoder]:
    return {
        name: train_sae(*samples, replace(SETTINGS[name], epochs=4), seed=0).sae for name in ("topk", "gated")
    }


def _error(transcoder: torch.nn.Module, x: Tensor) -> float:
    with torch.no_grad():
        return float((transcoder(x) - _layer(x)).square().mean())


def test_the_readout_is_least_squares(samples: tuple[Tensor, Tensor], saes: dict[str, SparseAutoencoder]):
    x, sae = samples[0], saes["topk"]
    found = linear_readout(sae, TensorRows(x), TensorRows(_layer(x)), ridge=0.0)
    with torch.no_grad():
        features = sae.encode(x).double().numpy()
    fired = (features > 0).any(axis=0)
    design = np.hstack([features[:, fired], np.ones((len(x), 1))])
    expected = np.linalg.lstsq(design, _layer(x).double().numpy(), rcond=None)[0]
    assert np.allclose(found.weight.numpy()[fired], expected[:-1], atol=1e-4)
    assert np.allclose(found.bias.numpy(), expected[-1], atol=1e-4)
    assert not found.weight.numpy()[~fired].any()


def test_ridge_shrinks(samples: tuple[Tensor, Tensor], saes: dict[str, SparseAutoencoder]):
    rows = TensorRows(samples[0]), TensorRows(_layer(samples[0]))
    norms = [float(linear_readout(saes["topk"], *rows, ridge).weight.norm()) for ridge in (0.0, 0.1, 10.0)]
    assert norms == sorted(norms, reverse=True)
    assert norms[2] < 0.5 * norms[0]


def test_rows_that_do_not_pair_are_refused(
    samples: tuple[Tensor, Tensor], saes: dict[str, SparseAutoencoder]
):
    x, fewer = TensorRows(samples[0]), TensorRows(_layer(samples[1]))
    with pytest.raises(DataError, match="1500 inputs and 500 targets"):
        linear_readout(saes["topk"], x, fewer, 0.0)
    with pytest.raises(DataError, match="1500 inputs and 500 targets"):
        train_transcoder(x, fewer, SETTINGS["topk"], seed=0)


@pytest.mark.parametrize("name", UNTIED)
def test_another_decoder_leaves_the_features(name: str, samples: tuple[Tensor, Tensor]):
    sae = train_sae(*samples, replace(SETTINGS[name], epochs=1), seed=0).sae
    weight = torch.randn(sae.d_sae, D_OUT, generator=torch.Generator().manual_seed(1))
    transcoder = with_decoder(sae, weight, torch.ones(D_OUT))
    with torch.no_grad():
        features = sae.encode(samples[1])
        torch.testing.assert_close(transcoder.encode(samples[1]), features, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(transcoder(samples[1]), features @ weight + 1.0, atol=1e-4, rtol=1e-4)


def test_a_tied_autoencoder_has_no_decoder_to_exchange(samples: tuple[Tensor, Tensor]):
    sae = train_sae(*samples, replace(SETTINGS["relu_tied"], epochs=1), seed=0).sae
    with pytest.raises(ConfigError, match="relu_tied"):
        with_decoder(sae, torch.zeros(32, D_OUT), torch.zeros(D_OUT))


@pytest.mark.parametrize("name", UNTIED)
def test_training_predicts_held_out_samples(name: str, samples: tuple[Tensor, Tensor]):
    x, heldout = samples
    rows = TensorRows(x), TensorRows(_layer(x))
    settings = replace(SETTINGS[name], l1=0.02, l0=0.001)
    trained = train_transcoder(*rows, settings, seed=3)
    again = train_transcoder(*rows, settings, seed=3)
    variance = float(_layer(heldout).var(dim=0).mean())
    assert _error(trained, heldout) < 0.5 * variance
    assert torch.equal(trained.code.W_enc, again.code.W_enc)
    with torch.no_grad():
        assert float((trained.encode(heldout) > 0).double().mean()) < 0.5


def test_a_transcoder_survives_its_file(
    samples: tuple[Tensor, Tensor], saes: dict[str, SparseAutoencoder], tmp_path: Path
):
    rows = TensorRows(samples[0]), TensorRows(_layer(samples[0]))
    readout = linear_readout(saes["gated"], *rows, 1e-4)
    transcoder = with_decoder(saes["gated"], readout.weight, readout.bias)
    save_sae(transcoder, tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(load_coder(tmp_path)(samples[1]), transcoder(samples[1]))
