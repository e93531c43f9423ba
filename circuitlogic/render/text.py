"""Owns the way untrusted text becomes part of a picture: cleaned, shortened, wrapped, escaped for DOT."""

import re
import textwrap
import unicodedata
from itertools import dropwhile

import graphviz

_VISIBLE = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ENTITY = re.compile(r"&(?=#?\w+;)")


def clean(text: str, limit: int = 72) -> str:
    """One line of at most `limit` characters, line breaks and tabs made visible, controls replaced."""
    shown = "".join(_visible(character) for character in text[: 4 * limit])
    shown = " ".join(shown.split())
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def _visible(character: str) -> str:
    if character in _VISIBLE:
        return _VISIBLE[character]
    if character in _BIDI_CONTROLS or unicodedata.category(character) in {"Cc", "Cs", "Cn", "Zl", "Zp"}:
        return "\N{REPLACEMENT CHARACTER}"
    return character


def wrapped(text: str, width: int = 24, lines: int = 3) -> list[str]:
    """`text` cleaned and broken into at most `lines` lines of `width` characters; the rest is cut off."""
    return textwrap.wrap(clean(text), width, max_lines=lines, placeholder=" …", break_on_hyphens=False)


def dot_label(*lines: str) -> str:
    r"""A DOT label of these lines in which nothing has a meaning: no HTML, no `\N`, no entities.

    Lines are already cleaned; the breaks between them are the label's only escape sequences. Blank lines at
    the top are left out: Graphviz 14.1.5 crashes on a label that starts with an empty line.
    """
    shown = [
        graphviz.escape(_ENTITY.sub("&amp;", line)) for line in dropwhile(lambda x: not x.strip(), lines)
    ]
    return graphviz.nohtml(r"\n".join(shown))


def css_class(prefix: str, name: str) -> str:
    """A class name that holds only letters, digits and dashes, whatever `name` holds."""
    return f"{prefix}-{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')[:48]}"


def weight_text(weight: float) -> str:
    """A signed weight: `+0.26`, `-0.10`, `+1.2e-03`."""
    if weight == 0:
        return "0"
    plain = 0.005 <= abs(weight) < 1000
    return f"{weight:+.2f}" if plain else f"{weight:+.1e}"


def shown_token(token: str, limit: int = 40) -> str:
    """A token in its context: its spaces are kept, line breaks and controls are made visible."""
    return "".join("↵" if character == "\n" else _visible(character) for character in token[:limit])
