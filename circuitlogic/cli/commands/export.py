"""`circuitlogic export`."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from circuitlogic.cli.console import Streams, write, write_raw
from circuitlogic.cli.options import Force, NoColor, Quiet, StudyArgument, check_free
from circuitlogic.errors import ConfigError

GraphFormat: TypeAlias = Literal["graphml", "node-link", "cytoscape", "csv", "parquet", "json", "saelens"]


def export(
    study: StudyArgument,
    out: Annotated[
        str,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="csv and parquet write FILE.nodes beside it; - is stdout; a folder for saelens.",
        ),
    ],
    format: Annotated[  # noqa: A002
        GraphFormat,
        typer.Option("--format", "-f", help="`json` is lossless; `saelens` is one site's dictionary."),
    ],
    site: Annotated[
        str | None, typer.Option(metavar="SITE", help="With saelens: whose dictionary.", show_default=False)
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write the feature graph, or a site's dictionary, for other tools.

    Prints the paths.

    Example: circuitlogic export runs/digits -o graph.graphml --format graphml

    Example: circuitlogic export runs/digits -o dictionary --format saelens --site hidden.1
    """
    if (format == "saelens") != (site is not None):
        raise ConfigError(
            "--site and --format saelens belong together: name the site whose dictionary is meant"
        )
    if format == "saelens":
        _dictionary(study, str(site), Path(out), force)
        return
    from circuitlogic.graph.exporters import export as run
    from circuitlogic.graph.exporters import render
    from circuitlogic.study import Study

    path = None if out == "-" else Path(out)
    if path is not None:
        check_free(path, path.with_name(f"{path.stem}.nodes{path.suffix}"), force=force)
    graph = Study.open(study).graph
    streams = Streams(color=not no_color, quiet=quiet)
    if path is None:
        parts = render(graph, format)
        if len(parts) > 1:
            streams.say("stdout gets the edges only: give a file to get the nodes, too")
        write_raw(parts[""])
        return
    write("".join(f"{file}\n" for file in run(graph, path, format)))


def _dictionary(study: Path, site: str, folder: Path, force: bool) -> None:
    from circuitlogic.saes.saelens import CONFIG_FILE, WEIGHTS_FILE
    from circuitlogic.stages.exported import export_dictionary
    from circuitlogic.study import Study

    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: give a folder")
    files = [folder / name for name in (CONFIG_FILE, WEIGHTS_FILE)]
    check_free(*files, force=force)
    export_dictionary(Study.open(study), site, folder)
    write("".join(f"{file}\n" for file in files))
