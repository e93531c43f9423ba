"""Fetching one published file over https: size and MD5 are checked before it gets its name."""

import hashlib
import os
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from io import BufferedIOBase
from pathlib import Path

from circuitlogic.errors import DataError
from circuitlogic.progress import Progress

TIMEOUT_SECONDS = 20.0
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file whose content is known beforehand."""

    name: str
    size: int
    """Bytes."""
    md5: str
    """As its publisher gives it, hexadecimal."""


def open_url(url: str) -> BufferedIOBase:
    """The body behind an https address as a stream."""
    if not url.startswith("https://"):
        raise DataError(f"{url}: only https addresses are fetched")
    response: BufferedIOBase = urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS)  # noqa: S310
    return response


def fetch(file: PublishedFile, mirrors: Sequence[str], folder: Path, progress: Progress) -> Path:
    """Download `file` from the first mirror that has it whole into `folder`, which must exist.

    Raises:
        DataError: no mirror gave the right bytes; one reason per mirror.
    """
    reasons: list[str] = []
    for mirror in mirrors:
        temporary = folder / f".{file.name}.{os.getpid()}.part"
        try:
            with open_url(mirror + file.name) as stream, temporary.open("wb") as target:
                _copy_checked(stream, target, file, progress)
            os.replace(temporary, folder / file.name)
        except (OSError, HTTPException, DataError) as error:
            reasons.append(f"{mirror}: {_one_line(error)}")
        else:
            return folder / file.name
        finally:
            temporary.unlink(missing_ok=True)
    raise DataError(f"{file.name} could not be downloaded ({'; '.join(reasons)})")


def _copy_checked(
    stream: BufferedIOBase, target: BufferedIOBase, file: PublishedFile, progress: Progress
) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    size = 0
    steps = -(-file.size // _CHUNK)
    for piece in progress.track(_pieces(stream, file.size), f"download {file.name}", total=steps):
        digest.update(piece)
        size += target.write(piece)
    if size != file.size:
        raise DataError(
            f"the size is {'more than ' * (size > file.size)}{min(size, file.size)} bytes, not {file.size}"
        )
    if digest.hexdigest() != file.md5:
        raise DataError(f"the MD5 sum is {digest.hexdigest()}, not {file.md5}")


def _pieces(stream: BufferedIOBase, size: int) -> Iterator[bytes]:
    """The stream's bytes; a mirror that sends more than `size` is cut off one byte later."""
    left = size + 1
    while left and (piece := stream.read(min(_CHUNK, left))):
        left -= len(piece)
        yield piece


def _one_line(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())
