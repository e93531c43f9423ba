"""`circuitlogic export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from circuitlogic.cli.console import Streams, write, write_raw
from circuitlogic.cli.options import Force, NoColor, Quiet, StudyArgument, check_free
from circuitlogic.errors import CheckFailedError, ConfigError

if TYPE_CHECKING:
    from circuitlogic.graph.base import BaseGraph

GraphFormat: TypeAlias = Literal[
    "json", "graphml", "cytoscape", "node-link", "neuronpedia", "dot", "csv", "parquet"
]


def export(
    study: StudyArgument,
    out: Annotated[
        str,
        typer.Option(
            "--out", "-o", metavar="FILE", help="csv and parquet write FILE.nodes beside it; - is stdout."
        ),
    ],
    format: Annotated[  # noqa: A002
        GraphFormat, typer.Option("--format", "-f", help="`json` carries everything.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Read the file back and compare: exit code 3 if anything is lost.")
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write the feature graph for other tools.

    Prints the paths; says what the format cannot carry.

    Example: circuitlogic export runs/digits -o graph.graphml --format graphml
    """
    from circuitlogic.graph.exporters import EXPORTERS, render
    from circuitlogic.graph.exporters import export as run
    from circuitlogic.graph.importers import READERS
    from circuitlogic.study import Study

    path = None if out == "-" else Path(out)
    if check and (path is None or format not in READERS):
        raise ConfigError(f"--check needs a file of a format that is read back: {', '.join(READERS)}")
    if path is not None:
        check_free(path, path.with_name(f"{path.stem}.nodes{path.suffix}"), force=force)
    graph = Study.open(study).graph
    streams = Streams(color=not no_color, quiet=quiet)
    if EXPORTERS[format].loses:
        streams.say(f"{format} does not carry {EXPORTERS[format].loses}")
    if path is None:
        parts = render(graph, format)
        if len(parts) > 1:
            streams.say("stdout gets the edges only: give a file to get the nodes, too")
        write_raw(parts[""])
        return
    write("".join(f"{file}\n" for file in run(graph, path, format)))
    if check:
        _check(graph, path, format)
        streams.say("read back: the same graph")


def _check(graph: "BaseGraph", path: Path, form: str) -> None:
    """Read the file back.

    Raises:
        CheckFailedError: it is not the same graph.
    """
    from circuitlogic.graph.comparison import differences
    from circuitlogic.graph.importers import read_graph_file

    lost = differences(graph, read_graph_file(path, form))
    if lost:
        raise CheckFailedError(f"check failed: {path} does not carry {', '.join(lost)}")
