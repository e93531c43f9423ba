"""`circuitlogic extract`."""

from typing import Annotated

import typer

from circuitlogic.cli.console import Streams
from circuitlogic.cli.options import Json, NoColor, Quiet, StudyArgument, Threads
from circuitlogic.config import EdgeScore


def extract(
    study: StudyArgument,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Keep edges with |weight| above it, in unit scale. Default: the study's setting."
        ),
    ] = None,
    score: Annotated[
        EdgeScore | None,
        typer.Option(
            help="How --top-k and --edges rank: by |weight|; by the contribution while the target fires; "
            "by the error that removing the edge adds, as a share of the target's variance."
        ),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option("--top-k", min=1, help="Keep at most so many inputs per feature.")
    ] = None,
    edges: Annotated[int | None, typer.Option(min=1, help="Keep at most so many edges in all.")] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Processes that read gates; the result does not depend on it.")
    ] = 1,
    json: Json = False,
    threads: Threads = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Read the feature graph and its gates at a threshold.

    The thresholded graph is then run as a network, on held-out samples.

    --top-k and --edges choose edges by --score, the threshold cuts what they leave. A threshold that leaves no edge
    is refused and the earlier graph is kept.

    Example: circuitlogic extract runs/digits --edges 200 --score ablation
    """
    from circuitlogic.study import Study

    opened = Study.open(study)

    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.documents import write_document
    from circuitlogic.cli.settings import with_threads
    from circuitlogic.cli.summaries import draw_extraction, extraction
    from circuitlogic.pipeline import extract as run

    streams = Streams(color=not no_color, quiet=quiet)
    with with_threads(threads), console_progress(streams) as progress:
        metrics = run(opened, None, threshold, progress, score=score, top_k=top_k, edges=edges, jobs=jobs)
    result = extraction(opened, metrics)
    if json:
        write_document("extract", result.document)
        return
    draw_extraction(streams, opened, result)
