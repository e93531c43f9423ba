"""The IDX file format of MNIST, read strictly and written, plain or gzipped.

A file is a big-endian header (magic 2051, count, height, width for images; magic 2049, count for labels) and
then one byte per value, nothing after. Whether a file is gzipped is seen from its first two bytes.
"""

import gzip
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitlogic.datasets.images import Pixels
from circuitlogic.errors import DataError
from circuitlogic.whole_files import replacing

IMAGES_MAGIC = 2051
LABELS_MAGIC = 2049
_KINDS = {IMAGES_MAGIC: "images", LABELS_MAGIC: "labels"}
_AXES = {IMAGES_MAGIC: 3, LABELS_MAGIC: 1}
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


def read_images(path: Path) -> Pixels:
    """Images [n, height, width].

    Raises:
        DataError: the file is missing, unreadable, corrupt, truncated, too long, empty, or of another kind.
    """
    return _read(path, IMAGES_MAGIC)


def read_labels(path: Path) -> Pixels:
    """Labels [n], 0..255.

    Raises:
        DataError: as for `read_images`.
    """
    return _read(path, LABELS_MAGIC)


def write_idx(path: Path, array: Pixels) -> None:
    """Write images [n, height, width] or labels [n]; gzipped when the name ends in `.gz`.

    Raises:
        DataError: the array has another rank or is empty.
    """
    magic = next((magic for magic, axes in _AXES.items() if axes == array.ndim), None)
    if magic is None or array.size == 0:
        raise DataError(f"{path}: an array of shape {array.shape} is not IDX: give [n, height, width] or [n]")
    content = np.array([magic, *array.shape], dtype=">u4").tobytes() + np.ascontiguousarray(array).tobytes()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _read(path: Path, magic: int) -> Pixels:
    try:
        with path.open("rb") as raw:
            gzipped = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if not gzipped:
                return _parse(path, raw, magic)
            with gzip.GzipFile(fileobj=raw) as stream:
                return _parse(path, stream, magic)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path}: the gzip data is corrupt or cut short ({error}): get the file again"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def _parse(path: Path, stream: BufferedIOBase, magic: int) -> Pixels:
    shape = _read_header(path, stream, magic)
    expected = 1
    for length in shape:
        expected *= length
    body = _read_at_most(stream, expected)
    if len(body) < expected:
        raise DataError(
            f"{path}: truncated: the header promises {_described(shape)}, {expected} bytes, "
            f"but only {len(body)} follow: get the file again"
        )
    if stream.read(1):
        raise DataError(
            f"{path}: trailing bytes after {_described(shape)}: an IDX file must end with its last value"
        )
    values: NDArray[np.uint8] = np.frombuffer(body, dtype=np.uint8).reshape(shape)
    return values


def _read_header(path: Path, stream: BufferedIOBase, magic: int) -> tuple[int, ...]:
    start = _read_at_most(stream, 4)
    found = int.from_bytes(start, "big")
    if len(start) < 4 or found != magic:
        what = f"IDX {_KINDS[found]}" if found in _KINDS else "no IDX images or labels"
        raise DataError(
            f"{path}: holds {what} (it starts with {bytes(start).hex() or 'nothing'}): "
            f"expected IDX {_KINDS[magic]}, magic {magic}"
        )
    rest = _read_at_most(stream, 4 * _AXES[magic])
    if len(rest) < 4 * _AXES[magic]:
        raise DataError(f"{path}: truncated in the header: get the file again")
    shape = tuple(int.from_bytes(rest[at : at + 4], "big") for at in range(0, len(rest), 4))
    if 0 in shape:
        raise DataError(f"{path}: empty: the header promises {_described(shape)}; at least one is needed")
    return shape


def _read_at_most(stream: BufferedIOBase, count: int) -> bytearray:
    """Up to `count` bytes in pieces, so that a lying header cannot ask for memory the file does not fill."""
    body = bytearray()
    while len(body) < count:
        piece = stream.read(min(_CHUNK, count - len(body)))
        if not piece:
            break
        body += piece
    return body


def _described(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} labels" if len(shape) == 1 else f"{shape[0]} images of {shape[1]}x{shape[2]}"
