"""`circuitlogic report`."""

from pathlib import Path
from typing import Annotated

import typer

from circuitlogic.cli.console import Streams, write
from circuitlogic.cli.options import Force, NoColor, Quiet, StudyArgument, check_free
from circuitlogic.errors import ConfigError

FORMATS = {"html": "index.html", "md": "report.md"}
"""Main file of each format."""


def report(
    study: StudyArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Default: STUDY/report.", show_default=False),
    ] = None,
    formats: Annotated[str, typer.Option("--format", metavar="html,md", help="What to write.")] = "html,md",
    force: Force = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write the HTML and Markdown report.

    The HTML page needs no network. An earlier report in STUDY/report is replaced. Prints the paths.

    Example: circuitlogic report runs/digits --format html
    """
    wanted = parse_formats(formats)
    folder = out or study / "report"
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: give a folder")
    if out is not None:
        check_free(*(folder / FORMATS[name] for name in wanted), force=force)

    from circuitlogic.study import Study

    opened = Study.open(study)

    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.report.write import write_report

    with console_progress(Streams(color=not no_color, quiet=quiet)) as progress:
        paths = write_report(opened, folder, wanted, progress)
    write("".join(f"{path}\n" for path in paths))


def parse_formats(text: str) -> tuple[str, ...]:
    """`html,md` as names.

    Raises:
        ConfigError: none, or one that does not exist.
    """
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [name for name in names if name not in FORMATS]
    if unknown or not names:
        raise ConfigError(f"--format {text!r}: give one or more of {', '.join(FORMATS)}, separated by commas")
    return names
