"""`circuitlogic demo`."""

from pathlib import Path
from typing import Annotated

import typer

from circuitlogic.cli.console import Streams, write
from circuitlogic.cli.options import NoColor, Quiet, Threads


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Study folder to make.")] = Path(
        "circuitlogic-demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
    threads: Threads = 1,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Do the whole job on small digit images, offline.

    Trains, extracts, shows the gates and writes the report.

    Example: circuitlogic demo --out circuitlogic-demo
    """
    from circuitlogic import pipeline
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.settings import with_threads
    from circuitlogic.config import demo_config
    from circuitlogic.report.tables import study_tables
    from circuitlogic.report.view import study_view
    from circuitlogic.report.write import write_report

    streams = Streams(color=not no_color, quiet=quiet)
    with with_threads(threads), console_progress(streams) as progress:
        study = pipeline.train(out, demo_config(seed), progress)
        pipeline.extract(study, progress=progress)
        paths = write_report(study, out / "report", ("html", "md"), progress)
    for part in study_tables(study_view(study)):
        streams.draw(part)
    write("".join(f"{path}\n" for path in paths))
    streams.say(f"next: `circuitlogic show {out}`, `circuitlogic query {out} --help`")
