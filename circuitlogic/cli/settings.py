"""Owns how a config file, an existing study and flags become one configuration."""

import tomllib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from circuitlogic.config import (
    StudyConfig,
    config_from_mapping,
    over_dataset_defaults,
    read_toml,
    setting_names,
    with_settings,
)
from circuitlogic.errors import ConfigError, unknown_name

_STUDY_CONFIG = "study.toml"


def resolve_config(file: Path | None, study: Path, flags: dict[str, Any]) -> StudyConfig:
    """Flags over `file`; without a file, over the settings that `study` already has; all over the defaults.

    Raises:
        ConfigError: a file that cannot be read, an unknown setting, a wrong value.
    """
    source = file
    if source is None and (study / _STUDY_CONFIG).is_file():
        source = study / _STUDY_CONFIG
    values = {} if source is None else read_toml(source)
    config_from_mapping(values, origin=str(source or "the configuration"))
    return config_from_mapping(over_dataset_defaults(with_settings(values, flags)), origin="the settings")


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """`section.key=value` texts, values as in TOML; a text that is no TOML value stays a text.

    Raises:
        ConfigError: another form, or a setting that does not exist.
    """
    parsed: dict[str, Any] = {}
    for given in settings:
        name, equals, text = (part.strip() for part in given.partition("="))
        if not equals or not name:
            raise ConfigError(f"--set {given!r}: write SECTION.KEY=VALUE, for example saes.k=8")
        if name not in setting_names():
            raise ConfigError(f"--set {given!r}: {unknown_name('setting', name, setting_names())}")
        parsed[name] = _toml_value(text)
    return parsed


def _toml_value(text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if list(table) == ["value"] else text


def parse_widths(text: str, what: str = "--hidden", lowest: int = 1) -> list[int]:
    """`64,64,64` as numbers.

    Raises:
        ConfigError: another form, or a number below `lowest`.
    """
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{what} {text!r}: write whole numbers, for example 64,64,64") from None
    if min(numbers) < lowest:
        raise ConfigError(f"{what} {text!r}: each number must be at least {lowest}")
    return numbers


@contextmanager
def with_threads(count: int | None) -> Generator[None]:
    """Let torch use so many threads; None leaves that to torch. Small networks are fastest with one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
