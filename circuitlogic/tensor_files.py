"""Safetensors on disk: whole or not at all, and one clear line when they cannot be read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from circuitlogic.errors import StudyError
from circuitlogic.whole_files import write_bytes


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write named tensors as safetensors; two names may stand for one tensor."""
    whole = torch.contiguous_format
    copies = {name: tensor.detach().cpu().clone(memory_format=whole) for name, tensor in tensors.items()}
    write_bytes(path, save(copies))


def read_tensors(path: Path, names: Sequence[str] | None = None) -> dict[str, Tensor]:
    """Read the tensors `names` (None: all) from a safetensors file.

    Raises:
        StudyError: the file is missing or damaged, lacks a tensor, or holds NaN or infinity.
    """
    try:
        tensors = load(path.read_bytes())
    except FileNotFoundError:
        raise StudyError(f"{path} is missing") from None
    except (OSError, SafetensorError, ValueError) as error:
        raise StudyError(f"{path} cannot be read as safetensors: {str(error).splitlines()[0]}") from None
    names = sorted(tensors) if names is None else names
    for name in names:
        if name not in tensors:
            raise StudyError(f"{path} lacks the tensor {name!r}; it holds {', '.join(sorted(tensors))}")
        if tensors[name].is_floating_point() and not torch.isfinite(tensors[name]).all():
            raise StudyError(f"{path}: tensor {name!r} holds NaN or infinity")
    return {name: tensors[name] for name in names}
