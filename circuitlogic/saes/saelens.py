"""Owns an autoencoder's folder: `cfg.json` + `sae_weights.safetensors` in the layout of SAELens 6."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import JsonValue
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as bytes_from_tensors
from torch import Tensor

from circuitlogic.errors import StudyError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.exchange import Exported, autoencoder_from, export
from circuitlogic.saes.saelens_config import OWN_KEY, Config, config_from_json

CONFIG_FILE = "cfg.json"
WEIGHTS_FILE = "sae_weights.safetensors"


def save_sae(sae: SparseAutoencoder, folder: Path, metadata: Mapping[str, JsonValue] | None = None) -> None:
    """Write `sae` so that SAELens and `load_sae` read it; a folder with a `cfg.json` is complete.

    Args:
        metadata: goes into `cfg.json`, e.g. `model_name`, `hook_name`.

    Raises:
        StudyError: the folder cannot be written.
    """
    exported = export(sae)
    config = {
        "d_in": sae.d_in,
        "d_sae": sae.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": sae.apply_b_dec_to_input,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {**(metadata or {}), OWN_KEY: exported.own.model_dump(by_alias=True, exclude_none=True)},
        **exported.settings,
        "architecture": exported.architecture,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG_FILE).unlink(missing_ok=True)
        _write(folder / WEIGHTS_FILE, bytes_from_tensors(exported.tensors))
        _write(folder / CONFIG_FILE, json.dumps(config, indent=1).encode() + b"\n")
    except OSError as error:
        raise StudyError(f"{folder}: the SAE cannot be written: {error.strerror or error}") from error


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def load_sae(folder: Path) -> SparseAutoencoder:
    """The autoencoder in `folder`, in evaluation mode on the CPU: ours, or SAELens' standard, topk or jumprelu.

    Raises:
        StudyError: a file is missing or damaged, or the autoencoder is of a kind that is not read.
    """
    path = folder / CONFIG_FILE
    config = config_from_json(_read(path), path)
    path = folder / WEIGHTS_FILE
    tensors = _tensors(_read(path), path)
    _check_shapes(tensors, config, path)
    return autoencoder_from(Exported.of(config, tensors, folder), config.apply_b_dec_to_input, folder).eval()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise StudyError(f"{path}: is missing: give a folder with {CONFIG_FILE} and {WEIGHTS_FILE}") from None
    except OSError as error:
        raise StudyError(f"{path}: cannot be read: {error.strerror or error}") from error
