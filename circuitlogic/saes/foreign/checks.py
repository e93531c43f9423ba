"""Owns how single values of a foreign configuration are checked: one line says what is wrong and what is read."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from circuitlogic.errors import DataError

_MOST = 1 << 31


def size(values: Mapping[str, Any], name: str, where: Path) -> int:
    """A number of 1 or more.

    Raises:
        DataError: missing, or something else.
    """
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < _MOST:
        raise DataError(f"{where}: {name} = {value!r:.60}: a whole number of 1 or more is needed")
    return value


def optional_size(values: Mapping[str, Any], name: str, where: Path) -> int | None:
    """As `size`; None where it is missing, null or 0."""
    return None if not values.get(name) else size(values, name, where)


def flag(values: Mapping[str, Any], name: str, where: Path, default: bool = False) -> bool:
    """True or false.

    Raises:
        DataError: something else.
    """
    value = values.get(name, default)
    if not isinstance(value, bool):
        raise DataError(f"{where}: {name} = {value!r:.60}: true or false is needed")
    return value


def text(values: Mapping[str, Any], name: str) -> str | None:
    """A text; None where it is missing or no text."""
    value = values.get(name)
    return value if isinstance(value, str) and value else None


def one_of(
    values: Mapping[str, Any], name: str, known: Iterable[str], where: Path, default: str | None = None
) -> str:
    """One of the `known` texts.

    Raises:
        DataError: another; lists the known ones.
    """
    value, names = values.get(name, default), tuple(known)
    if value not in names:
        raise DataError(f"{where}: {name}: {value!r:.60} is not read; known: {', '.join(names)}")
    return cast(str, value)


def table(values: Mapping[str, Any], name: str, where: Path) -> dict[str, Any]:
    """A nested object; empty where it is missing or null.

    Raises:
        DataError: something else.
    """
    value = values.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DataError(f"{where}: {name} = {value!r:.60}: an object is needed")
    return cast("dict[str, Any]", value)
