"""Owns how a picture reaches the disk: whole or not at all."""

import os
from pathlib import Path

from circuitlogic.errors import DataError


def write_replacing(path: Path, content: bytes) -> None:
    """Write `content` to a temporary file beside `path` and rename it.

    Raises:
        DataError: the folder does not exist or cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error
