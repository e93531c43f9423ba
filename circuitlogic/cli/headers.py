"""Owns what can be said of a folder from its headers: JSON files and the first bytes of safetensors."""

import json
from pathlib import Path
from typing import Any

from circuitlogic.cli.dictionary_facts import inspected_dictionary
from circuitlogic.cli.inspected import Inspected, tensor_lines
from circuitlogic.errors import DataError

_MOST_HEADER = 100 << 20


def inspected(path: Path) -> Inspected:
    """Look at `path`.

    Raises:
        DataError: it is missing, or nothing that is known here.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist: give a study, a dictionary or a connector folder")
    if (path / "manifest.json").is_file():
        return _study(path)
    files = [path] if path.suffix == ".safetensors" else sorted(path.glob("*.safetensors"))
    cfg = _json(path / "cfg.json") if (path / "cfg.json").is_file() else None
    if cfg is not None and cfg.get("architecture") == "connector":
        return _tensors(cfg, files)
    # knowing dictionaries takes torch, which a folder without any tensors need not wait for
    dictionary = inspected_dictionary(path) if _may_hold_tensors(path) else None
    if dictionary is not None:
        return dictionary
    if cfg is None and not files:
        raise DataError(f"{path} is neither a study nor a dictionary or connector: it has no cfg.json")
    return _tensors(cfg, files)


def _may_hold_tensors(path: Path) -> bool:
    """Whether a file of tensors lies here, or one folder further down, as in a folder of dictionaries."""
    return any(file.suffix in (".safetensors", ".pt") for file in (path, *path.glob("*"), *path.glob("*/*")))


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
    lines += tensor_lines(tensors)
    return Inspected(what, {"config": cfg, "tensors": tensors}, tuple(lines))


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
