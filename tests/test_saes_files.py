"""SAE folders: round trips, SAELens' own layout and semantics, files that are damaged or of another kind."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sae_cases import SETTINGS
from safetensors.torch import load_file, save_file
from torch import Tensor

from circuitlogic.errors import StudyError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.batch_topk import BatchTopK
from circuitlogic.saes.gated import Gated
from circuitlogic.saes.registry import architecture_named
from circuitlogic.saes.saelens import CONFIG_FILE, WEIGHTS_FILE, load_sae, save_sae

D, M = 6, 10
SAELENS_KEYS = {
    "d_in",
    "d_sae",
    "dtype",
    "device",
    "apply_b_dec_to_input",
    "normalize_activations",
    "reshape_activations",
    "metadata",
    "architecture",
}


def samples() -> Tensor:
    return torch.randn(40, D, generator=torch.Generator().manual_seed(7))


def an_sae(name: str) -> SparseAutoencoder:
    generator = torch.Generator().manual_seed(0)
    sae = architecture_named(name).initial(D, M, replace(SETTINGS[name], k=3, l1=0.7, l0=0.2), generator)
    sae.fit_to(torch.linspace(-1.0, 1.0, D), 0.9)
    with torch.no_grad():
        sae.b_enc.copy_(0.1 * torch.randn(M, generator=generator))
        if name != "relu_tied":
            sae.W_dec.mul_(torch.linspace(0.5, 2.0, M)[:, None])
    if isinstance(sae, Gated):
        sae.r_mag.data.copy_(torch.linspace(-0.5, 0.5, M))
        sae.b_mag.data.fill_(0.2)
    if isinstance(sae, BatchTopK):
        sae.threshold.fill_(0.37)
    return sae


def edit(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / CONFIG_FILE).read_text())
    (folder / CONFIG_FILE).write_text(json.dumps({**config, **changes}))


def edit_tensors(folder: Path, **changes: Tensor | None) -> None:
    tensors = {**load_file(folder / WEIGHTS_FILE), **changes}
    save_file({name: t.contiguous() for name, t in tensors.items() if t is not None}, folder / WEIGHTS_FILE)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_round_trip_keeps_every_bit(name: str, tmp_path: Path) -> None:
    sae = an_sae(name)
    save_sae(sae, tmp_path / "sae", {"model_name": "mlp", "hook_name": "hidden.0"})
    loaded = load_sae(tmp_path / "sae")
    assert type(loaded) is type(sae)
    assert not loaded.training
    assert torch.equal(loaded.encode(samples()), sae.encode(samples()))
    assert torch.equal(loaded(samples()), sae(samples()))
    assert loaded.stored_form().settings == sae.stored_form().settings
    assert loaded.apply_b_dec_to_input == sae.apply_b_dec_to_input
    save_sae(loaded, tmp_path / "again", {"model_name": "mlp", "hook_name": "hidden.0"})
    for file in (CONFIG_FILE, WEIGHTS_FILE):
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / "sae" / file).read_bytes()


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        ("relu_tied", "standard"),
        ("relu", "standard"),
        ("topk", "topk"),
        ("batch_topk", "jumprelu"),
        ("jumprelu", "jumprelu"),
        ("gated", "gated"),
    ],
)
def test_the_files_are_in_saelens_layout(name: str, foreign: str, tmp_path: Path) -> None:
    save_sae(an_sae(name), tmp_path, {"hook_name": "hidden.0"})
    config = json.loads((tmp_path / CONFIG_FILE).read_text())
    assert set(config) - {"k", "rescale_acts_by_decoder_norm"} == SAELENS_KEYS
    assert (config["architecture"], config["d_in"], config["d_sae"]) == (foreign, D, M)
    assert config.get("k") == (3 if foreign == "topk" else None)
    assert config["metadata"]["hook_name"] == "hidden.0"
    assert config["metadata"]["circuitlogic"]["architecture"] == name
    assert config["metadata"]["circuitlogic"]["schema"] == "circuitlogic/sae/1"
    shapes = {n: tuple(t.shape) for n, t in load_file(tmp_path / WEIGHTS_FILE).items()}
    wanted = {"W_enc": (D, M), "W_dec": (M, D), "b_dec": (D,)}
    more = {"jumprelu": ("b_enc", "threshold"), "gated": ("b_gate", "r_mag", "b_mag")}.get(
        foreign, ("b_enc",)
    )
    assert shapes == wanted | dict.fromkeys(more, (M,))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([CONFIG_FILE, WEIGHTS_FILE])


def saelens_features(folder: Path, x: Tensor) -> Tensor:
    """What SAELens 6 computes from the files, written down independently."""
    config, t = json.loads((folder / CONFIG_FILE).read_text()), load_file(folder / WEIGHTS_FILE)
    centred = x - t["b_dec"] * config["apply_b_dec_to_input"]
    if config["architecture"] == "gated":
        magnitude = torch.relu(centred @ (t["W_enc"] * t["r_mag"].exp()) + t["b_mag"])
        return magnitude * (centred @ t["W_enc"] + t["b_gate"] > 0)
    z = centred @ t["W_enc"] + t["b_enc"]
    if config["architecture"] == "jumprelu":
        return torch.relu(z) * (torch.relu(z) > t["threshold"])
    if config["architecture"] == "standard":
        return torch.relu(z)
    if config["rescale_acts_by_decoder_norm"]:
        z = z * t["W_dec"].norm(dim=1)
    values, at = z.topk(config["k"], dim=1)
    return torch.zeros_like(z).scatter(1, at, torch.relu(values))


@pytest.mark.parametrize("name", SETTINGS)
def test_saelens_would_compute_our_features(name: str, tmp_path: Path) -> None:
    sae = an_sae(name)
    save_sae(sae, tmp_path)
    features = sae.encode(samples())
    assert bool((features > 0).any())
    torch.testing.assert_close(saelens_features(tmp_path, samples()), features)


@pytest.mark.parametrize("name", ["relu", "topk", "batch_topk", "jumprelu", "gated"])
def test_files_of_saelens_itself_load_without_our_metadata(name: str, tmp_path: Path) -> None:
    save_sae(an_sae(name), tmp_path)
    edit(tmp_path, metadata={"sae_lens_version": "6.54.12", "neuronpedia_id": None})
    edit(tmp_path, apply_b_dec_to_input=False, some_future_key=[1])
    loaded = load_sae(tmp_path)
    assert loaded.architecture == {"batch_topk": "jumprelu"}.get(name, name)
    torch.testing.assert_close(loaded.encode(samples()), saelens_features(tmp_path, samples()))


def test_topk_rescaled_by_decoder_norms_is_folded(tmp_path: Path) -> None:
    sae = an_sae("topk")
    save_sae(sae, tmp_path)
    edit(tmp_path, metadata={}, rescale_acts_by_decoder_norm=True)
    loaded = load_sae(tmp_path)
    wanted = saelens_features(tmp_path, samples())
    torch.testing.assert_close(loaded.encode(samples()), wanted)
    norms = load_file(tmp_path / WEIGHTS_FILE)["W_dec"].norm(dim=1)
    torch.testing.assert_close(loaded.decode(wanted), sae.decode(wanted / norms))


def test_half_precision_weights_are_read_as_float32(tmp_path: Path) -> None:
    save_sae(an_sae("relu"), tmp_path)
    edit_tensors(tmp_path, W_enc=load_file(tmp_path / WEIGHTS_FILE)["W_enc"].half())
    assert load_sae(tmp_path).W_enc.dtype == torch.float32


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"architecture": "temporal"}, "architecture: 'temporal' is not read; known: standard, transcoder"),
        ({"architecture": None}, "architecture"),
        ({"d_in": 0}, "d_in"),
        ({"d_sae": "10"}, "d_sae"),
        ({"d_sae": M + 1}, "W_enc has shape|has shape"),
        ({"normalize_activations": "batch"}, "normalize_activations: 'batch' is not read; known: none"),
        ({"normalize_activations": "covariance_whitening"}, "not folded into the weights"),
        ({"reshape_activations": "hook_q"}, "reshape_activations: 'hook_q' is not read"),
        ({"activation_fn_str": "tanh-relu"}, "'tanh-relu' is not read; known: relu, topk"),
        ({"k": None, "metadata": {}}, "k = 0 does not fit 10 features"),
        ({"k": M + 1, "metadata": {}}, "k = 11 does not fit 10 features"),
        ({"metadata": {"circuitlogic": {"schema": "circuitlogic/sae/2"}}}, "schema"),
        ({"metadata": {"circuitlogic": {"schema": "circuitlogic/sae/1"}}}, "architecture"),
    ],
)
def test_configs_that_are_not_read(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    save_sae(an_sae("topk"), tmp_path)
    edit(tmp_path, **changes)
    with pytest.raises(StudyError, match=reason) as caught:
        load_sae(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("own", "reason"),
    [
        ({"architecture": "topkk", "settings": {"k": 3}}, "did you mean topk"),
        ({"architecture": "relu"}, "says topk and relu, which differ"),
        ({"architecture": "batch_topk", "settings": {"k": 3}}, "says topk and batch_topk, which differ"),
        ({"architecture": "topk", "settings": {"k": 2.5}}, "k = 2.5 does not fit"),
        ({"architecture": "topk", "settings": {"k": "3"}}, "metadata.circuitlogic.settings.k"),
    ],
)
def test_our_metadata_is_checked_against_the_file(own: dict[str, Any], reason: str, tmp_path: Path) -> None:
    save_sae(an_sae("topk"), tmp_path)
    edit(tmp_path, metadata={"circuitlogic": {"schema": "circuitlogic/sae/1", **own}})
    with pytest.raises(StudyError, match=reason):
        load_sae(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"W_enc": torch.zeros(M, D)}, r"W_enc has shape \(10, 6\) instead of \(6, 10\)"),
        ({"b_dec": torch.zeros(M)}, r"b_dec has shape \(10,\) instead of \(6,\)"),
        ({"threshold": torch.zeros(1)}, r"threshold has shape \(1,\) instead of \(10,\)"),
        ({"b_enc": torch.full((M,), torch.nan)}, "'b_enc' holds NaN or infinity"),
        ({"b_enc": torch.zeros(M, dtype=torch.int64)}, "b_enc holds torch.int64"),
        ({"b_enc": None}, "but jumprelu needs"),
        (
            {"b_enc": torch.full((M,), 7e4).half()},
            r"'b_enc' holds NaN or infinity \(a float16 ends at 65504\)",
        ),
        ({"b_enc": torch.full((M,), 1e39, dtype=torch.float64)}, "infinity as float32, which ends at"),
        ({"W_skip": torch.ones(D, D)}, "W_skip.*but jumprelu needs"),
    ],
)
def test_tensors_that_do_not_fit(changes: dict[str, Tensor | None], reason: str, tmp_path: Path) -> None:
    save_sae(an_sae("jumprelu"), tmp_path)
    edit_tensors(tmp_path, **changes)
    with pytest.raises(StudyError, match=reason) as caught:
        load_sae(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_tied_file_whose_weights_were_untied_is_refused(tmp_path: Path) -> None:
    save_sae(an_sae("relu_tied"), tmp_path)
    edit_tensors(tmp_path, b_dec=torch.ones(D))
    with pytest.raises(StudyError, match="b_dec is used"):
        load_sae(tmp_path)


@pytest.mark.parametrize("file", [CONFIG_FILE, WEIGHTS_FILE])
@pytest.mark.parametrize("keep", [0, 7, 200])
def test_cut_files_are_refused(file: str, keep: int, tmp_path: Path) -> None:
    save_sae(an_sae("relu"), tmp_path)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[:keep])
    with pytest.raises(StudyError, match="cannot be read as"):
        load_sae(tmp_path)


@pytest.mark.parametrize("file", [CONFIG_FILE, WEIGHTS_FILE])
def test_missing_files_are_named(file: str, tmp_path: Path) -> None:
    save_sae(an_sae("relu"), tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(StudyError, match=f"{file} is missing"):
        load_sae(tmp_path)


def test_a_write_that_dies_leaves_no_folder_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_sae(an_sae("relu"), tmp_path)
    renamed: list[str] = []
    rename = os.replace

    def dying(source: Path, target: Path) -> None:
        if Path(target).name == CONFIG_FILE:
            raise OSError(28, "No space left on device")
        renamed.append(Path(target).name)
        rename(source, target)

    monkeypatch.setattr(os, "replace", dying)
    with pytest.raises(StudyError, match="cannot be written: No space left on device"):
        save_sae(an_sae("topk"), tmp_path)
    assert renamed == [WEIGHTS_FILE]
    assert [path.name for path in tmp_path.iterdir()] == [WEIGHTS_FILE]
    with pytest.raises(StudyError, match="is missing"):
        load_sae(tmp_path)


def test_one_threshold_for_all_is_what_batch_topk_needs(tmp_path: Path) -> None:
    save_sae(an_sae("batch_topk"), tmp_path)
    edit_tensors(tmp_path, threshold=torch.linspace(0.1, 1.0, M))
    with pytest.raises(StudyError, match="threshold that is the same"):
        load_sae(tmp_path)


def test_a_tied_autoencoder_must_be_tied(tmp_path: Path) -> None:
    save_sae(an_sae("relu_tied"), tmp_path)
    edit_tensors(tmp_path, W_dec=torch.ones(M, D))
    with pytest.raises(StudyError, match="W_dec is not the transpose"):
        load_sae(tmp_path)
