"""Configs as TOML text."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

from circuitlogic.config.ranges import shortened
from circuitlogic.config.sections import StudyConfig
from circuitlogic.errors import ConfigError


def config_to_toml(config: StudyConfig) -> str:
    """The config as TOML text that `load_config` reads back to an equal config. None is left out.

    Raises:
        ConfigError: a text is not valid Unicode.
    """
    values = asdict(config)
    lines = [f"{k} = {toml_value(v)}" for k, v in values.items() if not isinstance(v, dict) and v is not None]
    for name, table in values.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]"]
            lines += [f"{k} = {toml_value(v)}" for k, v in table.items() if v is not None]
    return "\n".join(lines) + "\n"


def changed_settings(config: StudyConfig) -> dict[str, object]:
    """Settings that are not the defaults, by their dotted names, in the order of the file."""
    defaults = dict(_dotted(asdict(StudyConfig())))
    return {name: value for name, value in _dotted(asdict(config)) if value != defaults[name]}


def _dotted(values: dict[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{leaf}", inner) for leaf, inner in cast(dict[str, object], value).items())
        else:
            yield name, value


def toml_value(value: object) -> str:
    """One setting's value as TOML.

    Raises:
        ConfigError: a text is not valid Unicode.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _toml_text(value)
        case dict():
            pairs = cast(dict[str, object], value)
            return "{ " + ", ".join(f"{k} = {toml_value(v)}" for k, v in pairs.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(toml_value(v) for v in value) + "]"
        case _:
            return repr(value)


def _toml_text(value: str) -> str:
    """A basic string: quotes, backslashes and everything that is not printable are escaped."""
    if any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise ConfigError(f"setting {shortened(value)} is not valid Unicode")
    escaped = (c if c.isprintable() else f"\\U{ord(c):08X}" for c in value)
    return '"' + "".join(f"\\{c}" if c in ('"', "\\") else c for c in escaped) + '"'
