"""Configs from TOML files and from nested mappings, every mistake in one line."""

import json
import tomllib
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from circuitlogic.config.ranges import shortened
from circuitlogic.config.sections import StudyConfig
from circuitlogic.errors import ConfigError

_ADAPTER = TypeAdapter(StudyConfig)


_DIGITS: dict[str, dict[str, object]] = {
    "network": {"hidden": (32, 32, 32), "epochs": 80, "batch_size": 64, "shift": 0},
    "saes": {"expansion": 2.0, "k": 4, "epochs": 80, "batch_size": 64},
    "connectors": {"epochs": 60, "batch_size": 64},
    "tune": {"epochs": 100, "batch_size": 64},
}


def config_from_mapping(values: dict[str, Any], origin: str = "the configuration") -> StudyConfig:
    """Check `values` (nested tables as in TOML) and build the config.

    Raises:
        ConfigError: an unknown setting (near names are suggested), a wrong type, a value out of range.
    """
    try:
        # By way of JSON, because pydantic's strict mode takes lists for tuples only from there.
        return _ADAPTER.validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{origin}: {_first_problem(error)}") from None
    except (ConfigError, ValueError, RecursionError) as error:
        raise ConfigError(f"{origin}: {error}") from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = setting_names()
        near = get_close_matches(name, known, n=2, cutoff=0.5)
        return f"unknown setting {name!r}" + (f": did you mean {' or '.join(near)}?" if near else "")
    if problem["type"] == "json_invalid":
        return "a text is not valid Unicode"
    if problem["type"] == "dataclass_type":
        return f"{name} = {shortened(problem['input'])}: it must be a table, [{name}]"
    return f"{name} = {shortened(problem['input'])}: {problem['msg'].lower()}"


def setting_names() -> list[str]:
    """Dotted names of all settings."""
    return [name for name, _ in _leaves(StudyConfig())]


def _leaves(config: Any, prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for f in fields(config):
        value = getattr(config, f.name)
        if is_dataclass(value):
            found += _leaves(value, f"{prefix}{f.name}.")
        else:
            found.append((prefix + f.name, value))
    return found


def demo_config(seed: int = 0) -> StudyConfig:
    """Settings of `circuitlogic demo`: the embedded digits, small enough for half a minute."""
    return config_from_mapping({"seed": seed, **_DIGITS})


def over_dataset_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """`values` over what its data set asks for where they say nothing.

    The defaults of `StudyConfig` are for the size of MNIST. The embedded digits are 1,797 samples of 64 pixels: as
    many passes over them are too few steps to learn anything by.
    """
    data, network = (values.get(name, {}) for name in ("data", "network"))
    if not isinstance(data, dict) or not isinstance(network, dict):
        return values
    if network.get("kind", "image_mlp") != "image_mlp" or data.get("dataset", "digits") != "digits":
        return values
    merged: dict[str, Any] = {**values}
    for table, settings in _DIGITS.items():
        given = values.get(table, {})
        merged[table] = {**settings, **given} if isinstance(given, dict) else given
    return merged


def load_config(path: Path) -> StudyConfig:
    """Read a TOML config file.

    Raises:
        ConfigError: the file is missing, is not TOML, or holds a wrong setting.
    """
    return config_from_mapping(read_toml(path), origin=str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, unchecked.

    Raises:
        ConfigError: the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read config {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None


def with_settings(values: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """`values` with dotted `settings` laid over them; settings that are None are skipped.

    Raises:
        ConfigError: `values` holds something else where a table belongs.
    """
    merged: dict[str, Any] = {k: dict(v) if isinstance(v, dict) else v for k, v in values.items()}
    for name, value in settings.items():
        if value is None:
            continue
        table, _, leaf = name.rpartition(".")
        if not table:
            merged[leaf] = value
        else:
            held = merged.setdefault(table, {})
            if not isinstance(held, dict):
                raise ConfigError(f"{table} = {shortened(held)}: it must be a table, [{table}]")
            held[leaf] = value
    return merged
