"""Owns the two streams: stdout is for data, stderr for talk; and makes foreign text harmless for a terminal."""

import io
import os
import sys
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_WIDE = 10_000
_HIDDEN = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class Streams:
    """How this run talks."""

    color: bool = True
    """False: no colour on either stream; NO_COLOR in the environment does the same."""
    quiet: bool = False
    """No talk on stderr but errors."""

    @property
    def interactive(self) -> bool:
        """Whether a person reads stdout as it comes."""
        return sys.stdout.isatty()

    def stderr(self) -> "Console":
        """A console for talk."""
        from rich.console import Console

        return Console(stderr=True, no_color=self._no_color, highlight=False, emoji=False)

    def draw(self, renderable: "RenderableType", pipe_width: int = _WIDE) -> None:
        """Print a table, tree or panel on stdout; in a pipe plainly, `pipe_width` wide, no padding at the right."""
        from rich.console import Console

        if self.interactive:
            Console(force_terminal=True, no_color=self._no_color, highlight=False, emoji=False).print(
                renderable
            )
            return
        drawn = io.StringIO()
        Console(file=drawn, width=pipe_width, color_system=None, highlight=False, emoji=False).print(
            renderable
        )
        write("".join(f"{line.rstrip()}\n" for line in drawn.getvalue().splitlines()))

    def say(self, text: str) -> None:
        """Print one line of talk on stderr, unless quiet."""
        if not self.quiet:
            talk(self.stderr(), text)

    @property
    def _no_color(self) -> bool:
        return not self.color or bool(os.environ.get("NO_COLOR"))


def talk(console: "Console", text: str, style: str = "", lead: str = "") -> None:
    """One line; never wrapped, nothing in it is markup."""
    from rich.text import Text

    line = Text(lead, style="bold red" if lead else "")
    line.append(one_line(text), style=style or None)
    console.print(line, soft_wrap=True)


def write(text: str) -> None:
    """Write text to stdout as it is."""
    sys.stdout.write(text)


def write_raw(content: bytes) -> None:
    """Write bytes to stdout as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def one_line(text: str) -> str:
    """`text` on one line with nothing in it that a terminal acts on."""
    return "".join(_visible(c) for c in " ".join(text.split()))


def _visible(character: str) -> str:
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(character) in _HIDDEN else character
