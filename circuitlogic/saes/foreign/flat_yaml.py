"""Owns the little of YAML that a circuit-tracer `config.yaml` uses: `name: value` and lists of plain values."""

from pathlib import Path

from circuitlogic.errors import DataError

Value = str | int | float | bool | None | list["str | int | float | bool | None"]


def parse_flat_yaml(text: str, where: Path) -> dict[str, Value]:
    """A mapping of plain values and lists of them.

    Raises:
        DataError: a line that needs more of YAML (nesting, anchors, tags, blocks); says which.
    """
    found: dict[str, Value] = {}
    open_list: str | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _without_comment(raw).rstrip()
        bare = line.strip()
        if not bare or bare in ("---", "...", "%YAML 1.1"):
            continue
        held = found.get(open_list) if open_list is not None else None
        if (bare == "-" or bare.startswith("- ")) and open_list is not None:
            items = held if isinstance(held, list) else []
            items.append(_plain(bare[1:].strip(), where, number))
            found[open_list] = items
            continue
        name, colon, value = bare.partition(":")
        if line != bare or not colon or (value and not value.startswith(" ")) or not name:
            raise DataError(f"{where}: line {number} is more than `name: value`, which is all that is read")
        key = str(_plain(name.strip(), where, number))
        if key in found:
            raise DataError(f"{where}: line {number} gives {key!r:.60} a second time")
        value = value.strip()
        open_list = key if not value else None
        found[key] = _inline(value, where, number)
    return found


def _without_comment(line: str) -> str:
    quote = ""
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
    return line


def _inline(value: str, where: Path, number: int) -> Value:
    if value.startswith("[") and value.endswith("]"):
        inner = value[1:-1].strip()
        return [_plain(part.strip(), where, number) for part in inner.split(",")] if inner else []
    return _plain(value, where, number)


def _plain(text: str, where: Path, number: int) -> str | int | float | bool | None:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]:
        return text[1:-1]
    if text[:1] in tuple("&*!|>{[@`'\"%"):
        raise DataError(f"{where}: line {number} is more than `name: value`, which is all that is read")
    named: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
    if text.lower() in named:
        return named[text.lower()]
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
