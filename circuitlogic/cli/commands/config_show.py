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
    dataset: Annotated[
        str | None, typer.Option(help="digits, mnist or idx: show what `train` takes for it by default.")
    ] = None,
) -> None:
    """Print every setting with its meaning, as TOML that `circuitlogic train` reads.

    Example: circuitlogic config show --study runs/digits
    """
    from circuitlogic.cli.setting_docs import documented_toml
    from circuitlogic.config import config_from_mapping, load_config, over_dataset_defaults
    from circuitlogic.errors import ConfigError, StudyError

    if study is None:
        given = {} if dataset is None else {"data": {"dataset": dataset}}
        write(documented_toml(config_from_mapping(over_dataset_defaults(given))))
        return
    if dataset is not None:
        raise ConfigError("--dataset means nothing with --study: a study has its own settings")
    if not (study / "study.toml").is_file():
        raise StudyError(f"{study} is not a study: it has no study.toml")
    write(documented_toml(load_config(study / "study.toml")))
