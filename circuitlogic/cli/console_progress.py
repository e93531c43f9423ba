"""Owns how long work looks on stderr: bars on a terminal, one line per finished stage anywhere else."""

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from circuitlogic.cli.console import Streams, one_line, talk
from circuitlogic.progress import SILENT, Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

T = TypeVar("T")


class BarProgress:
    """Bars that are replaced by one line each when they are full."""

    def __init__(self, bars: "Bars") -> None:
        self._bars = bars

    def track(self, steps: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield `steps` unchanged under a bar."""
        started = time.monotonic()
        task = self._bars.add_task(one_line(description), total=total)
        done = 0
        try:
            for done, step in enumerate(steps, start=1):  # noqa: B007
                yield step
                self._bars.advance(task)
        finally:
            self._bars.remove_task(task)
        talk(self._bars.console, _finished(description, done, started), style="dim")

    def note(self, message: str) -> None:
        """Say one line above the bars."""
        talk(self._bars.console, message, style="dim")


class LineProgress:
    """One plain line per finished stage, for logs."""

    def __init__(self, console: "Console") -> None:
        self._console = console

    def track(self, steps: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:  # noqa: ARG002
        """Yield `steps` unchanged, then say that they are done."""
        started = time.monotonic()
        done = 0
        for done, step in enumerate(steps, start=1):  # noqa: B007
            yield step
        talk(self._console, _finished(description, done, started))

    def note(self, message: str) -> None:
        """Say one line."""
        talk(self._console, message)


def _finished(description: str, steps: int, started: float) -> str:
    unit = "step" if steps == 1 else "steps"
    return f"{description}: {steps} {unit}, {time.monotonic() - started:.1f} s"


@contextmanager
def console_progress(streams: Streams) -> Generator[Progress]:
    """The progress display that suits stderr; none with `quiet`."""
    if streams.quiet:
        yield SILENT
        return
    console = streams.stderr()
    if not console.is_terminal:
        yield LineProgress(console)
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.SpinnerColumn(),
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(bar_width=24),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as bars:
        yield BarProgress(bars)
