"""Owns the file formats of text: plain, compressed, JSON Lines, Parquet, hub data sets; by suffix, line by line."""

import gzip
import json
import lzma
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Any, TypeAlias

from circuitlogic.errors import DataError, MissingDependencyError

HUB = "dataset:"
"""What stands before the name of a hub data set."""
Reader: TypeAlias = Callable[[Path], Iterator[str | None]]
"""Yields lines with their ends, or None where one document ends for sure."""


def _plain(path: Path) -> Iterator[str | None]:
    opened = PACKED.get(path.suffix.lower(), open)
    with opened(path, "rb") as stream:
        yield from _decoded(stream, path)


def _decoded(stream: Any, path: Path) -> Iterator[str]:
    """Bytes up to each line feed as UTF-8; only a line feed ends a line."""
    number = 0
    while raw := stream.readline():
        number += 1
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}: line {number} is not UTF-8 (byte {error.start}): convert the file to UTF-8"
            ) from None


def _json_lines(path: Path) -> Iterator[str | None]:
    for number, line in enumerate(_plain(path), start=1):
        if line is None or not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise DataError(f"{path}: line {number} is not JSON") from None
        text = value.get("text") if isinstance(value, dict) else value
        if not isinstance(text, str):
            raise DataError(f'{path}: line {number} holds no text: write {{"text": "..."}} or a string')
        yield from text.splitlines(keepends=True)
        yield None


def _parquet(path: Path) -> Iterator[str | None]:
    parquet: Any = import_module("pyarrow.parquet")
    arrow: Any = import_module("pyarrow")
    try:
        file = parquet.ParquetFile(path)
        if "text" not in file.schema_arrow.names:
            raise DataError(f"{path}: {_no_text_among(file.schema_arrow.names)}")
        kind = file.schema_arrow.field("text").type
        kind = kind.value_type if arrow.types.is_dictionary(kind) else kind
        if not (arrow.types.is_string(kind) or arrow.types.is_large_string(kind)):
            raise DataError(f"{path}: its column `text` holds {kind}, not strings")
        for batch in file.iter_batches(batch_size=256, columns=["text"]):
            for text in batch.column(0).to_pylist():
                yield from (text or "").splitlines(keepends=True)
                yield None
    except arrow.ArrowException as error:
        raise DataError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from None


def _no_text_among(columns: Iterable[object]) -> str:
    return f"has no column `text`; its columns are {', '.join(map(str, columns))}"


PACKED: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
"""By the last ending; what is packed is plain text unless the ending before says otherwise."""

READERS: dict[str, Reader] = {".txt": _plain, ".md": _plain, ".jsonl": _json_lines, ".parquet": _parquet}
"""By the end of the file's name; a new format is a new function and one line here."""

ENDINGS = (*READERS, *PACKED)


def reader_of(path: Path) -> Reader | None:
    """By the name's ending, in small or capital letters; None: no text."""
    ending = path.suffix.lower()
    return READERS.get(Path(path.stem).suffix.lower(), _plain) if ending in PACKED else READERS.get(ending)


def hub_lines(name: str) -> Iterator[str | None]:
    """The training split of a hub data set, streamed; its column `text`.

    Raises:
        MissingDependencyError: the library is not installed.
        DataError: there is no such data set, no such column, or no way to reach it.
    """
    try:
        datasets: Any = import_module("datasets")
    except ImportError:
        raise MissingDependencyError(
            "reading a hub data set needs `pip install 'circuitlogic[hf]'`"
        ) from None
    try:
        for row in datasets.load_dataset(name, split="train", streaming=True):
            if "text" not in row:
                raise DataError(f"the hub data set {name!r} {_no_text_among(row)}")
            if not isinstance(row["text"], (str, NoneType)):
                raise DataError(f"the hub data set {name!r}: its column `text` holds no strings")
            yield from (row["text"] or "").splitlines(keepends=True)
            yield None
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001  # the library raises anything from OSError to its own classes
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"the hub data set {name!r} cannot be read: {first[:200]}") from None
