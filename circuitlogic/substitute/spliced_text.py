"""Owns tuning on whole windows of text: what a layer's predicted output costs the model that it is spliced into.

The next tokens' distribution depends on a layer through everything behind it, attention to later tokens included.
So a batch is made of windows, each with all its rows; other tokens keep their own activations.
After Karvonen 2025 (arXiv:2503.17272) and Braun et al. 2024 (arXiv:2405.12241), who tune autoencoders in this way.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from numpy.random import Generator
from torch import Tensor, nn

from circuitlogic.activations.sites import Site
from circuitlogic.activations.windows import TokenWindows
from circuitlogic.networks.next_token import next_token_logits
from circuitlogic.networks.protocol import rewriting

_SETTING = "tune.splice"
_MEASURED = 8192
"""Tokens on which the unit is measured."""
_LEAST = 1e-9
"""Nats: a layer that does nothing must not divide by zero."""


@dataclass(frozen=True, slots=True, eq=False)
class SplicedText:
    """The training text of one layer, and the model around it."""

    network: nn.Module
    """At rest."""
    target: Site
    """Where the layer's output is replaced."""
    windows: TokenWindows
    """Of the training activations, row by row."""
    unit: float
    """KL(original ‖ the site zero-ablated), mean nats per kept token."""

    @classmethod
    def of(cls, network: nn.Module, target: Site, windows: TokenWindows) -> "SplicedText":
        """Measure the unit.

        Raises:
            DataError: the model has no logits.
        """
        found = cls(network, target, windows, 1.0)
        some = windows.first(_MEASURED)
        total = 0.0
        for where, ids in some.batches():
            kept = torch.from_numpy(some.kept[where]).view(ids.shape)
            count = int(kept.sum())
            if count:
                total += count * float(found._divergence(ids, kept, None))
        return cls(network, target, windows, max(total / max(1, int(some.kept.sum())), _LEAST))

    def batch_count(self, batch_size: int) -> int:
        """Batches of one pass."""
        return -(-len(self._filled) // self._together(batch_size))

    def batches(self, batch_size: int, order: Generator) -> Iterator[Int[np.ndarray, " windows"]]:
        """One shuffled pass over the windows that have rows, so many at once that they have about `batch_size`."""
        shuffled, size = order.permutation(self._filled), self._together(batch_size)
        for first in range(0, len(shuffled), size):
            yield shuffled[first : first + size]

    def rows(self, chosen: Int[np.ndarray, " windows"]) -> Int[np.ndarray, " rows"]:
        """The rows of activations of these windows, window by window."""
        counts = self._counts
        ends = np.cumsum(counts)
        return np.concatenate([np.arange(int(ends[w] - counts[w]), int(ends[w])) for w in chosen])

    def cost(self, chosen: Int[np.ndarray, " windows"], rows: Float[Tensor, "rows d"]) -> Float[Tensor, ""]:
        """KL(original ‖ the model with `rows` in these windows' place), as a share of zero ablation's."""
        return self._divergence(*self._block(chosen), rows) / self.unit

    @property
    def _counts(self) -> Int[np.ndarray, " windows"]:
        """Rows of each window."""
        return np.add.reduceat(self.windows.kept, self.windows.starts[:-1], dtype=np.int64)

    @property
    def _filled(self) -> Int[np.ndarray, " windows"]:
        return np.flatnonzero(self._counts)

    def _together(self, batch_size: int) -> int:
        average = len(self.windows.rows) / len(self._filled)
        return max(1, round(batch_size / average))

    def _block(self, chosen: Int[np.ndarray, " windows"]) -> tuple[Tensor, Tensor]:
        """Token ids and kept flags; short windows are filled up behind, where a causal model looks at nothing."""
        starts, lengths = self.windows.starts[chosen], np.diff(self.windows.starts)[chosen]
        within = np.arange(int(lengths.max()))
        place = starts[:, None] + np.minimum(within, lengths[:, None] - 1)
        kept = self.windows.kept[place] & (within < lengths[:, None])
        return torch.from_numpy(self.windows.ids[place].astype(np.int64)), torch.from_numpy(kept)

    def _divergence(self, ids: Tensor, kept: Tensor, rows: Tensor | None) -> Tensor:
        """Mean over kept tokens, nats; without `rows` the site is zero there."""

        def put(values: Tensor) -> Tensor:
            mask = kept.flatten().to(values.device)
            flat = values.reshape(-1, values.shape[-1]).clone()
            flat[mask] = 0.0 if rows is None else rows.to(flat)
            return flat

        with torch.no_grad():
            original = next_token_logits(self.network, ids, kept, _SETTING).log_softmax(1)
        with rewriting(self.network, self.target, put):
            spliced = next_token_logits(self.network, ids, kept, _SETTING).log_softmax(1)
        return F.kl_div(spliced, original, reduction="batchmean", log_target=True)
