"""Owns how the settings of several configs are printed: what they share once, what differs side by side."""

from collections.abc import Iterator, Sequence

from circuitlogic.config import StudyConfig, WordFamily, changed_settings, toml_value
from circuitlogic.report.markdown_text import code, plain, table
from circuitlogic.report.numbers import NONE

_FAMILIES = "text.families"
_DEFAULT = "default"


def settings_lines(configs: Sequence[tuple[str, StudyConfig]]) -> Iterator[str]:
    """Settings other than the defaults, and the families of words.

    Args:
        configs: Each with what it is called.
    """
    found = [(name, changed_settings(config)) for name, config in configs]
    names = list(dict.fromkeys(key for _, settings in found for key in settings if key != _FAMILIES))
    shared = [key for key in names if len({_value(settings, key) for _, settings in found}) == 1]
    yield from ("Settings other than the defaults:", "", "```toml")
    yield from (f"{key} = {_value(found[0][1], key)}" for key in shared)
    yield from ("```", "")
    differ = [key for key in names if key not in shared]
    if differ:
        rows = [[code(key), *(_cell(_value(settings, key)) for _, settings in found)] for key in differ]
        yield from table(["of each layer", *(plain(name) for name, _ in found)], rows)
    yield from _family_lines(
        list(dict.fromkeys(one for _, config in configs for one in config.text.families))
    )


def _value(settings: dict[str, object], key: str) -> str:
    """As TOML; empty for a default."""
    return toml_value(settings[key]) if key in settings else ""


def _cell(value: str) -> str:
    return code(value) if value else _DEFAULT


def _family_lines(families: Sequence[WordFamily]) -> Iterator[str]:
    """Families of words, once, however many configs name them."""
    if not families:
        return
    yield from ("Families of words (`text.families`):", "")
    rows = [
        [
            plain(one.name),
            " ".join(code(word) for word in one.words),
            " ".join(code(text) for text in one.unless) + f" in the {one.near} tokens before"
            if one.unless
            else NONE,
        ]
        for one in families
    ]
    yield from table(("family", "words", "unless"), rows, left=3)
