"""`circuitlogic inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from circuitlogic.cli.console import Streams, one_line
from circuitlogic.cli.options import Json, NoColor


def inspect_path(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A study, an SAE folder or a connector folder.")
    ],
    json: Json = False,
    no_color: NoColor = False,
) -> None:
    """Say what a folder holds, from its headers.

    Settings, shapes and sizes of a study, an SAE or a connector; loads no weights.

    Example: circuitlogic inspect runs/digits/saes/hidden.1
    """
    from rich.text import Text

    from circuitlogic.cli.documents import write_document
    from circuitlogic.cli.headers import inspected

    found = inspected(path)
    if json:
        write_document("inspect", {"path": str(path), "what": found.what, **found.content})
        return
    streams = Streams(color=not no_color)
    text = Text(f"{one_line(str(path))}: {found.what}\n", style="bold")
    width = max((len(name) for name, _ in found.lines), default=0)
    for name, value in found.lines:
        text.append(f"{one_line(name):<{width}}  ", style="cyan")
        text.append(f"{one_line(value)}\n", style="not bold")
    text.rstrip()
    streams.draw(text)
