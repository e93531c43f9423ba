"""Owns text as documents: where the files are, where one document ends, and how a budget is spread over them."""

import hashlib
import lzma
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from circuitlogic.datasets.idx_folder import DATA_VARIABLE
from circuitlogic.datasets.text_readers import ENDINGS, HUB, hub_lines, reader_of
from circuitlogic.errors import DataError

LONGEST_LINE = 8192
"""Characters; a longer line is handed on in parts, cut at a space where there is one."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a source, before it is read."""

    source: str
    """File, or `dataset:NAME`."""
    number: int
    """Of the document in its source, from 0."""
    characters: int


def found_path(given: str) -> Path:
    """`given` as it stands, else below the folder that `CIRCUITLOGIC_DATA` names.

    Raises:
        DataError: it is in neither place.
    """
    path, root = Path(given).expanduser(), os.environ.get(DATA_VARIABLE)
    if path.exists():
        return path
    if root is not None and not path.is_absolute() and (Path(root) / given).exists():
        return Path(root) / given
    where = f" here or in {DATA_VARIABLE}" if not path.is_absolute() else ""
    raise DataError(f"{given} does not exist{where}: give a file, a folder or `{HUB}NAME`")


def text_sources(given: Sequence[str]) -> tuple[str, ...]:
    """Files (of a folder and those in it, all that can be read, by name) and hub data sets.

    Raises:
        DataError: one is missing, of an unknown kind, or a folder without text.
    """
    found: list[str] = []
    for name in given:
        if name.startswith(HUB):
            found.append(name)
            continue
        path = found_path(name)
        inside = [p for p in ([path] if path.is_file() else _files_below(path)) if reader_of(p) is not None]
        if not inside:
            raise DataError(f"{path}: no text is found; names must end in {', '.join(ENDINGS)}")
        found += map(str, inside)
    return tuple(found)


def _files_below(folder: Path) -> list[Path]:
    """By path; hidden ones, `.git` and the like, are left alone."""
    below = (path for path in folder.rglob("*") if path.is_file())
    return sorted(p for p in below if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def documents_of(source: str, separator: str) -> Iterator[Iterator[str]]:
    """The documents of a source, each as its lines (long ones in parts); a document is used up before the next.

    Raises:
        DataError: damaged, or not UTF-8.
    """
    lines = _checked_lines(source)
    ahead: list[str] = []
    while True:
        first = next((line for line in lines if not _ends(line, separator)), None)
        if first is None:
            return
        ahead[:] = [first]
        document = _until_end(ahead, lines, separator)
        yield document
        for _ in document:
            continue


def _until_end(ahead: list[str], lines: Iterator[str | None], separator: str) -> Iterator[str]:
    yield from _in_parts(ahead[0])
    for line in lines:
        if line is None or _ends(line, separator):
            return
        yield from _in_parts(line)


def _ends(line: str | None, separator: str) -> bool:
    return line is None or line.strip() == separator or not line


def _in_parts(line: str) -> Iterator[str]:
    start = 0
    while len(line) - start > LONGEST_LINE:
        space = line.rfind(" ", start + 1, start + LONGEST_LINE)
        end = space if space > start else start + LONGEST_LINE
        yield line[start:end]
        start = end
    yield line[start:]


def _checked_lines(source: str) -> Iterator[str | None]:
    if source.startswith(HUB):
        yield from hub_lines(source.removeprefix(HUB))
        return
    path = Path(source)
    reader = reader_of(path)
    if reader is None:
        raise DataError(f"{path}: no text is found; names must end in {', '.join(ENDINGS)}")
    try:
        yield from reader(path)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        reason = (str(error).splitlines() or ["cut short"])[0]
        raise DataError(f"{path}: cannot be read: {reason}") from None


def measured(sources: Sequence[str], separator: str) -> tuple[Document, ...]:
    """All documents with their lengths, in order; empty ones are passed over.

    Raises:
        DataError: as `documents_of`; or a source without any text.
    """
    found: list[Document] = []
    for source in sources:
        before = len(found)
        for number, lines in enumerate(documents_of(source, separator)):
            characters = sum(len(line.strip()) for line in lines)
            if characters:
                found.append(Document(source, number, characters))
        if len(found) == before:
            raise DataError(f"{source}: is empty: give text")
    return tuple(found)


def window_quotas(lengths: Sequence[int], windows: int) -> list[int]:
    """How many windows each document gives so that all give equally many as far as they can, `windows` in all.

    Args:
        lengths: How many windows each document has.
        windows: The budget; what is left after the last whole round goes to documents evenly spaced.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    if int(sizes.sum()) <= windows:
        return sizes.tolist()
    low, high = 0, int(sizes.max())
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if int(np.minimum(sizes, middle).sum()) <= windows else (low, middle)
    quotas = np.minimum(sizes, low)
    longer = np.flatnonzero(sizes > low)
    left = windows - int(quotas.sum())
    quotas[longer[np.arange(left) * len(longer) // max(left, 1)]] += 1
    return quotas.tolist()


def fingerprint(sources: Sequence[str]) -> list[str]:
    """Identifies the content of every source: a file by its bytes, a hub data set by its name."""
    found: list[str] = []
    for source in sources:
        if source.startswith(HUB):
            found.append(source)
        else:
            with Path(source).open("rb") as stream:
                found.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return found
