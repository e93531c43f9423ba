"""`circuitlogic config`."""

from pathlib import Path
from typing import Annotated

import typer

from circuitlogic.cli.console import write

config_app = typer.Typer(
    no_args_is_help=True,
    help="""The settings of a study.

    Example: circuitlogic config show > study.toml""",
)


@config_app.callback()
def _config() -> None:
    """Keep `show` a subcommand."""


@config_app.command()
def show(
    study: Annotated[
        Path | None,
        typer.Option("--study", metavar="STUDY", help="Show this study's settings, not the defaults."),
    ] = None,
) -> None:
    """Print every setting with its meaning, as TOML that `circuitlogic train` reads.

    Example: circuitlogic config show --study runs/digits
    """
    from circuitlogic.cli.setting_docs import documented_toml
    from circuitlogic.config import StudyConfig, load_config
    from circuitlogic.errors import StudyError

    if study is not None and not (study / "study.toml").is_file():
        raise StudyError(f"{study} is not a study: it has no study.toml")
    write(documented_toml(StudyConfig() if study is None else load_config(study / "study.toml")))
