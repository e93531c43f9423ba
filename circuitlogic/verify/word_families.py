"""Owns which tokens of a text are words of one family, used in the context that the family asks for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from circuitlogic.activations.windows import TokenWindows
from circuitlogic.config import WordFamily


@dataclass(frozen=True, slots=True, eq=False)
class FamilyRows:
    """One family on the rows of one split."""

    words: Bool[np.ndarray, " rows"]
    """The row's token is a word of the family."""
    meant: Bool[np.ndarray, " rows"]
    """So it is, and none of what the family excludes stands near before it."""


def family_rows(family: WordFamily, windows: TokenWindows, vocabulary: Sequence[str]) -> FamilyRows:
    """Look the family up among tokens as people read them."""
    words = is_word(family, vocabulary)[windows.row_tokens]
    if not family.unless:
        return FamilyRows(words, words)
    excluded = np.array([any(text in token for text in family.unless) for token in vocabulary])
    return FamilyRows(words, words & ~_near(excluded[windows.ids], windows, family.near))


def word_of(token: str) -> str:
    """The word that a token is: a space before it or a capital makes no other word."""
    return token.strip().lower()


def is_word(family: WordFamily, vocabulary: Sequence[str]) -> Bool[np.ndarray, " tokens"]:
    """Of every token whether it is a word of the family."""
    wanted = set(map(word_of, family.words))
    return np.array([word_of(token) in wanted for token in vocabulary])


def frequent_words(tokens: Int[np.ndarray, " n"], vocabulary: Sequence[str], least: float) -> tuple[str, ...]:
    """Different words that occur at least `least` times, most frequent first, each in its most frequent form."""
    names, counts = np.unique(tokens, return_counts=True)
    totals: Counter[str] = Counter()
    forms: dict[str, tuple[int, str]] = {}
    for token, times in zip(map(int, names), map(int, counts), strict=True):
        form, word = vocabulary[token].strip(), word_of(vocabulary[token])
        totals[word] += times
        forms[word] = max(forms.get(word, (0, "")), (times, form))
    kept = sorted((-times, word) for word, times in totals.items() if times >= least)
    return tuple(forms[word][1] for _, word in kept)


def _near(at: Bool[np.ndarray, " tokens"], windows: TokenWindows, before: int) -> Bool[np.ndarray, " rows"]:
    """Whether one of the `before` tokens before each row, within its window, is marked in `at`."""
    places: Int[np.ndarray, " rows"] = windows.rows
    first = np.maximum(windows.starts[windows.windows_at(places)], places - before)
    counted = np.concatenate([[0], np.cumsum(at)])
    return counted[places] > counted[first]
