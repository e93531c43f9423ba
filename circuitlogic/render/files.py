"""Owns how a picture reaches the disk, and the one line when it does not."""

from pathlib import Path

from circuitlogic.errors import DataError
from circuitlogic.whole_files import replacing


def write_replacing(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all; the folder is not made.

    Raises:
        DataError: the folder does not exist or cannot be written.
    """
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error
