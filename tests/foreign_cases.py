"""Small dictionaries written to disk as other libraries write them, and what those libraries compute from them."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

D, M, K = 6, 12, 3


def random(*shape: int, seed: int = 0, scale: float = 0.7) -> Tensor:
    """Normal numbers."""
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(100 * seed + len(shape)))


X = random(40, D, seed=9, scale=1.0)
W_ENC, B_ENC, W_DEC, B_DEC = random(D, M), random(M, seed=1), random(M, D, seed=2), random(D, seed=3)
R_MAG, B_MAG, THRESHOLD = random(M, seed=4), random(M, seed=5), random(M, seed=6).abs()
W_SKIP = random(D, D, seed=7)


def top(z: Tensor, k: int = K) -> Tensor:
    """ReLU of each row's k largest."""
    kept = z.topk(k, dim=1)
    return torch.zeros_like(z).scatter(1, kept.indices, kept.values.relu())


def jump(z: Tensor, threshold: Tensor | float) -> Tensor:
    """z where it exceeds the threshold and 0."""
    return z.relu() * (z > threshold)


def gate(x: Tensor) -> Tensor:
    """A gated encoder's features of x, from which b_dec is subtracted already."""
    return (x @ W_ENC + B_ENC > 0) * ((x @ W_ENC) * R_MAG.exp() + B_MAG).relu()


@dataclass(frozen=True, slots=True)
class Case:
    """One dictionary: how to write it and what its library computes on `X`."""

    write: Callable[[Path], Path]
    """Writes below a folder; returns what to open."""
    features: Tensor
    prediction: Tensor
    architecture: str


def write_pt(folder: Path, dict_class: str, tensors: Any, **config: Any) -> Path:
    """As dictionary_learning saves a trainer."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, folder / "ae.pt")
    trainer = {"dict_class": dict_class, "lm_name": "a-model", "layer": 1, "submodule_name": "mlp_out"}
    (folder / "config.json").write_text(json.dumps({"trainer": trainer, **config}))
    return folder


def write_safe(folder: Path, name: str, tensors: dict[str, Tensor], config: dict[str, Any]) -> Path:
    """A `cfg.json` beside safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / name)
    (folder / "cfg.json").write_text(json.dumps(config))
    return folder


