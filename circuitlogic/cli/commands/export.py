"""`circuitlogic export`."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from circuitlogic.cli.console import Streams, write, write_raw
from circuitlogic.cli.options import Force, NoColor, Quiet, StudyArgument, check_free

GraphFormat: TypeAlias = Literal["graphml", "node-link", "cytoscape", "csv", "parquet", "json"]


def export(
    study: StudyArgument,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="FILE", help="csv and parquet write FILE.nodes beside it; - is stdout."
        ),
    ],
    format: Annotated[  # noqa: A002
        GraphFormat, typer.Option("--format", "-f", help="`json` is lossless and is read back.")
    ],
    force: Force = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write the feature graph for other tools.

    Prints the paths.

    Example: circuitlogic export runs/digits -o graph.graphml --format graphml
    """
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
