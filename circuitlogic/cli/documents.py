"""Owns machine-readable answers: one JSON document with a `schema`, NaN written as null."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from circuitlogic.cli.console import write


def write_document(name: str, content: Mapping[str, Any]) -> None:
    """Write one document `circuitlogic/NAME/1` to stdout."""
    write(
        json.dumps({"schema": f"circuitlogic/{name}/1", **plain(content)}, indent=1, allow_nan=False) + "\n"
    )


def json_line(values: Mapping[str, Any]) -> str:
    """One row of JSON Lines."""
    return json.dumps(plain(values), allow_nan=False) + "\n"


def plain(value: Any) -> Any:
    """Plain JSON values: dataclasses become objects, numbers that are not finite become null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
