"""How long work reports itself: a rich progress display on stderr, or nothing at all.

Library code takes a `Progress` argument and never prints; the command line passes a `ConsoleProgress`.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


@runtime_checkable
class Progress(Protocol):
    """Receives the steps of one long job."""

    def track(self, steps: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield `steps` unchanged while showing how many are done."""
        ...

    def note(self, message: str) -> None:
        """Say one line beside the running display, e.g. the loss of the last epoch."""
        ...


class Silent:
    """A `Progress` that shows nothing; the default of every library function."""

    def track(self, steps: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:  # noqa: ARG002
        """Yield `steps` unchanged."""
        yield from steps

    def note(self, message: str) -> None:
        """Drop `message`."""


SILENT = Silent()
