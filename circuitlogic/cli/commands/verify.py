"""`circuitlogic verify`."""

from typing import Annotated, Literal

import typer

from circuitlogic.cli.console import Streams
from circuitlogic.cli.options import Json, NoColor, Quiet, StudyArgument


def verify(
    study: StudyArgument,
    split: Annotated[
        Literal["heldout", "test"],
        typer.Option(help="`test` is the official test set, which no other command touches."),
    ] = "heldout",
    threshold: Annotated[
        float | None, typer.Option(min=0.0, help="Default: the threshold that was extracted.")
    ] = None,
    min_accuracy: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Fail below it: a share, e.g. 0.9.")
    ] = None,
    min_agreement: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Fail below it: share of equal answers.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Run the graph as a network, against the original.

    Exit code 3 if it falls below a minimum.

    Example: circuitlogic verify runs/digits --split test --min-agreement 0.9
    """
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.documents import write_document
    from circuitlogic.cli.summaries import check_minimum, draw_network
    from circuitlogic.pipeline import verify as run
    from circuitlogic.study import Study

    opened = Study.open(study)
    streams = Streams(color=not no_color, quiet=quiet)
    with console_progress(streams) as progress:
        metrics = run(opened, split, threshold, progress)
    if json:
        write_document("verify", {"study": str(study), "split": split, "metrics": metrics})
    else:
        draw_network(streams, opened, metrics)
    check_minimum(metrics, min_accuracy, min_agreement)
