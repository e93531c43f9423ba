"""Owns how foreign files are opened: headers first, tensors one by one, nothing executed, nothing believed."""

import json
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from circuitlogic.errors import DataError

MOST_JSON = 16 << 20
"""Bytes; a configuration is a few hundred."""


@dataclass(frozen=True, slots=True)
class TensorSource:
    """Named tensors of a file, none of them read yet."""

    paths: tuple[Path, ...]
    """The file; cross-layer transcoders have two."""
    shapes: Mapping[str, tuple[int, ...]]
    """By the file's own names."""
    dtypes: Mapping[str, str]
    fetch: Callable[[str], Tensor]

    @property
    def path(self) -> Path:
        """The file that messages name."""
        return self.paths[0]

    @property
    def bytes(self) -> int:
        """Size of the files."""
        return sum(path.stat().st_size for path in self.paths)

    def get(self, name: str) -> Tensor:
        """A tensor as float32.

        Raises:
            DataError: it is not there, holds no floating-point numbers, or NaN or infinity as float32.
        """
        if name not in self.shapes:
            raise DataError(f"{self.path} lacks the tensor {name!r}; it holds {names_of(self.shapes)}")
        tensor = self.fetch(name)
        if not tensor.is_floating_point():
            raise DataError(f"{self.path}: {name} holds {tensor.dtype} instead of floating-point numbers")
        values = tensor.detach().to("cpu", torch.float32).clone(memory_format=torch.contiguous_format)
        if not bool(torch.isfinite(values).all()):
            raise DataError(f"{self.path}: tensor {name!r} holds NaN or infinity{_ends_at(tensor.dtype)}")
        return values

    def number(self, name: str) -> float:
        """A tensor of one number, of whatever type.

        Raises:
            DataError: it is not there, or is no finite number.
        """
        if math.prod(self.shapes.get(name, (0,))) != 1:
            raise DataError(f"{self.path}: {name} must be one number")
        value = float(self.fetch(name).item())
        if not math.isfinite(value):
            raise DataError(f"{self.path}: {name} is {value}, which is no finite number")
        return value


def names_of(names: Mapping[str, object]) -> str:
    """Some names for a message."""
    shown = [f"{name!r:.60}" for name in sorted(names)[:12]]
    return ", ".join(shown) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "none"


def _ends_at(dtype: torch.dtype) -> str:
    largest = torch.finfo(dtype).max
    if dtype == torch.float64:
        return f" as float32, which ends at {torch.finfo(torch.float32).max:.4g}"
    return f" (a {str(dtype).removeprefix('torch.')} ends at {largest:.6g})"


def regular_file(path: Path) -> Path:
    """`path`, which may be a link to a file.

    Raises:
        DataError: it is missing, or a folder, pipe or device.
    """
    if path.is_file():
        return path
    if path.is_symlink() and not path.exists():
        raise DataError(f"{path} is a link to a file that is not there")
    raise DataError(f"{path} is {'no regular file' if path.exists() else 'missing'}")


def read_text(path: Path) -> str:
    """A small text file.

    Raises:
        DataError: missing, larger than `MOST_JSON`, or not UTF-8.
    """
    size = regular_file(path).stat().st_size
    if size > MOST_JSON:
        raise DataError(f"{path} has {size:,} bytes: a configuration has at most {MOST_JSON:,}")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as text: {str(error).splitlines()[0]}") from None


def json_object(path: Path) -> dict[str, Any]:
    """A small JSON file that holds an object.

    Raises:
        DataError: missing, too large, or no JSON object.
    """
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON: {str(error).splitlines()[0]}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path} holds a JSON {type(value).__name__}, an object is needed")
    return cast("dict[str, Any]", value)


def open_safetensors(path: Path) -> TensorSource:
    """Names, types and shapes of a safetensors file, from its header.

    Raises:
        DataError: missing, cut off, or its header claims what the file does not hold.
    """
    regular_file(path)
    try:
        opened = safe_open(path, framework="pt", device="cpu")
        slices = {str(name): opened.get_slice(name) for name in opened.keys()}  # noqa: SIM118
        shapes = {name: tuple(int(n) for n in part.get_shape()) for name, part in slices.items()}
        dtypes = {name: str(part.get_dtype()) for name, part in slices.items()}
    except (OSError, SafetensorError, ValueError, MemoryError) as error:
        raise DataError(f"{path} cannot be read as safetensors: {str(error).splitlines()[0]}") from None
    return TensorSource((path,), shapes, dtypes, opened.get_tensor)


def open_checkpoint(path: Path) -> tuple[dict[str, object], TensorSource]:
    """What a `.pt` file of torch holds, and those of its entries that are tensors, mapped but not read.

    Raises:
        DataError: missing, cut off, packed, or anything in it is more than tensors and plain values.
    """
    _check_archive(regular_file(path))
    try:
        held = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # noqa: BLE001  # torch raises many kinds on files that are not its own
        raise DataError(f"{path} {_refusal(error)}") from None
    if not isinstance(held, dict):
        raise DataError(f"{path} holds a {type(held).__name__} instead of named tensors")
    values = {str(name): value for name, value in cast("dict[object, object]", held).items()}
    return values, source_of(path, values)


def source_of(path: Path, values: Mapping[str, object]) -> TensorSource:
    """The tensors among `values`.

    Raises:
        DataError: one claims more numbers than the file holds of it.
    """
    tensors = {name: value for name, value in values.items() if isinstance(value, Tensor)}
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
            raise DataError(f"{path}: tensor {name!r} is not stored plainly")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise DataError(
                f"{path}: tensor {name!r} claims {tuple(tensor.shape)}, more than is stored of it"
            )
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    dtypes = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in tensors.items()}
    return TensorSource((path,), shapes, dtypes, tensors.__getitem__)


def _check_archive(path: Path) -> None:
    """Refuse what is no plain archive of torch before any of it is interpreted."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is cut off or no file of torch.save: {error}") from None
    packed = [entry for entry in entries if entry.compress_type != zipfile.ZIP_STORED]
    if packed or sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise DataError(f"{path} is not as torch.save writes it: its entries claim more than the file holds")


def _refusal(error: Exception) -> str:
    if type(error).__name__ == "UnpicklingError":
        return (
            "is refused: it holds pickled objects, which could run code, and not only tensors; "
            "save its state_dict() again"
        )
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"cannot be read as tensors of torch: {first:.200}"
