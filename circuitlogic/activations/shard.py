"""One shard: an ordinary `.npy` file of rows [n, d], written as a stream, checked to the byte."""

import os
from io import BufferedIOBase
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float
from numpy.lib import format as npy

from circuitlogic.errors import StudyError

DtypeName: TypeAlias = Literal["float32", "float16"]
Matrix: TypeAlias = Float[np.ndarray, "rows d"]


class ShardWriter:
    """Streams rows into `path`, which gets its name only when `finish` is called."""

    def __init__(self, path: Path, d: int, dtype: DtypeName) -> None:
        self.rows = 0
        self._path = path
        self._temporary = path.with_name(f".{path.name}.tmp")
        self._d = d
        self._dtype = _stored(dtype)
        self._stream = self._temporary.open("wb")
        _write_header(self._stream, 0, d, self._dtype)
        self._body = self._stream.tell()

    def append(self, rows: Matrix) -> None:
        """Add rows at the end."""
        self._stream.write(np.ascontiguousarray(rows, dtype=self._dtype).tobytes())
        self.rows += len(rows)

    def finish(self) -> None:
        """Put the number of rows into the header (NumPy pads it for that) and give the file its name."""
        self._stream.seek(0)
        _write_header(self._stream, self.rows, self._d, self._dtype)
        if self._stream.tell() != self._body:
            raise StudyError(f"{self._path}: the header outgrew its place; write fewer rows per shard")
        self._stream.close()
        os.replace(self._temporary, self._path)

    def discard(self) -> None:
        """Drop what was written."""
        self._stream.close()
        self._temporary.unlink(missing_ok=True)


def check_shard(path: Path, rows: int, d: int, dtype: DtypeName) -> int:
    """Where the values begin in a file that is whole, in bytes.

    Raises:
        StudyError: the file is missing, damaged, cut short, or of another shape or dtype.
    """
    expected = _stored(dtype)
    try:
        with path.open("rb") as stream:
            if npy.read_magic(stream) != (1, 0):
                raise StudyError(f"{path}: is not a .npy file of version 1.0: capture the activations again")
            shape, fortran_order, found = npy.read_array_header_1_0(stream)
            offset = stream.tell()
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise StudyError(f"{path}: is missing: capture the activations again") from error
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StudyError(f"{path}: cannot be read ({reason}): capture the activations again") from error
    if shape != (rows, d) or fortran_order or found != expected:
        raise StudyError(
            f"{path}: holds {found} of shape {shape}, the index says {dtype} of shape {(rows, d)}: "
            "capture the activations again"
        )
    wanted = offset + rows * d * expected.itemsize
    if size != wanted:
        raise StudyError(f"{path}: has {size} bytes instead of {wanted}: capture the activations again")
    return offset


def map_shard(
    path: Path, rows: int, d: int, dtype: DtypeName, offset: int, mode: Literal["r", "c"] = "r"
) -> Matrix:
    """A checked file's rows as a memory map, read-only or (`c`) with writes that never reach the file.

    Raises:
        StudyError: the file was removed or cut since it was checked.
    """
    try:
        return np.memmap(path, dtype=_stored(dtype), mode=mode, offset=offset, shape=(rows, d))
    except (OSError, ValueError) as error:
        raise StudyError(
            f"{path}: changed while it was in use ({error}): open the activations anew"
        ) from error


def _stored(dtype: DtypeName) -> np.dtype[np.floating]:
    return np.dtype(dtype).newbyteorder("<")


def _write_header(stream: BufferedIOBase, rows: int, d: int, dtype: np.dtype[np.floating]) -> None:
    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (rows, d)}
    npy.write_array_header_1_0(stream, header)
