"""Training from the command line: settings, resuming after Ctrl-C and after kill -9, studies of another schema."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_runs import Cli

from circuitlogic.cli.setting_docs import documented_toml, setting_meanings
from circuitlogic.cli.settings import parse_settings, resolve_config
from circuitlogic.config import (
    StudyConfig,
    config_from_mapping,
    config_to_toml,
    demo_config,
    setting_names,
)
from circuitlogic.errors import ConfigError
from circuitlogic.study import Study

_AFTERWARDS = (
    "selection",
    "graph",
    "gates",
    "fidelity",
    "examples",
    "class_evidence",
    "sample_evidence",
    "report",
)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


@pytest.fixture
def config_file(small_config: StudyConfig, tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(config_to_toml(small_config))
    return path


def _trained(study: Study) -> dict[str, str]:
    """Content hash of everything that `train` makes."""
    names = [name for name in study.artefacts() if name.split("/")[0] not in _AFTERWARDS]
    return {name: study.entry(name).content for name in names}


def _interrupted_at(call: int, original: Callable[..., None]) -> Callable[..., None]:
    calls = 0

    def save(*args: object, **kwargs: object) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        original(*args, **kwargs)

    return save


def test_ctrl_c_leaves_a_study_that_ends_with_the_same_bytes(
    cli: Cli, config_file: Path, small_study_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from circuitlogic.stages import dictionaries

    out = tmp_path / "study"
    with monkeypatch.context() as patched:
        patched.setattr(dictionaries, "save_sae", _interrupted_at(2, dictionaries.save_sae))
        ran = cli("train", config_file, "--out", out)
    assert (ran.code, ran.out) == (130, "")
    assert "same command resumes" in ran.err.splitlines()[-1]
    half = Study.open(out)
    assert half.has("saes/hidden.0")
    assert not half.has("saes/hidden.1")
    assert half.damaged() == ()

    ran = cli("train", "--out", out)
    assert (ran.code, ran.out) == (0, f"{out}\n")
    assert "SAE of hidden.0" not in ran.err, "a finished stage is not run again"
    assert "SAE of hidden.1" in ran.err
    assert _trained(Study.open(out)) == _trained(Study.open(small_study_folder))


def test_a_killed_study_is_taken_up_where_it_was(cli: Cli, study_copy: Path, small_study_folder: Path):
    junk = study_copy / ".building" / "connectors" / "hidden.0__hidden.1"
    junk.mkdir(parents=True)
    (junk / "connector.safetensors").write_bytes(b"half")
    manifest = json.loads((study_copy / "manifest.json").read_text())
    for name in ("connectors/hidden.0__hidden.1", "feature_network"):
        del manifest["artefacts"][name]
    shutil.rmtree(study_copy / "feature_network")
    (study_copy / "manifest.json").write_text(json.dumps(manifest))
    (study_copy / ".manifest.json.99.tmp").write_text("{")

    shown = cli("show", study_copy)
    assert shown.code == 0, "what is finished can still be read"
    ran = cli("train", "--out", study_copy)
    assert ran.code == 0
    assert "SAE of" not in ran.err
    assert _trained(Study.open(study_copy)) == _trained(Study.open(small_study_folder))
    assert Study.open(study_copy).damaged() == ()


def test_training_again_changes_nothing(cli: Cli, study_copy: Path):
    before = (study_copy / "manifest.json").read_bytes()
    ran = cli("train", "--out", study_copy, "--quiet")
    assert (ran.code, ran.err) == (0, "")
    assert (study_copy / "manifest.json").read_bytes() == before


def test_a_training_that_is_refused_leaves_the_study_its_settings(cli: Cli, study_copy: Path):
    before = (study_copy / "study.toml").read_bytes()
    for sites in ('["hidden.0"]', '["hidden.0", "hiden.1"]'):
        assert cli("train", "--out", study_copy, "--set", f"sites={sites}").code in (1, 2)
        assert (study_copy / "study.toml").read_bytes() == before


def test_extract_at_another_threshold_then_one_too_high_keeps_the_first(cli: Cli, study_copy: Path):
    document = cli("extract", study_copy, "--threshold", 0.3, "--json").document
    assert document["schema"] == "circuitlogic/extract/1"
    assert document["threshold"] == 0.3
    assert sum(document["gates"].values()) > 0
    kept = (study_copy / "manifest.json").read_bytes()
    refused = cli("extract", study_copy, "--threshold", 1000)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.count("\n") == 1
    assert (study_copy / "manifest.json").read_bytes() == kept
    edges = cli("export", study_copy, "-o", "-", "--format", "csv").out.splitlines()
    assert len(edges) == 1 + document["edges"]


@pytest.mark.parametrize(
    "line",
    [
        "train --out {study}",
        "extract {study}",
        "verify {study}",
        "show {study}",
        "query {study} roots",
        "diagram {study} hidden.1/0 -o -",
        "report {study}",
        "export {study} -o - --format json",
    ],
)
def test_a_study_of_another_schema_is_refused_and_kept(cli: Cli, tmp_path: Path, line: str):
    study = tmp_path / "study"
    study.mkdir()
    (study / "study.toml").write_text("seed = 0\n")
    manifest = json.dumps({"schema": "circuitlogic/study/9", "artefacts": {}})
    (study / "manifest.json").write_text(manifest)
    ran = cli(*line.format(study=study).split())
    assert (ran.code, ran.out) == (1, "")
    assert "circuitlogic/study/9" in ran.err
    assert ran.err.count("\n") == 1
    assert (study / "manifest.json").read_text() == manifest
    assert sorted(path.name for path in study.iterdir()) == ["manifest.json", "study.toml"]


def test_flags_overrule_the_file_which_overrules_the_study(tmp_path: Path):
    (tmp_path / "study.toml").write_text("seed = 5\n[saes]\nk = 7\n")
    file = tmp_path / "mine.toml"
    file.write_text("[saes]\nk = 9\n")
    assert resolve_config(None, tmp_path, {}).saes.k == 7
    assert resolve_config(None, tmp_path, {"saes.k": 3, "saes.l1": None}).seed == 5
    mine = resolve_config(file, tmp_path, {"seed": 2})
    assert (mine.saes.k, mine.seed) == (9, 2)


def test_settings_are_read_as_toml():
    assert parse_settings(
        ["saes.k=8", "network.hidden=[8, 8]", 'data.dataset = "idx"', "data.path=a=b/c"]
    ) == {
        "saes.k": 8,
        "network.hidden": [8, 8],
        "data.dataset": "idx",
        "data.path": "a=b/c",
    }
    with pytest.raises(ConfigError, match="did you mean"):
        parse_settings(["saes.kk=8"])
    assert parse_settings(["seed=1\nk=2"]) == {"seed": "1\nk=2"}


@pytest.mark.parametrize("values", [{}, {"seed": 3, "data": {"path": 'a "b"\\c = d'}, "tune": {"edges": 12}}])
def test_the_documented_settings_read_back(values: dict[str, object]):
    config = config_from_mapping(values)
    text = documented_toml(config)
    import tomllib

    assert config_from_mapping(tomllib.loads(text)) == config
    for name in setting_names():
        assert f"{name.rpartition('.')[2]} =" in text
    meanings = [meaning for table in setting_meanings().values() for meaning in table.values()]
    assert len(meanings) > 20
    assert all(" ".join(m.split())[:60].rstrip() in text.replace("\n# ", " ") for m in meanings)


def test_config_show_prints_the_studys_own_settings(cli: Cli, study_copy: Path, small_config: StudyConfig):
    import tomllib

    ran = cli("config", "show", "--study", study_copy)
    assert config_from_mapping(tomllib.loads(ran.out)) == small_config


def test_the_digits_have_defaults_of_their_own(cli: Cli, tmp_path: Path):
    import tomllib

    shown = {
        name: tomllib.loads(cli("config", "show", "--dataset", name).out) for name in ("digits", "mnist")
    }
    assert shown["digits"]["network"]["epochs"] > shown["mnist"]["network"]["epochs"]
    assert shown["mnist"] | {"data": None} == tomllib.loads(config_to_toml(StudyConfig())) | {"data": None}
    assert config_from_mapping(tomllib.loads(cli("config", "show").out)) == demo_config()
    none = tmp_path / "none"
    assert resolve_config(None, none, {}) == demo_config()
    assert resolve_config(None, none, {"tune.epochs": 2}).tune.epochs == 2
    assert resolve_config(None, none, {"data.dataset": "mnist"}).network == StudyConfig().network
    assert resolve_config(None, none, {"network.kind": "hf"}).saes == StudyConfig().saes
