"""`circuitlogic sweep`."""

from typing import Annotated

import typer

from circuitlogic.cli.console import Streams
from circuitlogic.cli.options import Json, NoColor, Quiet, StudyArgument, Threads


def sweep(
    study: StudyArgument,
    edges: Annotated[
        str, typer.Option(metavar="N,N,..", help="Edge budgets per connector to prune and tune to.")
    ] = "115,229,458,916,1832",
    json: Json = False,
    threads: Threads = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Prune and tune the graph at several edge budgets: accuracy against edges, held out.

    Starts from the study's connectors with its own settings; finished budgets are read back.

    Writes the curve as `sweep/curve/curve.png` and `sweep.json` into the study; `circuitlogic report` shows it
    in the page and in `report.md`.

    Example: circuitlogic sweep runs/digits --edges 100,200,400
    """
    from circuitlogic.cli.settings import parse_widths, with_threads
    from circuitlogic.study import Study

    budgets = parse_widths(edges, what="--edges", lowest=1)
    opened, streams = Study.open(study), Streams(color=not no_color, quiet=quiet)

    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.documents import write_document
    from circuitlogic.pipeline import sweep as run
    from circuitlogic.report.guards import sweep_table
    from circuitlogic.stages.sweep import PICTURE, SUMMARY, original_of

    with with_threads(threads), console_progress(streams) as progress:
        points = run(opened, budgets, progress=progress)
    original = original_of(opened)
    if json:
        write_document("sweep", {"study": str(study), "original_accuracy": original, "points": points})
        return
    streams.draw(sweep_table(points, original))
    streams.draw(f"{opened.root / SUMMARY / PICTURE}")
