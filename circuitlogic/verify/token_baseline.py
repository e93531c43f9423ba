"""The null that a formula over a language model's features must beat: the current token alone.

A feature that fires on a set of words needs no circuit to be predicted. The best set of tokens is found on training
tokens and scored held out, as the formula is.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from circuitlogic.logic.scores import count


@dataclass(frozen=True, slots=True)
class TokenBaseline:
    """The best set of current tokens for one feature; scores are held out."""

    f1: float
    precision: float
    recall: float
    tokens: tuple[int, ...]
    """The set, most telling first, at most `NAMED` of them."""
    size: int
    """Of the whole set."""


NAMED = 12


class TokenTables:
    """Occurrences of every token in both splits, counted once for all features."""

    def __init__(
        self, train: Int[np.ndarray, " n"], heldout: Int[np.ndarray, " n2"], vocabulary: int
    ) -> None:
        self.train, self.heldout = train, heldout
        self.seen = np.bincount(train, minlength=vocabulary)

    def baseline(
        self, train_fired: Int[np.ndarray, " k"], heldout_fires: Bool[np.ndarray, " n2"]
    ) -> TokenBaseline:
        """The set of tokens with the best training F1.

        Args:
            train_fired: Rows of the training split on which the feature fires.
            heldout_fires: Whether it fires on each held-out row.
        """
        hits = np.bincount(self.train[train_fired], minlength=len(self.seen))
        rate = hits / np.maximum(self.seen, 1)
        order = np.lexsort((np.arange(len(rate)), -hits, -rate))
        order = order[hits[order] > 0]
        right, said = np.cumsum(hits[order]), np.cumsum(self.seen[order])
        f1 = 2 * right / (said + max(len(train_fired), 1))
        chosen = order[: int(np.argmax(f1)) + 1] if len(order) else order
        inside = np.zeros(len(self.seen), dtype=np.bool_)
        inside[chosen] = True
        scored = count(inside[self.heldout], heldout_fires)
        named = chosen[np.argsort(-hits[chosen], kind="stable")][:NAMED]
        return TokenBaseline(scored.f1, scored.precision, scored.recall, tuple(named.tolist()), len(chosen))
