"""Dictionaries of other libraries: the same features and predictions as those libraries compute."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from foreign_cases import CASES, SET, D, M, X, write_layer
from safetensors.torch import load_file

from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.coders import Coder
from circuitlogic.saes.foreign.registry import FORMATS, dictionaries_at, open_dictionary
from circuitlogic.saes.saelens import load_coder, save_sae

REAL = os.environ.get("CIRCUITLOGIC_DATA")
SIXTEEN = [
    *(f"saelens-{kind}" for kind in ("standard", "topk", "jumprelu", "gated", "standard-resid-noinputbias")),
    *(f"saelens-{kind}" for kind in ("transcoder", "skip-transcoder", "jumprelu-transcoder")),
    *(f"dictlearn-{kind}" for kind in ("autoencoder", "topk", "batchtopk", "gated", "jumprelu")),
    *(f"sparsify-{kind}" for kind in ("sae", "transcoder", "skip-transcoder")),
]


@pytest.mark.skipif(REAL is None, reason="set CIRCUITLOGIC_DATA to a folder with sae/saelens-standard, ...")
@pytest.mark.parametrize("folder", SIXTEEN)
@torch.no_grad()
def test_dictionaries_of_three_libraries_give_what_they_gave_there(folder: str) -> None:
    root = Path(REAL or "") / "sae"
    row = next(row for row in json.loads((root / "index.json").read_text()) if row["folder"] == folder)
    expected = load_file(root / folder / "expected.safetensors")
    whole = load_file(root / "activations.safetensors")
    x = whole[row["input"]][:64]
    found = open_dictionary(root / folder)
    coder = found.load()
    features = coder.encode(x)
    assert (found.sizes.d_in, found.sizes.d_sae, found.sizes.d_out) == (128, 512, 128)
    assert torch.equal(features > 0, expected["features"] > 0)
    assert isinstance(coder, SparseAutoencoder) == (row["input"] == row["target"])
    for ours, theirs in ((features, "features"), (coder.predict(features, x), "reconstruction")):
        largest = float(expected[theirs].abs().max())
        assert float((ours - expected[theirs]).abs().max()) < 1e-4 * max(1.0, largest / 100.0)
    target, all_inputs = whole[row["target"]], whole[row["input"]]
    error = (coder.predict(coder.encode(all_inputs), all_inputs) - target).square().sum()
    assert float(error / (target - target.mean(0)).square().sum()) == pytest.approx(row["fvu"], abs=6e-4)


@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_every_variant_computes_what_its_library_does(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    coder = open_dictionary(case.write(tmp_path / "it")).load()
    assert isinstance(coder, Coder)
    assert coder.architecture == case.architecture
    assert not coder.training
    features = coder.encode(X)
    torch.testing.assert_close(features, case.features, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(coder.predict(features, X), case.prediction, atol=1e-5, rtol=1e-5)
    assert (coder.d_in, coder.d_sae, coder.d_out) == (D, M, case.prediction.shape[1])
    assert 0.05 < float((features > 0).float().mean()) < 0.95


@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_what_was_read_is_saved_and_read_back_to_the_bit(name: str, tmp_path: Path) -> None:
    coder = open_dictionary(CASES[name].write(tmp_path / "it")).load()
    save_sae(coder, tmp_path / "ours", {"hook_name": "here"})
    again = load_coder(tmp_path / "ours")
    assert type(again) is type(coder)
    assert again.architecture == coder.architecture
    assert torch.equal(again.encode(X), coder.encode(X))
    assert torch.equal(again(X), coder(X))
    save_sae(again, tmp_path / "again", {"hook_name": "here"})
    for file in ("cfg.json", "sae_weights.safetensors"):
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / "ours" / file).read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_headers_alone_tell_what_it_is(name: str, tmp_path: Path) -> None:
    path = CASES[name].write(tmp_path / "it")
    found = open_dictionary(path)

    def never(name: str) -> torch.Tensor:
        if "threshold" not in name:
            pytest.fail(f"{name} was read")
        return found.source.fetch(name)

    facts = replace(found, source=replace(found.source, fetch=never)).facts()
    assert (facts["d_in"], facts["d_sae"]) == (D, M)
    assert facts["architecture"] in CASES[name].architecture
    assert facts["format"] in {form.name for form in FORMATS}
    assert facts["transcoder"] == ("transcoder" in CASES[name].architecture)
    json.dumps(dict(facts), allow_nan=False)
    assert dictionaries_at(path) == ((path, facts["format"]),)


def test_layers_of_a_cross_layer_transcoder_add_up_to_it(tmp_path: Path) -> None:
    """Three layers, each writing to itself and those after it; the library sums all writes to an output."""
    generator = torch.Generator().manual_seed(5)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    encoders, biases, outs = draw(3, M, D), draw(3, M), draw(3, D)
    decoders = [draw(M, 3 - layer, D) for layer in range(3)]
    x = draw(3, 10, D)
    features = (torch.einsum("lbd,lfd->lbf", x, encoders) + biases[:, None]).relu()
    wanted = outs[:, None].repeat(1, 10, 1)
    for layer in range(3):
        for later in range(layer, 3):
            wanted[later] += features[layer] @ decoders[layer][:, later - layer]
    found = torch.zeros_like(wanted)
    yaml = SET.replace("transcoder_set", "cross_layer_transcoder")
    for layer in range(3):
        held = {
            f"W_enc_{layer}": encoders[layer],
            f"b_enc_{layer}": biases[layer],
            f"b_dec_{layer}": outs[layer],
        }
        files = {f"W_enc_{layer}": held, f"W_dec_{layer}": {f"W_dec_{layer}": decoders[layer]}}
        opened = open_dictionary(write_layer(tmp_path, yaml, **files))
        assert len(opened.files) == 3
        share = opened.load()(x[layer]).detach().reshape(10, 3 - layer, D)
        found[layer:] += share.transpose(0, 1)
    torch.testing.assert_close(found, wanted)


def test_what_the_files_say_of_their_origin(tmp_path: Path) -> None:
    origin = open_dictionary(CASES["circuit-tracer relu"].write(tmp_path / "a")).origin
    assert (origin.model, origin.site, origin.target) == (
        "a/model",
        "blocks.2.hook_resid_mid",
        "blocks.2.hook_mlp_out",
    )
    assert open_dictionary(CASES["saelens 3"].write(tmp_path / "b")).origin.site == "blocks.0.hook_mlp_out"
    assert open_dictionary(CASES["AutoEncoder"].write(tmp_path / "c")).origin.site == "mlp_out of layer 1"
    assert open_dictionary(CASES["sparsify"].write(tmp_path / "layers.3.mlp")).origin.site == "layers.3.mlp"
    assert open_dictionary(CASES["sparsify"].write(tmp_path / "downloaded")).origin.site is None


def test_a_backup_says_that_it_is_one(tmp_path: Path) -> None:
    (note,) = open_dictionary(CASES["backup"].write(tmp_path / "it")).notes
    assert note == "a backup of step 7, not the end of training"


def test_a_file_is_as_good_as_its_folder(tmp_path: Path) -> None:
    for name, file in (("AutoEncoder", "ae.pt"), ("saelens 6", "cfg.json"), ("sparsify", "sae.safetensors")):
        folder = CASES[name].write(tmp_path / name)
        if file != "cfg.json":
            assert (
                open_dictionary(folder / file).load().architecture
                == open_dictionary(folder).load().architecture
            )
    checkpoints = tmp_path / "AutoEncoder" / "checkpoints"
    checkpoints.mkdir()
    (tmp_path / "AutoEncoder" / "ae.pt").rename(checkpoints / "ae_5.pt")
    assert open_dictionary(checkpoints / "ae_5.pt").their_architecture == "AutoEncoder"