def write_layer(folder: Path, yaml: str, **files: dict[str, Tensor]) -> Path:
    """As circuit-tracer saves layers; returns the first file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(yaml)
    for name, tensors in files.items():
        save_file({key: t.contiguous() for key, t in tensors.items()}, folder / f"{name}.safetensors")
    return folder / f"{next(iter(files))}.safetensors"


LINEAR = {"encoder.weight": W_ENC.T, "encoder.bias": B_ENC, "decoder.weight": W_DEC.T}
MATRICES = {"W_enc": W_ENC, "b_enc": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
ROWS = {"W_enc": W_ENC.T, "b_enc": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
SPARSIFY = {"encoder.weight": W_ENC.T, "encoder.bias": B_ENC, "W_dec": W_DEC, "b_dec": B_DEC}
SAELENS = {"d_in": D, "d_sae": M, "dtype": "float32", "normalize_activations": "none", "device": "cpu"}
SIX = {**SAELENS, "apply_b_dec_to_input": True, "metadata": {"sae_lens_version": "6.54.12"}}
CODER = {"activation": "topk", "num_latents": M, "k": K, "d_in": D, "expansion_factor": 2}
SET = "# a set\nmodel_name: a/model\nmodel_kind: transcoder_set\nfeature_input_hook: hook_resid_mid\n"
SET += 'feature_output_hook: "hook_mlp_out"\nscan:\n- one\n- two\n'
ACROSS = SET.replace("transcoder_set", "cross_layer_transcoder")


def _decoded(features: Tensor) -> Tensor:
    return features @ W_DEC + B_DEC


def _cases() -> dict[str, Case]:
    inner, z = X - B_DEC, X @ W_ENC + B_ENC
    centred = inner @ W_ENC + B_ENC
    norms = W_DEC.norm(dim=1)
    relu, found = centred.relu(), dict[str, Case]()

    def add(
        name: str, write: Callable[[Path], Path], features: Tensor, kind: str, y: Tensor | None = None
    ) -> None:
        found[name] = Case(write, features, _decoded(features) if y is None else y, kind)

    def pt(name: str, held: Any, **config: Any) -> Callable[[Path], Path]:
        return lambda folder: write_pt(folder, name, held, **config)

    def lens(config: dict[str, Any], **tensors: Tensor) -> Callable[[Path], Path]:
        return lambda folder: write_safe(folder, "sae_weights.safetensors", {**MATRICES, **tensors}, config)

    def coder(config: dict[str, Any], **tensors: Tensor) -> Callable[[Path], Path]:
        return lambda folder: write_safe(
            folder, "sae.safetensors", {**SPARSIFY, **tensors}, {**CODER, **config}
        )

    counts = {"k": torch.tensor(K, dtype=torch.int32), "threshold": torch.tensor(0.4)}
    add("AutoEncoder", pt("AutoEncoder", {**LINEAR, "bias": B_DEC}), relu * norms, "relu", _decoded(relu))
    add("AutoEncoderNew", pt("AutoEncoderNew", {**LINEAR, "decoder.bias": B_DEC}), z.relu(), "relu")
    gated = {k: LINEAR[k] for k in ("encoder.weight", "decoder.weight")}
    gated |= {"decoder_bias": B_DEC, "r_mag": R_MAG, "gate_bias": B_ENC, "mag_bias": B_MAG}
    add("GatedAutoEncoder", pt("GatedAutoEncoder", gated), gate(inner), "gated")
    topk = {**LINEAR, "b_dec": B_DEC, **counts}
    add("AutoEncoderTopK", pt("AutoEncoderTopK", topk), top(centred), "topk")
    add("BatchTopKSAE", pt("BatchTopKSAE", topk), jump(centred, 0.4), "batch_topk")
    nested = {**MATRICES, **counts, "group_sizes": torch.tensor([4, 8])}
    add("Matryoshka", pt("MatryoshkaBatchTopKSAE", nested), jump(centred, 0.4), "batch_topk")
    jumping = {**MATRICES, "threshold": THRESHOLD}
    add("JumpReluAutoEncoder", pt("JumpReluAutoEncoder", jumping), jump(z, THRESHOLD), "jumprelu")
    both = pt("AutoEncoderTopK", topk, buffer={"io": "in_and_out"})
    add("dictlearn transcoder", both, top(centred), "topk transcoder")
    small = {**topk, "encoder.bias": B_ENC / 5, "b_dec": B_DEC / 5, "threshold": torch.tensor(0.08)}
    backup = {"step": 7, "ae": small, "optimizer": {"state": {}}, "config": {"k": K}, "norm_factor": 5.0}
    add("backup", pt("BatchTopKSAE", backup), jump(centred, 0.4), "batch_topk")

    add("saelens 6", lens({**SIX, "architecture": "standard"}), relu, "relu")
    add("saelens no input bias", lens({**SIX, "apply_b_dec_to_input": False}), z.relu(), "relu")
    add(
        "saelens 3",
        lens({**SAELENS, "hook_point": "blocks.0.hook_mlp_out", "expansion_factor": 2}),
        relu,
        "relu",
    )
    old = {**SAELENS, "activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}, "hook_name": "a.b"}
    add("saelens 4 topk", lens({**old, "d_sae": None, "normalize_activations": False}), top(centred), "topk")
    logs = lens({**SIX, "architecture": "jumprelu"}, log_threshold=THRESHOLD.log())
    add("saelens log threshold", logs, jump(centred, THRESHOLD), "jumprelu")
    scale = random(M, seed=8).abs()
    fine = lens({**SAELENS, "finetuning_scaling_factor": True}, scaling_factor=scale)
    add("saelens finetuned", fine, relu, "relu", _decoded(relu * scale))
    length = math.sqrt(D) / X.norm(dim=1, keepdim=True)
    scaled = ((X * length - B_DEC) @ W_ENC + B_ENC).relu()
    rescale = lens({**SIX, "normalize_activations": "constant_norm_rescale"})
    add("saelens constant norm", rescale, scaled, "relu constant_norm_rescale", _decoded(scaled) / length)
    mean, deviation = X.mean(1, keepdim=True), X.std(1, keepdim=True)
    layered = (((X - mean) / (deviation + 1e-5) - B_DEC) @ W_ENC + B_ENC).relu()
    layer = lens({**SIX, "normalize_activations": "layer_norm"})
    add("saelens layer norm", layer, layered, "relu layer_norm", _decoded(layered) * deviation + mean)
    across = {**SIX, "apply_b_dec_to_input": False, "architecture": "jumprelu_skip_transcoder", "d_out": D}
    jumped = jump(z, THRESHOLD)
    skipping = lens(across, threshold=THRESHOLD, W_skip=W_SKIP)
    add(
        "saelens jumprelu skip", skipping, jumped, "jumprelu skip transcoder", _decoded(jumped) + X @ W_SKIP.T
    )
    wide = {**across, "architecture": "transcoder", "d_out": 4}
    narrow = lens(wide, W_dec=W_DEC[:, :4], b_dec=B_DEC[:4])
    add("saelens other width", narrow, z.relu(), "relu transcoder", _decoded(z.relu())[:, :4])

    add("sparsify", coder({}), top(centred), "topk")
    add("sparsify latents", coder({"num_latents": 0}), top(centred), "topk")
    add("sparsify transcoder", coder({"transcode": True}), top(z), "topk transcoder")
    skip = coder({"transcode": True, "skip_connection": True}, W_skip=W_SKIP)
    add("sparsify skip", skip, top(z), "topk skip transcoder", _decoded(top(z)) + X @ W_SKIP.T)

    def layers(yaml: str, **tensors: Tensor) -> Callable[[Path], Path]:
        return lambda folder: write_layer(folder, yaml, layer_2={**ROWS, **tensors})

    add("circuit-tracer relu", layers(SET), z.relu(), "relu transcoder")
    add("circuit-tracer topk", layers(f"{SET}activation: topk\nk: {K}"), top(z), "topk transcoder")
    stored = layers(SET, k=torch.tensor(K), W_skip=W_SKIP)
    add("circuit-tracer stored k", stored, top(z), "topk skip transcoder", _decoded(top(z)) + X @ W_SKIP.T)
    named = layers(SET, **{"activation_function.threshold": THRESHOLD})
    add("circuit-tracer jumprelu", named, jumped, "jumprelu transcoder")
    later = random(M, 2, D, seed=11)
    encoder = {"W_enc_1": W_ENC.T, "b_enc_1": B_ENC, "b_dec_1": B_DEC, "threshold_1": THRESHOLD}
    wanted = torch.cat([jumped @ later[:, 0] + B_DEC, jumped @ later[:, 1]], dim=1)
    add(
        "circuit-tracer across",
        lambda folder: write_layer(folder, ACROSS, W_enc_1=encoder, W_dec_1={"W_dec_1": later}),
        jumped,
        "jumprelu transcoder",
        wanted,
    )
    return found


CASES = _cases()
