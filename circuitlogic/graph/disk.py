"""The graph's folder: one `.npy` per array (opened memory-mapped), `graph.json` as the record that makes them
valid, and Parquet copies for other tools.

`graph.json` is removed first and written last, so a save that was killed leaves no folder that opens.
"""

import hashlib
import json
import mmap
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import StudyError
from circuitlogic.graph.adjacency import HEAD
from circuitlogic.whole_files import write_bytes

SCHEMA = "circuitlogic/graph-folder/3"
RECORD = "graph.json"
ARRAYS: Mapping[str, str] = {
    "in_indptr": "<i8",
    "in_neighbour": "<i4",
    "in_weight": "<f4",
    "in_raw_weight": "<f4",
    "in_heads": "<i4",
    "out_indptr": "<i8",
    "out_neighbour": "<i4",
    "out_weight": "<f4",
    "out_raw_weight": "<f4",
    "out_heads": "<i4",
    "label_characters": "|u1",
    "label_cuts": "<i8",
    "kind_characters": "|u1",
    "kind_cuts": "<i8",
    "firing_rate": "<f8",
    "scale": "<f8",
    "bias": "<f8",
    "fidelity": "<f8",
}
"""Array name -> dtype on disk."""

_PIECE = 1 << 14
"""Bytes written at once."""

AnyArray: TypeAlias = NDArray[Any]
Writer: TypeAlias = Callable[[BufferedIOBase], None]


@dataclass(frozen=True, slots=True)
class Header:
    """What `graph.json` says besides the list of files."""

    sites: tuple[str, ...]
    """Site names in topological order."""
    site_sizes: tuple[int, ...]
    """Features per site."""
    threshold: float
    """Edges have |weight| above it."""
    layered: bool
    """Whether every edge leads to a later site."""


def write(folder: Path, header: Header, arrays: Mapping[str, AnyArray], copies: Mapping[str, Writer]) -> None:
    """Write the folder; `copies` are further files by name, not needed for reading."""
    folder.mkdir(parents=True, exist_ok=True)
    pending: list[tuple[Path, Path]] = []
    try:
        files: dict[str, dict[str, Any]] = {}
        for name, dtype in ARRAYS.items():
            path = folder / f"{name}.npy"
            temporary = _temporary(path, _npy_writer(arrays[name], dtype))
            pending.append((temporary, path))
            files[path.name] = {"bytes": temporary.stat().st_size, "sha256": _digest(temporary)}
        pending.extend((_temporary(folder / name, copy), folder / name) for name, copy in copies.items())
        (folder / RECORD).unlink(missing_ok=True)
        while pending:
            os.replace(*pending[0])
            pending.pop(0)
    finally:
        for temporary, _ in pending:
            temporary.unlink(missing_ok=True)
    record = {
        "$schema": SCHEMA,
        "sites": [{"name": n, "size": s} for n, s in zip(header.sites, header.site_sizes, strict=True)],
        "threshold": header.threshold,
        "layered": header.layered,
        "edges": int(arrays["in_weight"].size),
        "files": files,
    }
    write_bytes(folder / RECORD, json.dumps(record, indent=1).encode() + b"\n")


