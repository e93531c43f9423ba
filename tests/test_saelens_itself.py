"""What we write, loaded by SAELens itself; skipped where that is not installed (`pip install sae-lens`)."""

from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_cases import CASES, D, X
from sae_cases import SETTINGS
from test_saes_files import an_sae

from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.coders import AnyCoder
from circuitlogic.saes.foreign.registry import open_dictionary
from circuitlogic.saes.saelens import load_coder, save_sae, what_saelens_lacks

pytestmark = pytest.mark.filterwarnings("ignore")


def theirs(folder: Path) -> Any:
    """The dictionary as the library loads it."""
    library = pytest.importorskip("sae_lens", reason="sae-lens is not installed")
    return library.SAE.load_from_disk(str(folder), device="cpu").eval()


@torch.no_grad()
def same(coder: AnyCoder, folder: Path, x: torch.Tensor) -> Any:
    """Check that features and predictions are the same, and return theirs."""
    save_sae(coder, folder, {"model_name": "m", "hook_name": "hidden.0"})
    loaded = theirs(folder)
    features = coder.encode(x)
    torch.testing.assert_close(loaded.encode(x), features, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(loaded(x), coder.predict(features, x), atol=1e-5, rtol=1e-5)
    assert bool((features > 0).any())
    assert loaded.cfg.metadata.hook_name == "hidden.0"
    return loaded


@pytest.mark.parametrize("name", SETTINGS)
def test_saelens_computes_what_our_architectures_compute(name: str, tmp_path: Path) -> None:
    sae = an_sae(name)
    same(sae, tmp_path / "ours", torch.randn(40, sae.d_in, generator=torch.Generator().manual_seed(7)))


@pytest.mark.parametrize("name", CASES)
def test_saelens_computes_what_was_read_from_elsewhere(name: str, tmp_path: Path) -> None:
    coder = open_dictionary(CASES[name].write(tmp_path / "it")).load()
    reason = what_saelens_lacks(coder)
    if reason is None:
        same(coder, tmp_path / "ours", X)
        return
    assert not isinstance(coder, SparseAutoencoder)
    save_sae(coder, tmp_path / "ours")
    with pytest.raises((ValueError, KeyError)):
        theirs(tmp_path / "ours")


@pytest.mark.parametrize("name", ["relu", "topk", "batch_topk", "gated"])
@torch.no_grad()
def test_what_saelens_saves_again_is_read_alike(name: str, tmp_path: Path) -> None:
    sae = an_sae(name)
    x = torch.randn(40, D, generator=torch.Generator().manual_seed(7))
    same(sae, tmp_path / "ours", x).save_model(str(tmp_path / "theirs"))
    again = load_coder(tmp_path / "theirs")
    assert torch.equal(again.encode(x), sae.encode(x))
    assert torch.equal(again.predict(again.encode(x), x), sae(x))
