"""Nulls stronger than the current token alone: the token with one thing that a network which never learnt sees too.

Attention at random averages the tokens so far. What its average tells a layer, weakly, is the token before, and, by
its size, how far into the text a token stands. A formula that beats these sees more of the context.
"""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Int

from circuitlogic.activations.windows import TokenWindows
from circuitlogic.verify.token_baseline import TokenTables


def _octave(windows: TokenWindows) -> Int[np.ndarray, " rows"]:
    """Of the token's place in its window: 1, 2-3, 4-7, ..."""
    return np.log2(windows.row_places + 1).astype(np.int64)


def _before(windows: TokenWindows) -> Int[np.ndarray, " rows"]:
    """The token before; -1 at the start of a window."""
    return np.where(windows.row_places > 0, windows.ids[windows.rows - 1], -1).astype(np.int64)


COMPANIONS: Mapping[str, Callable[[TokenWindows], Int[np.ndarray, " rows"]]] = {
    "place": _octave,
    "previous": _before,
}
"""What stands beside the current token, by name."""


def class_tables(train: TokenWindows, heldout: TokenWindows, companion: str) -> TokenTables:
    """Tables whose "tokens" are the pairs of a token and its companion that occur in either split."""
    of = COMPANIONS[companion]
    pairs = [np.stack([part.row_tokens.astype(np.int64), of(part)], axis=1) for part in (train, heldout)]
    kinds, number = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    number = number.reshape(-1)
    return TokenTables(number[: len(pairs[0])], number[len(pairs[0]) :], len(kinds))
