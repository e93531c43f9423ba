"""Owns what can be said of a folder from its headers: JSON files and the first bytes of safetensors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from circuitlogic.errors import DataError

_MOST_HEADER = 100 << 20


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a folder is."""

    what: str
    """`study`, `sparse autoencoder`, `connector` or `tensors`."""
    content: Mapping[str, Any]
    """For `--json`."""
    lines: tuple[tuple[str, str], ...]
    """Name and value, for people."""


def inspected(path: Path) -> Inspected:
    """Look at `path`.

    Raises:
        DataError: it is missing, or nothing that is known here.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist: give a study, an SAE folder or a connector folder")
    if (path / "manifest.json").is_file():
        return _study(path)
    files = [path] if path.suffix == ".safetensors" else sorted(path.glob("*.safetensors"))
    cfg = _json(path / "cfg.json") if (path / "cfg.json").is_file() else None
    if cfg is None and not files:
        raise DataError(f"{path} is neither a study nor an SAE or connector folder: it has no cfg.json")
    return _tensors(cfg, files)


def _study(path: Path) -> Inspected:
    manifest = _json(path / "manifest.json")
    artefacts = manifest.get("artefacts")
    if not isinstance(artefacts, dict):
        raise DataError(f"{path / 'manifest.json'} is damaged: it lists no artefacts")
    folders = {str(name): _size(path / str(name)) for name in artefacts}
    versions = manifest.get("made_with")
    made_with = {str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {}
    content = {"study_schema": manifest.get("schema"), "made_with": made_with, "artefacts": folders}
    lines = [("schema", str(manifest.get("schema")))]
    lines.append(("made with", ", ".join(f"{name} {number}" for name, number in made_with.items())))
    lines += [(name, f"{size:,} bytes") for name, size in folders.items()]
    return Inspected("study", content, tuple(lines))


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _tensors(cfg: dict[str, Any] | None, files: list[Path]) -> Inspected:
    tensors = {name: shape for file in files for name, shape in tensor_headers(file).items()}
    what = "tensors"
    if cfg is not None:
        what = "connector" if cfg.get("architecture") == "connector" else "sparse autoencoder"
    lines = [
        (key, value if isinstance(value, str) else json.dumps(value)) for key, value in (cfg or {}).items()
    ]
    lines += _tensor_lines(tensors)
    return Inspected(what, {"config": cfg, "tensors": tensors}, tuple(lines))


def _tensor_lines(tensors: Mapping[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """A line per tensor; a numbered series of one type and shape, `epoch_0000` and so on, shares one."""
    lines: list[tuple[str, str]] = []
    for (_, look), run in groupby(
        tensors.items(), lambda entry: (entry[0].rstrip("0123456789"), _look(entry[1]))
    ):
        names = [name for name, _ in run]
        numbered = len(names) > 1
        shown = f"tensors {names[0]} … {names[-1]}" if numbered else f"tensor {names[0]}"
        lines.append((shown, f"{len(names)} × {look}" if numbered else look))
    return lines


def _look(tensor: Mapping[str, Any]) -> str:
    return f"{tensor['dtype']} {tensor['shape']}"


def tensor_headers(file: Path) -> dict[str, dict[str, Any]]:
    """Type and shape of each tensor of a safetensors file, read from its header alone.

    Raises:
        DataError: it is no safetensors file.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        raw = stream.read(length) if 0 < length <= _MOST_HEADER else b""
    try:
        header = json.loads(raw)
        return {
            str(name): {"dtype": str(entry["dtype"]), "shape": [int(n) for n in entry["shape"]]}
            for name, entry in sorted(header.items())
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"{file} is damaged: it does not start with a safetensors header") from None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON: {str(error).splitlines()[0]}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path} holds no JSON object")
    return {str(key): item for key, item in value.items()}
