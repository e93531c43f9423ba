"""The way in and out: help, exit codes, one line for every mistake, what `--help` may import."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from cli_runs import Cli

from circuitlogic import __version__
from circuitlogic.cli.app import build_app

_HEAVY = ("torch", "sympy", "pandas", "networkx", "matplotlib", "graphviz", "sklearn", "numba", "click")


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def _commands() -> Iterator[tuple[str, ...]]:
    app = build_app()
    for command in app.registered_commands:
        yield (str(command.name),)
    for group in app.registered_groups:
        name = str(group.name)
        yield (name,)
        study = ("STUDY",) if name == "query" else ()
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            assert command.callback is not None
            yield (name, *study, command.name or command.callback.__name__)


@pytest.mark.parametrize("command", [(), *_commands()], ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help_with_an_example(cli: Cli, command: tuple[str, ...], flag: str):
    ran = cli(*command, flag)
    assert (ran.code, ran.err) == (0, "")
    name = command[-1] if command else "circuitlogic"
    assert re.search(rf"Example:\s+circuitlogic [^\n]*{name if command else ''}", ran.out)
    assert "─" not in ran.out, "help in a pipe has no boxes"


def test_the_walk_finds_the_promised_commands():
    tops = {command[0] for command in _commands()}
    promised = "demo train extract verify show query diagram report export import find label bench"
    promised += " sweep inspect doctor config"
    assert sorted(tops) == sorted(promised.split())
    assert ("query", "STUDY", "ancestors") in set(_commands())


@pytest.mark.parametrize("code", ["import circuitlogic.cli.entry, circuitlogic.cli.app", None])
def test_help_imports_nothing_heavy(code: str | None):
    run = code or (
        "from circuitlogic.cli.entry import main\n"
        "assert main(['--help']) == main(['train', '--help']) == main(['query', '--help']) == 0"
    )
    check = f"import sys\n{run}\nfound = [m for m in {_HEAVY!r} if m in sys.modules]\nassert not found, found"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_version(cli: Cli):
    ran = cli("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"circuitlogic {__version__}\n", "")


@pytest.mark.parametrize("group", [(), ("query",), ("config",)])
def test_a_bare_group_prints_its_help_and_fails(cli: Cli, group: tuple[str, ...]):
    ran = cli(*group)
    assert ran.code == 2
    assert ran.out == ""
    assert "Usage: circuitlogic" in ran.err


BAD: dict[str, tuple[int, str]] = {
    "trian": (2, "No such command 'trian'"),
    "--frobnicate": (2, "No such option"),
    "train --sede 1": (2, "--seed"),
    "train --out {new} --set sae.k=3": (2, "saes.k"),
    "train --out {new} --set saes.k": (2, "SECTION.KEY=VALUE"),
    "train --out {new} --set =3": (2, "SECTION.KEY=VALUE"),
    "train --out {new} --set saes.k=many": (2, "saes.k = 'many'"),
    "train --out {new} --set saes.k=0": (2, "at least 1"),
    "train --out {new} --set saes=3": (2, "unknown setting 'saes'"),
    "train --out {new} --hidden 64,wide": (2, "--hidden '64,wide'"),
    "train --out {new} --hidden 0": (2, "at least 1"),
    "train --out {new} --k -1": (2, "saes.k"),
    "train --out {new} --seed -1": (2, "seed"),
    "train --out {new} --seed one": (2, "valid integer"),
    "train --out {new} --architecture topkk": (2, "topkk"),
    "train --out {new} --dataset mnits": (1, "did you mean mnist"),
    "train --out {new} --dataset idx --data {new}": (1, "{new}"),
    "train {new}.toml --out {new}": (2, "{new}.toml"),
    "train {broken} --out {new}": (2, "not valid TOML"),
    "train --out {other}": (1, "is not a study"),
    "extract {new}": (1, "does not exist"),
    "extract {other}": (1, "is not a study"),
    "extract {study} --threshold 1e9": (1, "no edge"),
    "extract {study} --threshold -1": (2, "--threshold"),
    "extract {study} --threshold nan": (2, "threshold"),
    "verify {study} --split train": (2, "heldout"),
    "verify {study} --min-accuracy 2": (2, "--min-accuracy"),
    "show {study} hidden.1:3": (2, "SITE/INDEX"),
    "show {study} hidden.1/9999": (1, "has features 0.."),
    "show {study} hiddn.1/3": (1, "did you mean hidden.1"),
    "show {study} hidden.0/3": (1, "first site"),
    "show {study} --kind and-nto": (1, "and-not"),
    "show {study} --site hidden.9": (1, "hidden.1"),
    "show {study} --columns feature,sight": (2, "sight"),
    "show {study} --columns ,": (2, "names no column"),
    "show {study} --sort speed": (2, "speed"),
    "show {study} --format yaml": (2, "'-f': 'yaml' is not one of"),
    "show {study} --limit 0": (2, "--limit"),
    "show {study} --json --format csv": (2, "contradict"),
    "query {study} ancestors hidden.2": (2, "SITE/INDEX"),
    "query {study} ancestors hidden.8/1": (1, "hidden.2"),
    "query {study} ancestors hidden.2/1 --sign x": (2, "--sign"),
    "query {study} ancestors hidden.2/1 --min-weight nan": (2, "--min-weight"),
    "query {study} ancestors hidden.2/1 --site hidden.7": (1, "unknown site"),
    "query {study} path hidden.0/0": (2, "Missing argument 'B'"),
    "query {study} find --kind xnor": (1, "unknown gate kind"),
    "query {new} roots": (1, "does not exist"),
    "diagram {study} hidden.2/1": (2, "--out"),
    "diagram {study} hidden.2/1 -o x.gif": (2, ".svg"),
    "diagram {study} hidden.2/1 -o {taken}": (1, "--force"),
    "diagram {study} hidden.2/1 -o {new}/x.svg": (1, "cannot write"),
    "diagram {study} hidden.2/1 -o {new}.svg --engine dott": (1, "layout engine"),
    "diagram {study} hidden.0/1 -o {new}.svg --depth 2": (1, "has no inputs"),
    "export {study} -o {taken} --format graphml": (1, "--force"),
    "export {study} -o {other} --format csv": (2, "is a folder"),
    "export {study} -o {new} --format gml": (2, "gml"),
    "report {study} --format pdf": (2, "html, md"),
    "report {study} --format ,": (2, "html, md"),
    "report {study} -o {taken}": (2, "is a file"),
    "find {study} --min-f1 1.0 --pattern k-of-n --out {new}.md": (1, "none of"),
    "inspect {new}": (1, "does not exist"),
    "inspect {other}": (1, "neither"),
    "config show --study {other}": (1, "is not a study"),
    "demo --out {other}": (1, "is not a study"),
    "demo --seed -1": (2, "--seed"),
}


@pytest.mark.parametrize("line", BAD)
def test_a_mistake_gets_one_line_and_loses_nothing(
    cli: Cli, line: str, small_study_folder: Path, tmp_path: Path
):
    places = {name: tmp_path / name for name in ("new", "other", "taken.svg", "broken.toml")}
    places["other"].mkdir()
    (places["other"] / "thesis.txt").write_text("a year's work")
    places["taken.svg"].write_text("taken")
    places["broken.toml"].write_text("seed = = 3")
    names = {"study": small_study_folder, **{key.split(".")[0]: path for key, path in places.items()}}
    before = _snapshot(small_study_folder), _snapshot(tmp_path)

    ran = cli(*line.format(**names).split())

    code, words = BAD[line]
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert words.format(**names) in ran.err
    assert (_snapshot(small_study_folder), _snapshot(tmp_path)) == before


def _snapshot(root: Path) -> dict[Path, tuple[int, int]]:
    found = {path: path.stat() for path in sorted(root.rglob("*")) if path.is_file()}
    return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}


def _failing(error: BaseException) -> Callable[..., typer.Typer]:
    def build(plain_help: bool = False) -> typer.Typer:
        app = typer.Typer()

        @app.command()
        def fail() -> None:
            raise error

        return app

    return build


def test_a_bug_shows_its_traceback_and_asks_for_a_report(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("circuitlogic.cli.app.build_app", _failing(RuntimeError("wires crossed")))
    ran = cli()
    assert (ran.code, ran.out) == (70, "")
    assert "Traceback" in ran.err
    assert "wires crossed" in ran.err
    assert "please report" in ran.err.splitlines()[-1]


def test_ctrl_c_says_that_the_study_resumes(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("circuitlogic.cli.app.build_app", _failing(KeyboardInterrupt()))
    ran = cli()
    assert (ran.code, ran.out) == (130, "")
    assert ran.err.strip().count("\n") == 0
    assert "same command resumes" in ran.err


def test_a_full_disk_is_no_bug(cli: Cli, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "circuitlogic.cli.app.build_app", _failing(OSError(28, "No space left on device", "a/b"))
    )
    ran = cli()
    assert (ran.code, ran.out, ran.err) == (1, "", "error: a/b: No space left on device\n")


def test_error_text_from_files_cannot_drive_the_terminal(cli: Cli, tmp_path: Path):
    ran = cli("inspect", tmp_path / "no\x1b[2Jsuch\nfolder[bold]")
    assert ran.code == 1
    assert "\x1b" not in ran.err
    assert ran.err.count("\n") == 1
    assert "[bold]" in ran.err


CLOSED = {
    "config show": "a short answer, written when the command is over",
    "export {study} -o - -f json": "a long answer, written in the midst of it",
    "verify {study} --quiet": "a table that is drawn",
}


@pytest.mark.parametrize("line", CLOSED)
def test_a_closed_pipe_is_quiet(small_study_folder: Path, line: str):
    done = _with_nobody_reading(line.format(study=small_study_folder), subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_closed_pipe_for_errors_too_is_no_bug(tmp_path: Path):
    assert _with_nobody_reading(f"show {tmp_path / 'nothing'}", subprocess.STDOUT).returncode == 141


def _with_nobody_reading(line: str, errors: int) -> subprocess.CompletedProcess[str]:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        command = [sys.executable, "-m", "circuitlogic", *line.split()]
        return subprocess.run(command, stdout=closed, stderr=errors, text=True, timeout=120, check=False)


def test_python_dash_m_runs_the_same_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "circuitlogic", "query"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "Usage: circuitlogic query" in done.stderr
