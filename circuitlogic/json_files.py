"""JSON objects on disk: whole or not at all, of the schema asked for, and one clear line when they are not read."""

import json
from pathlib import Path
from typing import Any

from circuitlogic.errors import StudyError
from circuitlogic.whole_files import write_bytes

SCHEMA_KEY = "$schema"
"""Names the schema in every file; documents that the command line prints say `schema`."""


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        StudyError: missing, or not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError(f"{path} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise StudyError(f"{path} cannot be read as JSON: {str(error).splitlines()[0]}") from None
    if not isinstance(value, dict):
        raise StudyError(f"{path} holds a JSON {type(value).__name__}, an object is needed")
    return value


def read_document(path: Path, schema: str) -> dict[str, Any]:
    """Read a JSON object of this schema.

    Raises:
        StudyError: missing, not a JSON object, or of another schema.
    """
    document = read_json(path)
    if document.get(SCHEMA_KEY) != schema:
        found = document.get(SCHEMA_KEY)
        raise StudyError(f"{path} has schema {found!r}; this version reads {schema!r}")
    return document
