"""`circuitlogic export`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from circuitlogic.cli.console import Streams, write, write_raw
from circuitlogic.cli.options import Force, NoColor, Quiet, StudyArgument, check_free
from circuitlogic.errors import CheckFailedError, ConfigError
from circuitlogic.features import site_name

if TYPE_CHECKING:
    from circuitlogic.graph.base import BaseGraph

Format: TypeAlias = Literal[
    "json", "graphml", "cytoscape", "node-link", "neuronpedia", "dot", "csv", "parquet", "saelens"
]


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
        Format,
        typer.Option("--format", "-f", help="`json` carries everything; `saelens` is one site's dictionary."),
    ],
    site: Annotated[
        str | None, typer.Option(metavar="SITE", help="With saelens: whose dictionary.", show_default=False)
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Read the graph back and compare: exit code 3 if anything is lost. Not csv, dot."
        ),
    ] = False,
    force: Force = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write the feature graph, or a site's dictionary, for other tools.

    Prints the paths; says what the format cannot carry.

    Example: circuitlogic export runs/digits -o graph.graphml --format graphml

    Example: circuitlogic export runs/digits -o dictionary --format saelens --site hidden.1
    """
    if (format == "saelens") != (site is not None):
        raise ConfigError(
            "--site and --format saelens belong together: name the site whose dictionary is meant"
        )
    streams = Streams(color=not no_color, quiet=quiet)
    path = None if out == "-" else Path(out)
    if format == "saelens":
        _dictionary(study, str(site), Path(out), force)
    elif path is None:
        _to_stdout(study, format, streams, check)
    else:
        _to_file(study, path, format, streams, check, force)


def _to_stdout(study: Path, form: str, streams: Streams, check: bool) -> None:
    from circuitlogic.graph.exporters import EXPORTERS, render
    from circuitlogic.stages.extracted import load_graph
    from circuitlogic.study import Study

    if check:
        raise ConfigError("--check reads a file back: give one with --out")
    parts = render(load_graph(Study.open(study)), form)
    if EXPORTERS[form].loses:
        streams.say(f"{form} does not carry {EXPORTERS[form].loses}")
    if len(parts) > 1:
        streams.say("stdout gets the edges only: give a file to get the nodes, too")
    write_raw(parts[""])


def _to_file(study: Path, path: Path, form: str, streams: Streams, check: bool, force: bool) -> None:
    from circuitlogic.graph.exporters import EXPORTERS
    from circuitlogic.graph.exporters import export as run
    from circuitlogic.graph.importers import READERS
    from circuitlogic.stages.extracted import load_graph
    from circuitlogic.study import Study

    checked = [name for name in READERS if READERS[name].whole]
    if check and form not in checked:
        raise ConfigError(
            f"--check: {form} cannot carry a whole graph; these can be checked: {', '.join(checked)}"
        )
    check_free(path, path.with_name(f"{path.stem}.nodes{path.suffix}"), force=force)
    graph = load_graph(Study.open(study))
    write("".join(f"{file}\n" for file in run(graph, path, form)))
    if EXPORTERS[form].loses:
        streams.say(f"{form} does not carry {EXPORTERS[form].loses}")
    if check:
        _check(graph, path, form)
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


def _dictionary(study: Path, site: str, folder: Path, force: bool) -> None:
    from circuitlogic.saes.saelens import CONFIG_FILE, WEIGHTS_FILE
    from circuitlogic.stages.exported import export_dictionary
    from circuitlogic.study import Study

    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: give a folder")
    files = [folder / name for name in (CONFIG_FILE, WEIGHTS_FILE)]
    check_free(*files, force=force)
    export_dictionary(Study.open(study), site_name(site), folder)
    write("".join(f"{file}\n" for file in files))
