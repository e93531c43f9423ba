"""Owns what `inspect` says of a dictionary, ours or another library's."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from circuitlogic.cli.inspected import Inspected, tensor_lines

_WORDS = {
    "their_architecture": "architecture there",
    "architecture": "architecture here",
    "d_in": "components in (d_in)",
    "d_sae": "features (d_sae)",
    "d_out": "components out (d_out)",
    "k": "firing features (k)",
    "b_dec_subtracted_from_input": "b_dec subtracted from input",
    "written_by": "written by",
}
"""For people, where the name in the JSON document is not one."""
_NOT_FOR_PEOPLE = {"transcoder", "skip"}


def inspected_dictionary(path: Path) -> Inspected | None:
    """What a dictionary's headers and configuration say; None where `path` holds none.

    Raises:
        DataError: it is damaged, or of a kind that is not read.
    """
    from circuitlogic.saes.foreign.registry import dictionaries_at, open_dictionary

    held = dictionaries_at(path)
    if not held:
        return None
    if held[0][0] != path:
        lines = tuple((member.name, form) for member, form in held)
        return Inspected("dictionaries", {"dictionaries": dict(lines)}, lines)
    found = open_dictionary(path)
    facts = found.facts()
    shapes, types = found.source.shapes, found.source.dtypes
    tensors = {n: {"dtype": types[n], "shape": list(shapes[n])} for n in sorted(shapes)}
    content = {**facts, "notes": list(found.notes), "tensors": tensors}
    return Inspected(_what(facts), content, (*_lines(facts, found.notes), *tensor_lines(tensors)))


def _what(facts: Mapping[str, Any]) -> str:
    if not facts["transcoder"]:
        return "sparse autoencoder"
    return "skip transcoder" if facts["skip"] else "transcoder"


def _lines(facts: Mapping[str, Any], notes: tuple[str, ...]) -> list[tuple[str, str]]:
    shown = [
        (_WORDS.get(name, name), _text(name, value))
        for name, value in facts.items()
        if value is not None and name not in _NOT_FOR_PEOPLE
    ]
    return shown + [("note", note) for note in notes]


def _text(name: str, value: Any) -> str:
    if name == "threshold":
        low, middle, high = value
        return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}, median {middle:.4g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
