"""Owns terminal tables that fit: they drop their least important columns, and say so, rather than wrap to mush."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

_PADDING = 2
_WORDS_SHARE = 0.36
"""Of the width: numbers may not squeeze words below it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a fitting table."""

    title: str
    importance: int = 0
    """0 is never dropped; of the others the highest goes first, the rightmost of equals."""
    right: bool = True
    """Whether its cells are numbers, aligned right."""
    least: int | None = None
    """For words: the column may become as narrow as this and folds; None: it never folds."""


@dataclass(frozen=True, slots=True)
class FittingTable:
    """A table that knows which of its columns matter. Cells are text, never markup."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Text, ...], ...]
    notes: tuple[str, ...] = ()
    """Lines below the table."""

    def fitting(self, width: int) -> tuple[int, ...]:
        """Positions of the columns that fit into `width`."""
        kept = list(range(len(self.columns)))
        while self._width(kept, width) > width:
            droppable = [i for i in kept if self.columns[i].importance]
            if not droppable:
                break
            kept.remove(max(droppable, key=lambda i: (self.columns[i].importance, i)))
        return tuple(kept)

    def _width(self, kept: list[int], width: int) -> int:
        return sum(self._needed(i, width) + _PADDING for i in kept)

    def _needed(self, position: int, width: int) -> int:
        """Screen width that a column cannot do without."""
        column = self.columns[position]
        widths = [cell_len(row[position].plain) for row in self.rows]
        widest = max([cell_len(column.title), *widths])
        if column.least is None:
            return widest
        return min(widest, max(column.least, int(_WORDS_SHARE * width)))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Render as many columns as fit."""
        kept = self.fitting(options.max_width)
        tight = self._width(list(kept), options.max_width) > options.max_width
        table = Table(
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0),
            title=Text(self.title, style="bold") if self.title else None,
            title_justify="left",
            header_style="bold",
        )
        for i in kept:
            column = self.columns[i]
            table.add_column(
                Text(column.title),
                justify="right" if column.right else "left",
                no_wrap=column.least is None and not tight,
                overflow="fold",
            )
        for row in self.rows:
            table.add_row(*(row[i] for i in kept))
        yield table
        dropped = [column.title for i, column in enumerate(self.columns) if i not in kept]
        if dropped:
            yield Text(f"not shown at this width: {', '.join(dropped)}", style="dim italic")
        for note in self.notes:
            yield Text(note, style="dim")


def cells(*values: str) -> tuple[Text, ...]:
    """Plain cells."""
    return tuple(Text(value) for value in values)
