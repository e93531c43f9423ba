"""The README's commands and its Python run as they stand."""

import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest

from circuitlogic.cli.app import build_app
from circuitlogic.cli.entry import main
from circuitlogic.config import config_from_mapping
from circuitlogic.stages.extracted import load_graph
from circuitlogic.study import Study

_ROOT = Path(__file__).parent.parent
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_EXAMPLE_FEATURE = "hidden.2/33"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _README, flags=re.DOTALL)


def test_the_two_commands_are_the_ones_that_the_check_runs() -> None:
    check = (_ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for part in ["pip install '.[test]'", "pytest"]:
        assert part.removeprefix("pip install ") in check
    assert any("pip install . && circuitlogic demo" in block for block in blocks("sh"))
    assert any("pip install '.[test]' && pytest" in block for block in blocks("sh"))


def test_the_study_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    steps = next(block for block in blocks("sh") if "circuitlogic train" in block).strip().splitlines()
    assert [shlex.split(step)[1] for step in steps] == [
        "train", "extract", "verify", "verify", "sweep", "show", "show", "query", "diagram", "report",
    ]  # fmt: skip
    for step in steps:
        arguments = shlex.split(step)[1:]
        if _EXAMPLE_FEATURE in arguments:  # which features have edges depends on the machine's arithmetic
            arguments[arguments.index(_EXAMPLE_FEATURE)] = reached_feature(tmp_path / "runs" / "digits")
        assert main(arguments) == 0, step
    assert (tmp_path / "circuit.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "runs" / "digits" / "report" / "index.html").exists()


def reached_feature(root: Path) -> str:
    """The feature of the last site with most edges."""
    graph = load_graph(Study.open(root))
    members = graph.members(graph.sites[-1])
    degrees = np.diff(np.asarray(graph.inputs.indptr))[members.start : members.stop]
    return f"{graph.sites[-1]}/{int(degrees.argmax())}"


def test_your_own_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert 0.25 < float(capsys.readouterr().out.split()[-1]) <= 1.0
    assert names["gate"].inputs  # type: ignore[attr-defined]


def test_every_file_that_the_readme_shows_or_links_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", _README):
        assert (_ROOT / target).exists(), target


def test_the_language_models_settings_are_settings() -> None:
    (settings,) = blocks("toml")
    config = config_from_mapping(tomllib.loads(settings))
    assert (config.network.kind, config.saes.k) == ("hf", 8)
    commands = [line for block in blocks("sh") if "lm.toml" in block for line in block.splitlines()]
    names = {command.name for command in build_app().registered_commands}
    for line in commands:
        for part in line.split(" && "):
            words = shlex.split(part)
            assert words[0] != "circuitlogic" or words[1] in names | {"bench", "query"}
