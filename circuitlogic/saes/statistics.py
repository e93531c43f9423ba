"""What is measured once per dictionary on training data: each feature's scale, firing rate and threshold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.activations.store import ActivationStore
from circuitlogic.tensor_files import read_tensors, write_tensors


@runtime_checkable
class Encoder(Protocol):
    """Anything that turns activations into features."""

    def encode(self, x: Tensor) -> Tensor:
        """Features [batch, d_sae] of activations [batch, d]."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class FeatureStatistics:
    """Per feature of one dictionary, on training samples."""

    scales: Float[Tensor, " m"]
    """Mean activation where the feature is positive; 1 for features that never are."""
    rates: Float[Tensor, " m"]
    """Share of samples on which it exceeds its threshold."""
    thresholds: Float[Tensor, " m"]
    """θ: the feature fires above this share of the 95 % quantile of its positive activations."""
    firings: Float[Tensor, " m"]
    """Number of samples on which it exceeds its threshold."""

    @property
    def live(self) -> Tensor:
        """Whether each feature ever fires, [m]."""
        return self.firings > 0

    def save(self, path: Path) -> None:
        """Write as safetensors."""
        tensors = {name: getattr(self, name) for name in ("scales", "rates", "thresholds", "firings")}
        write_tensors(path, tensors)

    @classmethod
    def load(cls, path: Path) -> "FeatureStatistics":
        """Read what `save` wrote.

        Raises:
            StudyError: missing or damaged.
        """
        return cls(**read_tensors(path, ("scales", "rates", "thresholds", "firings")))


_SAMPLED = 65_536


@torch.no_grad()
def feature_statistics(encoder: Encoder, store: ActivationStore, firing: float) -> FeatureStatistics:
    """Measure every feature on `store`; quantiles are taken over its first 65,536 samples.

    Args:
        encoder: The site's dictionary.
        store: The site's training activations.
        firing: θ as a share of the 95 % quantile of positive activations.
    """
    sample = encoder.encode(torch.from_numpy(store.rows(slice(0, _SAMPLED)))).sort(dim=0).values
    positive = (sample > 0).sum(0)
    # Column j holds its positive values at the end, ascending: index the 95 % quantile from there.
    rows = (len(sample) - positive + (0.95 * (positive - 1).clamp_min(0)).long()).clamp_max(len(sample) - 1)
    thresholds = firing * sample.gather(0, rows[None])[0].clamp_min(0)
    total = torch.zeros_like(thresholds, dtype=torch.float64)
    count, firings = torch.zeros_like(total), torch.zeros_like(total)
    for batch in store.batches(8192, None):
        features = encoder.encode(batch)
        total += features.sum(0, dtype=torch.float64)
        count += (features > 0).sum(0)
        firings += (features > thresholds).sum(0)
    scales = torch.where(count > 0, total / count.clamp_min(1), 1.0).float()
    rates = (firings / max(len(store), 1)).float()
    return FeatureStatistics(scales, rates, thresholds, firings.float())
