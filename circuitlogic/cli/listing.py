"""Owns how a listing leaves: chosen columns, order and length; as a table, JSON (Lines), CSV, TSV or Markdown."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from circuitlogic.cli.console import one_line, write
from circuitlogic.cli.documents import json_line, write_document
from circuitlogic.cli.options import Output
from circuitlogic.csv_text import csv_line
from circuitlogic.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from circuitlogic.report.fitting import FittingTable

Value: TypeAlias = str | int | float | bool | None
Row: TypeAlias = Mapping[str, Value]

_FORMULA = re.compile(r"\s*[=+\-@]")
_MARKDOWN = re.compile(r"([\\`*_\[\]|~#])")
_RIGHT = (int, float)
_WIDE = 20
"""Characters; longer words may be folded."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows under named columns."""

    name: str
    """Of the JSON schema: `show` gives `circuitlogic/show/1`."""
    columns: tuple[str, ...]
    """All columns, in order."""
    rows: Sequence[Row]
    shown: tuple[str, ...] = ()
    """Columns of the terminal's table when nobody chooses; empty: all."""
    about: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the JSON document says beside its rows."""
    empty: str = ""
    """Why the answer is empty, where it is."""
    first_to_go: tuple[str, ...] = ()
    """Columns that a narrow terminal does without, the first of them first."""


def write_listing(listing: Listing, output: Output) -> None:
    """Print `listing` as `output` asks; says on stderr how many rows `--limit` hides.

    An empty answer is an answer, no failure: formats for programs stay valid (a header, `"rows": []`), stderr
    gets one line that says why, and the exit code is 0. Only a command that has nothing to *make* fails.

    Raises:
        ConfigError: `output` names a column that does not exist.
    """
    chosen = output.chosen
    columns = _columns(listing, output, chosen)
    rows = _sorted(listing, output.sort)
    kept = rows[: output.limit]
    why_empty = listing.empty or ("" if rows else "there is nothing to list")
    if why_empty:
        output.streams.say(why_empty)
    if chosen == "table":
        if not why_empty:
            droppable = () if output.columns else listing.first_to_go
            output.streams.draw(_table(columns, kept, droppable))
    elif chosen == "json":
        picked = [{name: row.get(name) for name in columns} for row in kept]
        write_document(listing.name, {**listing.about, "rows": picked, "hidden": len(rows) - len(kept)})
    else:
        write(_WRITERS[chosen](columns, kept))
    if len(kept) < len(rows):
        output.streams.say(f"{len(rows) - len(kept)} more hidden by --limit {output.limit}")


def _columns(listing: Listing, output: Output, chosen: str) -> tuple[str, ...]:
    if output.columns is None:
        return listing.shown or listing.columns if chosen == "table" else listing.columns
    names = tuple(name.strip() for name in output.columns.split(",") if name.strip())
    if not names:
        raise ConfigError(f"--columns names no column; there are {', '.join(listing.columns)}")
    for name in names:
        _check_column(listing, name)
    return names


def _check_column(listing: Listing, name: str) -> None:
    if name not in listing.columns:
        raise ConfigError(str(unknown_name("column", name, listing.columns)))


def _sorted(listing: Listing, sort: str | None) -> list[Row]:
    """Stable; values that do not exist come last in either direction."""
    rows = list(listing.rows)
    if sort is None:
        return rows
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    _check_column(listing, name)
    known = [row for row in rows if not _missing(row.get(name))]
    known.sort(key=lambda row: _key(row[name]), reverse=descending)
    return known + [row for row in rows if _missing(row.get(name))]


def _key(value: Value) -> tuple[bool, float, str]:
    if isinstance(value, str):
        return True, 0.0, value
    return False, float(value or 0), ""


def _missing(value: Value) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _table(columns: Sequence[str], rows: Sequence[Row], first_to_go: Sequence[str]) -> "FittingTable":
    from rich.text import Text

    from circuitlogic.report.fitting import Column, FittingTable

    heads: list[Column] = []
    for name in columns:
        values = [row.get(name) for row in rows]
        numbers = all(isinstance(value, _RIGHT) or value is None for value in values)
        words = not numbers and any(len(str(v or "")) > _WIDE and " " in str(v) for v in values)
        importance = len(first_to_go) - first_to_go.index(name) if name in first_to_go else 0
        heads.append(Column(name, importance, bool(rows) and numbers, _WIDE if words else None))
    lines = tuple(tuple(Text(one_line(short(row.get(name)))) for name in columns) for row in rows)
    return FittingTable("", tuple(heads), lines)


def short(value: Value) -> str:
    """A value as people read it: two decimals, a dash for what does not exist."""
    if _missing(value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _exact(value: Value) -> str:
    if _missing(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _tsv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    lines = ["\t".join(columns)]
    lines += ["\t".join(one_line(_exact(row.get(name))) for name in columns) for row in rows]
    return "\n".join(lines) + "\n"


def _csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [csv_line(columns)]
    lines += [csv_line(_csv_cell(row.get(name)) for name in columns) for row in rows]
    return "".join(lines)


def _csv_cell(value: Value) -> str:
    """Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else _exact(value)


def _jsonl(columns: Sequence[str], rows: Sequence[Row]) -> str:
    return "".join(json_line({name: row.get(name) for name in columns}) for row in rows)


def _md(columns: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [_md_line(columns), _md_line(["---"] * len(columns))]
    lines += [_md_line([_md_cell(row.get(name)) for name in columns]) for row in rows]
    return "\n".join(lines) + "\n"


def _md_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _md_cell(value: Value) -> str:
    text = one_line(short(value))
    if not isinstance(value, str):
        return text
    return _MARKDOWN.sub(r"\\\1", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_WRITERS: dict[str, Callable[[Sequence[str], Sequence[Row]], str]] = {
    "csv": _csv,
    "tsv": _tsv,
    "jsonl": _jsonl,
    "md": _md,
}
