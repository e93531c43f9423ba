"""Owns automatic labels: the most typical token of a feature, or that token and what it comes after."""

from collections.abc import Iterable, Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from circuitlogic.activations.windows import TokenWindows
from circuitlogic.extract.sparse_columns import columns

REACH = 3
"""How far back `X after Y` looks."""
_MOST = 3
"""Tokens that a label names."""
_TYPICAL, _TOGETHER = 0.5, 0.6
"""Share of a feature's firings that its one token, or its few tokens, must have to be its label."""
_SELECTIVE = 0.7
"""A feature that fires on less than this share of its token's occurrences wants to be told what else it needs."""
_LIFT = 1.5
_FEWEST = 5
_MARKS = 0.1
"""Share of a vocabulary that begins, or ends, with a space from which its spaces say where words do."""


def automatic_labels(
    features: sp.csc_array,
    windows: TokenWindows,
    vocabulary: tuple[str, ...],
    thresholds: NDArray[np.float64],
) -> dict[int, str]:
    """Labels of all features that fire often enough, by number.

    Args:
        features: [rows, m] activations on training tokens.
        windows: The tokens of these rows.
        vocabulary: What tokens look like.
        thresholds: [m] above which a feature fires.
    """
    tokens = windows.row_tokens
    occurrences = np.bincount(tokens, minlength=len(vocabulary))
    before, names = _tokens_before(windows), token_names(vocabulary)
    found: dict[int, str] = {}
    for index, (rows, values) in enumerate(columns(features)):
        fired = rows[values > thresholds[index]]
        if len(fired) >= _FEWEST:
            found[index] = _label(fired, tokens, before, occurrences, names)
    return found


def _tokens_before(windows: TokenWindows) -> NDArray[np.int64]:
    """[rows, REACH] the tokens just before each row's, nearest first; -1 before the window's start."""
    places = windows.rows
    starts = windows.starts[windows.windows_at(places)]
    back = places[:, None] - np.arange(1, REACH + 1)
    return np.where(back >= starts[:, None], windows.ids[np.maximum(back, 0)], -1).astype(np.int64)


def _label(
    fired: NDArray[np.int64],
    tokens: NDArray[np.int32],
    before: NDArray[np.int64],
    occurrences: NDArray[np.int64],
    names: tuple[str, ...],
) -> str:
    counts = np.bincount(tokens[fired], minlength=len(names))
    order = np.argsort(-counts, kind="stable")[:_MOST]
    shares = counts[order] / len(fired)
    if shares[0] < _TYPICAL and shares.sum() < _TOGETHER:
        behind = _typical_before(fired, None, before, len(names))
        text = _together(names[t] for t in order[:2])
        return f"{text} ..." if behind is None else f"after {names[behind]}"
    named = order[: 1 if shares[0] >= 0.8 else _MOST][shares[: 1 if shares[0] >= 0.8 else _MOST] >= 0.1]
    text = _together(names[t] for t in named)
    if counts[named].sum() >= _SELECTIVE * occurrences[named].sum():
        return text
    others = np.flatnonzero(np.isin(tokens, named))
    behind = _typical_before(fired, others, before, len(names))
    return f"{text} (some)" if behind is None else f"{text} after {names[behind]}"


def _typical_before(
    fired: NDArray[np.int64], others: NDArray[np.int64] | None, before: NDArray[np.int64], size: int
) -> int | None:
    """The token that most firings have shortly before them, if so many have it and clearly more than `others`."""
    share = _shares_before(before[fired], size)
    usual = np.zeros(size) if others is None else _shares_before(before[others], size)
    candidates = np.flatnonzero((share >= _TYPICAL) & (share >= _LIFT * usual))
    return int(candidates[np.argmax(share[candidates])]) if len(candidates) else None


def _shares_before(behind: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """[size] share of rows with each token among those before."""
    ordered = np.sort(behind, axis=1)
    new = np.concatenate(
        [np.ones((len(ordered), 1), dtype=np.bool_), ordered[:, 1:] != ordered[:, :-1]], axis=1
    )
    seen = ordered[new & (ordered >= 0)]
    return np.bincount(seen, minlength=size) / max(len(behind), 1)


def _together(names: Iterable[str]) -> str:
    """Alternatives; `A` and ` A` are shown once."""
    return " | ".join(dict.fromkeys(names))


def token_names(vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Tokens as labels name them: without space, marks in quotes, a dash where a word goes on.

    Where tokens carry the space before a word, one without it goes on from the token before: `-ed`. Where they
    carry the space behind it, one without it is gone on with: `ro-`. Of other vocabularies nothing is known.
    """
    size = max(len(vocabulary), 1)
    begins = sum(token.startswith(" ") for token in vocabulary) >= _MARKS * size
    ends = not begins and sum(token.endswith(" ") for token in vocabulary) >= _MARKS * size
    return tuple(_named(token, begins, ends) for token in vocabulary)


def _named(token: str, begins: bool, ends: bool) -> str:
    bare = token.strip()
    if not bare:
        return {"\n": "line break", "": "space"}.get(token.strip(" "), "white space")
    if not any(character.isalnum() for character in bare):
        return f"‘{bare}’"
    if begins and token[0].isalpha() and bare[0].islower():
        return f"-{bare}"
    return f"{bare}-" if ends and token[-1].isalpha() else bare
