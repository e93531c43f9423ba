"""Owns an autoencoder's folder: `cfg.json` + `sae_weights.safetensors` in the layout of SAELens 6."""

from collections.abc import Mapping
from pathlib import Path

from jaxtyping import Float
from pydantic import JsonValue
from torch import Tensor

from circuitlogic.errors import StudyError, UnknownNameError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.saes.base import SparseAutoencoder, Weights
from circuitlogic.saes.registry import architecture_named
from circuitlogic.saes.saelens_config import OWN_KEY, OwnPart, SaeFile, checked_sae_file
from circuitlogic.saes.stored import StoredForm
from circuitlogic.tensor_files import read_tensors, write_tensors

CONFIG_FILE = "cfg.json"
WEIGHTS_FILE = "sae_weights.safetensors"

_OURS = {"standard": "relu", "topk": "topk", "jumprelu": "jumprelu"}
"""Our architecture for each that SAELens writes."""


def save_sae(sae: SparseAutoencoder, folder: Path, metadata: Mapping[str, JsonValue] | None = None) -> None:
    """Write `sae` so that SAELens and `load_sae` read it; a folder with a `cfg.json` is complete.

    Args:
        metadata: goes into `cfg.json`, e.g. `model_name`, `hook_name`.

    Raises:
        StudyError: the folder cannot be written.
    """
    form = sae.stored_form()
    try:
        (folder / CONFIG_FILE).unlink(missing_ok=True)
        write_tensors(folder / WEIGHTS_FILE, _tensors(sae, form))
        write_json(folder / CONFIG_FILE, _config(sae, form, metadata or {}))
    except OSError as error:
        raise StudyError(f"{folder}: the SAE cannot be written: {error.strerror or error}") from error


def _config(
    sae: SparseAutoencoder, form: StoredForm, metadata: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    own = OwnPart(architecture=sae.architecture, settings=dict(form.settings))
    config: dict[str, JsonValue] = {
        "d_in": sae.d_in,
        "d_sae": sae.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": sae.apply_b_dec_to_input,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {**metadata, OWN_KEY: own.model_dump(mode="json", by_alias=True)},
        "architecture": form.saelens,
    }
    if form.saelens == "topk":
        config |= {"k": form.settings["k"], "rescale_acts_by_decoder_norm": False}
    return config


def _tensors(sae: SparseAutoencoder, form: StoredForm) -> dict[str, Tensor]:
    weights = sae.weights()
    tensors = {name: getattr(weights, name) for name in _names(form.saelens) if name != "threshold"}
    if form.threshold is not None:
        tensors["threshold"] = form.threshold.detach()
    return {name: tensor.cpu().float().contiguous() for name, tensor in tensors.items()}


def load_sae(folder: Path) -> SparseAutoencoder:
    """The autoencoder in `folder`, in evaluation mode on the CPU: ours, or SAELens' standard, topk or jumprelu.

    Raises:
        StudyError: a file is missing or damaged, or the autoencoder is of a kind that is not read.
    """
    file = checked_sae_file(read_json(folder / CONFIG_FILE), folder / CONFIG_FILE)
    tensors = _checked_tensors(folder / WEIGHTS_FILE, file)
    weights = Weights(tensors["W_enc"], tensors["b_enc"], tensors["W_dec"], tensors["b_dec"])
    if file.architecture == "topk" and file.rescale_acts_by_decoder_norm:
        weights = _with_unit_rows(weights)
    own = file.metadata.circuitlogic
    settings = own.settings if own else {"k": file.k} if file.k else {}
    form = StoredForm(file.architecture, settings, tensors.get("threshold"))
    try:
        kind = architecture_named(own.architecture if own else _OURS[file.architecture])
        sae = kind.restored(weights, form, file.apply_b_dec_to_input)
    except (ValueError, UnknownNameError) as error:
        raise StudyError(f"{folder / CONFIG_FILE}: {error}") from None
    if sae.stored_form().saelens != file.architecture:
        raise StudyError(
            f"{folder / CONFIG_FILE}: says {file.architecture} and {sae.architecture}, which differ"
        )
    return sae.eval()


def _with_unit_rows(weights: Weights) -> Weights:
    """The same autoencoder with the decoder rows' norms moved into the encoder."""
    norms = weights.W_dec.norm(dim=1)
    if not bool((norms > 0).all()):
        raise StudyError("a decoder row of the SAE is zero, so its features cannot be rescaled by its norm")
    return Weights(
        weights.W_enc * norms, weights.b_enc * norms, weights.W_dec / norms[:, None], weights.b_dec
    )


def _names(architecture: str) -> tuple[str, ...]:
    return ("W_enc", "b_enc", "W_dec", "b_dec", *(("threshold",) if architecture == "jumprelu" else ()))


def _checked_tensors(path: Path, file: SaeFile) -> dict[str, Float[Tensor, "..."]]:
    """The file's tensors as float32, of the names, shapes and finiteness the config promises."""
    names = _names(file.architecture)
    tensors = read_tensors(path)
    if set(tensors) != set(names):
        raise StudyError(f"{path}: holds {sorted(tensors)}, but {file.architecture} needs {sorted(names)}")
    shapes = {"W_enc": (file.d_in, file.d_sae), "W_dec": (file.d_sae, file.d_in), "b_dec": (file.d_in,)}
    for name, tensor in tensors.items():
        wanted = shapes.get(name, (file.d_sae,))
        if tuple(tensor.shape) != wanted:
            raise StudyError(f"{path}: {name} has shape {tuple(tensor.shape)} instead of {wanted}")
        if not tensor.is_floating_point():
            raise StudyError(f"{path}: {name} holds {tensor.dtype} instead of floating-point numbers")
    return {name: tensor.float() for name, tensor in tensors.items()}
