"""Settings: what may be set, how it is written and read back, and how a wrong one is refused."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuitlogic.config import (
    DataConfig,
    ExtractConfig,
    NetworkConfig,
    SaeConfig,
    StudyConfig,
    config_from_mapping,
    config_to_toml,
    load_config,
    read_toml,
    setting_names,
    with_settings,
)
from circuitlogic.errors import EXIT_USAGE, ConfigError

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_COUNT = st.integers(1, 10**12)
_POSITIVE = st.floats(1e-300, 1e300)
_ZERO_UP = st.floats(0, 1e300)

_MAPPINGS = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "sites": st.lists(_TEXT, max_size=3),
        "data": st.fixed_dictionaries(
            {"dataset": _TEXT}, optional={"path": _TEXT, "heldout_fraction": st.floats(1e-9, 1 - 1e-9)}
        ),
        "network": st.fixed_dictionaries(
            {"hidden": st.lists(_COUNT, min_size=1, max_size=4), "lr": _POSITIVE, "shift": st.integers(0, 99)}
        ),
        "saes": st.fixed_dictionaries(
            {"architecture": st.sampled_from(["relu", "jumprelu"]), "k": _COUNT, "l1": _ZERO_UP}
        ),
        "tune": st.fixed_dictionaries({"anchor": _ZERO_UP}, optional={"edges": _COUNT}),
        "extract": st.fixed_dictionaries({"threshold": _ZERO_UP, "levels": _COUNT}),
    },
)


@given(_MAPPINGS)
def test_config_survives_toml(values: dict[str, Any]) -> None:
    config = config_from_mapping(values)
    text = config_to_toml(config)
    assert config_from_mapping(tomllib.loads(text)) == config
    written = _leaves(tomllib.loads(text))
    assert all(written[name] == value for name, value in _leaves(values).items())


def _leaves(values: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        inner = value if isinstance(value, dict) else {"": value}
        found |= {f"{name}.{leaf}": held for leaf, held in inner.items()}
    return found


@given(_TEXT)
def test_no_text_escapes_its_line(text: str) -> None:
    lines = config_to_toml(StudyConfig(data=DataConfig(path=text))).splitlines()
    assert sum(line.startswith("path = ") for line in lines) == 1
    assert len(lines) == len(config_to_toml(StudyConfig(data=DataConfig(path="x"))).splitlines())


def test_transcoders_are_for_language_models():
    asked: dict[str, object] = {"kind": "readout"}
    with pytest.raises(ConfigError, match="for language models"):
        config_from_mapping({"transcoders": asked})
    config_from_mapping({"transcoders": asked, "network": {"kind": "hf", "model": "m"}})


def test_config_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('seed = 7\n[saes]\nk = 3\nexpansion = 2\n[data]\npath = "/images/ü"\n', encoding="utf-8")
    config = load_config(file)
    assert (config.seed, config.saes.k, config.saes.expansion, config.data.path) == (7, 3, 2.0, "/images/ü")
    assert config.network == NetworkConfig()


def test_setting_names_are_the_dotted_fields() -> None:
    names = setting_names()
    assert len(names) == len(set(names))
    assert {f"saes.{f.name}" for f in fields(SaeConfig)} <= set(names)
    assert {"seed", "sites"} <= set(names)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"saes": {"expantion": 2}}, ["unknown setting 'saes.expantion'", "saes.expansion"]),
        ({"sed": 1}, ["unknown setting 'sed'", "seed"]),
        ({"a\nb\x1b[31m": 1}, [r"'a\nb\x1b[31m'"]),
        ({"saes": 3}, ["saes = 3", "[saes]"]),
        ({"seed": "3"}, ["seed = '3'", "integer"]),
        ({"seed": True}, ["seed = True", "integer"]),
        ({"seed": 1.5}, ["seed = 1.5", "integer"]),
        ({"network": {"hidden": "64"}}, ["network.hidden = '64'"]),
        ({"network": {"hidden": [64, True]}}, ["network.hidden.1 = True"]),
        ({"network": {"hidden": []}}, ["network.hidden = []"]),
        ({"network": {"hidden": [64, 0]}}, ["network.hidden = [64, 0]"]),
        ({"saes": {"architecture": "x\ny"}}, [r"'x\ny'", "batch_topk"]),
        ({"saes": {"lr": 0}}, ["saes.lr = 0", "above 0"]),
        ({"saes": {"lr": "fast"}}, ["saes.lr = 'fast'", "number"]),
        ({"saes": {"k": 0}}, ["saes.k = 0", "at least 1"]),
        ({"saes": {"k": None}}, ["saes.k = None"]),
        ({"tune": {"epochs": -1}}, ["tune.epochs = -1", "at least 0"]),
        ({"seed": -1}, ["seed = -1"]),
        ({"seed": 10**30}, ["seed = 10000", "below"]),
        ({"seed": 10**5000}, ["configuration"]),
        ({"saes": {"lr": 10**400}}, ["saes.lr"]),
        ({"extract": {"threshold": float("nan")}}, ["extract.threshold = nan"]),
        ({"extract": {"threshold": float("inf")}}, ["extract.threshold = inf"]),
        ({"extract": {"threshold": float("-inf")}}, ["extract.threshold = -inf"]),
        ({"data": {"heldout_fraction": float("nan")}}, ["data.heldout_fraction = nan"]),
        ({"data": {"heldout_fraction": 1.0}}, ["data.heldout_fraction = 1.0", "below 1"]),
        ({"data": {"path": "\ud800"}}, ["Unicode"]),
        ({"data": {"path": ["x"] * 10_000}}, ["data.path"]),
        ({"sites": "hidden.0"}, ["sites = 'hidden.0'"]),
    ],
)
def test_wrong_settings_are_one_clear_line(values: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_mapping(values)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 400
    assert caught.value.exit_code == EXIT_USAGE


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        _TEXT | st.sampled_from(["saes", "data", "seed"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(_TEXT | st.just("k"), inner, max_size=2)
            ),
            max_leaves=4,
        ),
        max_size=2,
    )
)
def test_any_mapping_is_a_config_or_one_line(values: dict[str, Any]) -> None:
    try:
        config_from_mapping(values)
    except ConfigError as error:
        assert str(error).isprintable()  # noqa: PT017


def test_ranges_hold_for_configs_made_in_python() -> None:
    with pytest.raises(ConfigError, match=r"saes\.lr = nan"):
        StudyConfig(saes=SaeConfig(lr=float("nan")))
    with pytest.raises(ConfigError, match=r"extract\.threshold = -1"):
        replace(StudyConfig(), extract=ExtractConfig(threshold=-1.0))


@pytest.mark.parametrize(
    "content",
    [
        b"seed = ",
        b"\xff\xfe",
        b"seed = " + b"1" * 5000,
        b"x = " + b"[" * 20_000,
        b"a\x00 = 1",
        b"seed = 1\nseed = 2",
    ],
)
def test_files_that_are_no_toml(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"bad\.toml is not valid TOML") as caught:
        load_config(file)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read config"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot read config"):
        read_toml(tmp_path)


def test_error_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    for text in ("[saes]\nlr = nan", "[saes]\nq = 1"):
        file.write_text(text)
        with pytest.raises(ConfigError, match=r"mine\.toml: "):
            load_config(file)


def test_settings_overlay_without_changing_their_base() -> None:
    base = {"seed": 1, "saes": {"k": 3}}
    merged = with_settings(base, {"saes.k": 5, "saes.lr": None, "tune.edges": 9, "seed": 2})
    assert merged == {"seed": 2, "saes": {"k": 5}, "tune": {"edges": 9}}
    assert base == {"seed": 1, "saes": {"k": 3}}
    with pytest.raises(ConfigError, match=r"saes = 3: it must be a table"):
        with_settings({"saes": 3}, {"saes.k": 5})


def test_text_that_no_file_can_hold() -> None:
    with pytest.raises(ConfigError, match="not valid Unicode"):
        config_to_toml(StudyConfig(data=DataConfig(path="\udc80")))
