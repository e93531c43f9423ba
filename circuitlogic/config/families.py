"""Owns what a family of words is: the setting `text.families` is a list of these."""

from dataclasses import dataclass

from pydantic import ConfigDict


@dataclass(frozen=True, slots=True)
class WordFamily:
    """Words of one meaning, which a report looks for among the gates of a language model."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    words: tuple[str, ...]
    """Compared with tokens without their space and in lower case."""
    unless: tuple[str, ...] = ()
    """Texts of which none may be part of the `near` tokens before: the family's use in another context."""
    near: int = 3