def _temporary(path: Path, writer: Writer) -> Path:
    """The finished content of `path` under a temporary name beside it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            writer(stream)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _npy_writer(array: AnyArray, dtype: str) -> Writer:
    """Writes piece by piece: systems keep what came in one piece together, and map it into memory together."""
    flat = np.ascontiguousarray(array, dtype=dtype)

    def write(stream: BufferedIOBase) -> None:
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(flat))
        content = flat.data.cast("B") if flat.size else b""
        for begin in range(0, flat.nbytes, _PIECE):
            stream.write(content[begin : begin + _PIECE])

    return write


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read(folder: Path, check: bool) -> tuple[Header, dict[str, AnyArray]]:
    """Open the folder; arrays are read-only and memory-mapped. `check` also compares the files' SHA-256.

    Raises:
        StudyError: the folder or a file is missing, damaged, or of another schema.
    """
    header, edges, files = _read_record(folder)
    arrays: dict[str, AnyArray] = {}
    for name, dtype in ARRAYS.items():
        entry = files.get(f"{name}.npy")
        if entry is None:
            raise StudyError(f"{folder / RECORD} does not list {name}.npy: make the graph again")
        arrays[name] = _read_array(folder / f"{name}.npy", dtype, entry, check)
    _check_shapes(folder, header, edges, arrays)
    return header, arrays


def let_go(arrays: Mapping[str, AnyArray]) -> None:
    """Give back the memory of pages that were only read to check them; where the system cannot, nothing happens."""
    for array in arrays.values():
        pages = getattr(array.base, "_mmap", None)
        if isinstance(pages, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)


def _read_record(folder: Path) -> tuple[Header, int, dict[str, tuple[int, str]]]:
    path = folder / RECORD
    if not path.is_file():
        raise StudyError(
            f"no feature graph in {folder} ({RECORD} is missing): make it with `circuitlogic extract`"
        )
    try:
        record = json.loads(path.read_bytes())
        schema = record["$schema"]
        if schema != SCHEMA:
            raise StudyError(
                f"{path} has schema {schema!r}, this version reads {SCHEMA!r}: "
                "make it again with `circuitlogic extract`"
            )
        header = Header(
            tuple(str(site["name"]) for site in record["sites"]),
            tuple(int(site["size"]) for site in record["sites"]),
            float(record["threshold"]),
            bool(record["layered"]),
        )
        files = {str(k): (int(v["bytes"]), str(v["sha256"])) for k, v in record["files"].items()}
        return header, int(record["edges"]), files
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(f"{path} is damaged ({type(error).__name__}): make the graph again") from error


def _read_array(path: Path, dtype: str, entry: tuple[int, str], check: bool) -> AnyArray:
    size, digest = entry
    try:
        found = path.stat().st_size
        if found != size:
            raise StudyError(f"{path} is damaged: {found} bytes, {size} expected; make the graph again")
        if check and _digest(path) != digest:
            raise StudyError(f"{path} is damaged: its content has changed; make the graph again")
        array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError as error:
        raise StudyError(f"{path} is missing: make the graph again") from error
    except (ValueError, EOFError, OSError) as error:
        raise StudyError(f"{path} is damaged: not a readable array; make the graph again") from error
    if array.dtype != np.dtype(dtype) or array.ndim != 1:
        raise StudyError(f"{path} is damaged: {array.dtype} of {array.ndim} dimensions; make the graph again")
    return array


def _check_shapes(folder: Path, header: Header, edges: int, arrays: Mapping[str, AnyArray]) -> None:
    """Refuse arrays that do not fit together; reads the small ones only."""
    nodes = sum(header.site_sizes)
    sizes = dict.fromkeys(("firing_rate", "scale", "bias", "fidelity"), nodes)
    for side in ("in", "out"):
        sizes |= {f"{side}_{name}": edges for name in ("neighbour", "weight", "raw_weight")}
    ends = {"in_indptr": edges, "out_indptr": edges}
    ends |= {f"{name}_cuts": arrays[f"{name}_characters"].size for name in ("label", "kind")}
    bad = [name for name, size in sizes.items() if arrays[name].size != size]
    bad += [
        f"{side}_heads" for side in ("in", "out") if arrays[f"{side}_heads"].size not in (0, 2 * HEAD * nodes)
    ]
    for name, end in ends.items():
        cuts = arrays[name]
        if cuts.size != nodes + 1 or cuts[0] != 0 or cuts[-1] != end or bool((np.diff(cuts) < 0).any()):
            bad.append(name)
    if bad:
        raise StudyError(f"{folder} is damaged: {bad[0]}.npy does not fit {RECORD}; make the graph again")
