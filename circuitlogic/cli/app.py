"""Owns the list of commands: a new command is a new file in `commands/` plus one line here."""

from typing import Annotated

import typer

from circuitlogic import __version__
from circuitlogic.cli.commands.bench import bench_app
from circuitlogic.cli.commands.config_show import config_app
from circuitlogic.cli.commands.demo import demo
from circuitlogic.cli.commands.diagram import diagram
from circuitlogic.cli.commands.doctor import doctor
from circuitlogic.cli.commands.export import export
from circuitlogic.cli.commands.extract import extract
from circuitlogic.cli.commands.find import find
from circuitlogic.cli.commands.import_dictionary import import_dictionary
from circuitlogic.cli.commands.inspect_path import inspect_path
from circuitlogic.cli.commands.label import label
from circuitlogic.cli.commands.query import query_app
from circuitlogic.cli.commands.report import report
from circuitlogic.cli.commands.show import show
from circuitlogic.cli.commands.sweep import sweep
from circuitlogic.cli.commands.train import train
from circuitlogic.cli.commands.verify import verify
from circuitlogic.cli.console import write

_HELP = """Read the logic out of neural networks: sparse features, sparse connectors, tested gates.

Example: circuitlogic demo

Exit codes: 0 done, and also for an answer that is empty; 1 failed, or there is nothing to make; 2 wrong usage;
3 a check that was asked for failed; 4 an optional package is missing; 70 a bug; 130 Ctrl-C; 141 the reader of
the output hung up."""
_SETTINGS = {"help_option_names": ["-h", "--help"]}


def build_app(plain_help: bool = False) -> typer.Typer:
    """The whole command line.

    Args:
        plain_help: Help without boxes and colours, for a pipe.
    """
    app = typer.Typer(
        name="circuitlogic",
        help=_HELP,
        no_args_is_help=True,
        context_settings=_SETTINGS,
        rich_markup_mode=None if plain_help else "rich",
        pretty_exceptions_enable=False,
    )
    app.callback()(_root)
    for name, command in (
        ("demo", demo),
        ("train", train),
        ("extract", extract),
        ("verify", verify),
        ("sweep", sweep),
        ("show", show),
        ("find", find),
        ("label", label),
        ("diagram", diagram),
        ("report", report),
        ("export", export),
        ("import", import_dictionary),
        ("inspect", inspect_path),
        ("doctor", doctor),
    ):
        app.command(name, context_settings=_SETTINGS)(command)
    app.add_typer(query_app, name="query", context_settings=_SETTINGS)
    app.add_typer(bench_app, name="bench", context_settings=_SETTINGS)
    app.add_typer(config_app, name="config", context_settings=_SETTINGS)
    return app


def _print_version(wanted: bool) -> bool:
    if wanted:
        write(f"circuitlogic {__version__}\n")
        raise typer.Exit
    return wanted


def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del show_version
