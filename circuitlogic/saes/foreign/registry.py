"""Owns the formats by name: a new one is a new file plus one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from circuitlogic.errors import DataError
from circuitlogic.saes import saelens
from circuitlogic.saes.foreign import circuit_tracer, dictionary_learning, sparsify
from circuitlogic.saes.foreign.dictionary import ForeignDictionary

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Format:
    """One library's way of saving a dictionary."""

    name: str
    files: str
    """What a person looks for."""
    recognises: Callable[[Path], bool]
    """Whether a path is one dictionary of this format."""
    members: Callable[[Path], tuple[Path, ...]]
    """The dictionaries in a folder of several."""
    opened: Callable[[Path], ForeignDictionary]


FORMATS = (
    Format(
        saelens.NAME,
        f"{saelens.CONFIG_FILE} + {saelens.WEIGHTS_FILE}",
        saelens.recognises,
        saelens.members,
        saelens.opened,
    ),
    Format(
        sparsify.NAME,
        f"{sparsify.CONFIG} + {sparsify.WEIGHTS}",
        sparsify.recognises,
        sparsify.members,
        sparsify.opened,
    ),
    Format(
        dictionary_learning.NAME,
        f"{dictionary_learning.CONFIG} + {dictionary_learning.WEIGHTS}",
        dictionary_learning.recognises,
        dictionary_learning.members,
        dictionary_learning.opened,
    ),
    Format(
        circuit_tracer.NAME,
        f"{circuit_tracer.CONFIG} + layer_N.safetensors or W_enc_N.safetensors",
        circuit_tracer.recognises,
        circuit_tracer.members,
        circuit_tracer.opened,
    ),
)


def dictionaries_at(path: Path) -> tuple[tuple[Path, str], ...]:
    """Paths and formats of the dictionaries at `path`: itself, or those in a folder of several."""
    for form in FORMATS:
        if form.recognises(path):
            return ((path, form.name),)
    return tuple((member, form.name) for form in FORMATS for member in form.members(path))


def open_dictionary(path: Path) -> ForeignDictionary:
    """What lies at `path`, without its weights.

    Raises:
        DataError: nothing, several dictionaries, a format that is not known, or a damaged file.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist: give a dictionary's folder or file")
    for form in FORMATS:
        if form.recognises(path):
            return form.opened(path)
    held = dictionaries_at(path)
    if held:
        names = ", ".join(f"{member.name!r:.60}" for member, _ in held[:_SHOWN])
        more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
        raise DataError(f"{path} holds {len(held)} dictionaries, give one: {names}{more}")
    known = "; ".join(f"{form.name} ({form.files})" for form in FORMATS)
    raise DataError(f"{path} is in no known format; known: {known}")
