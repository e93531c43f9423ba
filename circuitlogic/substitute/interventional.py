"""Owns interventional training samples: edited features with what the original network makes of them.

The true map between the features of two sites is known: decode, run the real layers, encode. So a sample's features
may be dropped, taken from another sample or mixed with another's, and the right answer computed. That breaks edges
that only follow a correlated proxy, and shows inhibition that the data seldom shows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.networks.protocol import Stretch, Tail
from circuitlogic.saes.base import SparseAutoencoder

DROPPED = 0.15
"""Share of a sample's features that a drop sets to 0."""
SWAPPED = 0.25
"""Share of features that a swap takes from another sample."""


@dataclass(frozen=True, slots=True)
class TrueMap:
    """The original network behind the first site."""

    stretches: tuple[Stretch, ...]
    """The real layers from each site to the next."""
    tail: Tail
    """The rest after the last site."""
    keeps_rest: bool = False
    """Whether edits are added to the activations, so that what the dictionary leaves unexplained stays in them."""

    @torch.no_grad()
    def follow(
        self, activations: Float[Tensor, "batch d"], inputs: Tensor | None
    ) -> tuple[list[Tensor], Float[Tensor, "batch classes"]]:
        """Activations at the later sites and the outputs, given those at the first."""
        found: list[Tensor] = []
        for stretch in self.stretches:
            activations = stretch(activations, inputs)
            found.append(activations)
        return found, self.tail(activations, inputs)


def edited(features: Float[Tensor, "batch m"], generator: torch.Generator) -> Float[Tensor, "batch m"]:
    """Each row dropped, swapped or mixed, by an even lot; partners are other rows of the batch."""
    rows = len(features)
    partner = features[torch.randperm(rows, generator=generator)]
    lot = torch.randint(3, (rows, 1), generator=generator)
    chance = torch.rand(features.shape, generator=generator)
    share = torch.rand(rows, 1, generator=generator)
    dropped = features * (chance > DROPPED)
    swapped = torch.where(chance < SWAPPED, partner, features)
    mixed = share * features + (1 - share) * partner
    return torch.where(lot == 0, dropped, torch.where(lot == 1, swapped, mixed))


@torch.no_grad()
def intervene(
    features: Float[Tensor, "batch m"],
    rows: Sequence[Tensor],
    share: float,
    encoder: SparseAutoencoder,
    scales: Float[Tensor, " m"],
    true_map: TrueMap,
    generator: torch.Generator,
) -> tuple[Tensor, list[Tensor]]:
    """Replace the first `share` of a batch by edited samples.

    Args:
        features: Unit-scale features at the first site.
        rows: Activations at the first site, at the later ones, then the original's outputs where there are any.
        scales: Of the first site's features.

    Returns:
        Unit-scale features at the first site, and `rows` without the first.
    """
    count = int(share * len(features))
    new = edited(features[:count], generator)
    activations = encoder.decode(new * scales)
    if true_map.keeps_rest:
        activations = activations + rows[0][:count] - encoder.decode(features[:count] * scales)
    later, outputs = true_map.follow(activations, None)
    found = [*later, outputs][: len(rows) - 1]
    kept = [torch.cat([now, was[count:]]) for now, was in zip(found, rows[1:], strict=True)]
    return torch.cat([new, features[count:]]), kept
