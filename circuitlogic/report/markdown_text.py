"""Owns how text becomes Markdown: foreign text without meaning, tables as GitHub reads them, no raw HTML."""

import re
from collections.abc import Iterable, Sequence

from circuitlogic.render.text import clean
from circuitlogic.report.definitions import DEFINITIONS

_MEANS = re.compile(r"([\\`*_{}\[\]<>#|~$&!@])")
_KNOWN = frozenset(one.anchor for one in DEFINITIONS)
_LONG = 1000


def plain(text: str, limit: int = _LONG) -> str:
    """Foreign text on one line, every character that could mean something escaped."""
    return _MEANS.sub(r"\\\1", clean(text, limit))


def code(text: str, limit: int = _LONG) -> str:
    """Foreign text as a code span; backticks become quotes, and bars stay inside their table cell."""
    shown = clean(text, limit).replace("`", "'").replace("|", "\\|")
    return f"`{shown}`" if shown else ""


def term(anchor: str, text: str) -> str:
    """A link to a definition.

    Raises:
        KeyError: there is no such definition.
    """
    if anchor not in _KNOWN:
        raise KeyError(anchor)
    return f"[{text}](#definition-{anchor})"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> list[str]:
    """Lines of a GitHub table whose first `left` columns are words and whose others are numbers."""
    rules = ["---" if i < left else "---:" for i in range(len(heads))]
    return [_line(heads), _line(rules), *(_line(row) for row in rows), ""]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def definition_lines() -> list[str]:
    """All definitions as headings, so that every viewer gives them the anchors that `term` links to."""
    lines: list[str] = []
    for one in DEFINITIONS:
        lines += [
            f"#### Definition: {one.anchor.replace('-', ' ')}",
            "",
            f"*{plain(one.term)}*: {plain(one.text)}",
            "",
        ]
    return lines
