"""A connector's training data: unit-scale features of two sites, encoded batch by batch from stored activations."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.saes.statistics import Encoder, FeatureStatistics


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A site's encoder with what is known of its features."""

    site: str
    encoder: Encoder
    statistics: FeatureStatistics

    @torch.no_grad()
    def unit_features(self, activations: Float[Tensor, "batch d"]) -> Float[Tensor, "batch m"]:
        """Features divided by their scales."""
        return self.encoder.encode(activations) / self.statistics.scales


@dataclass(frozen=True, slots=True)
class FeaturePairs:
    """Rows of unit-scale features (F_in, F_out) of the same samples."""

    source: Dictionary
    target: Dictionary
    activations: PairedActivations

    def __len__(self) -> int:
        return len(self.activations)

    def batches(self, size: int, generator: np.random.Generator | None) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of (F_in [batch, n_in], F_out [batch, n_out]), shuffled if a generator is given."""
        for batch in self.activations.batches(size, generator):
            yield (
                self.source.unit_features(batch[self.source.site]),
                self.target.unit_features(batch[self.target.site]),
            )
