"""What is measured once per dictionary on training data: each feature's scale, firing rate and threshold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.activations.store import ActivationStore
from circuitlogic.errors import StudyError
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
    """Mean activation where the feature fires; 1 for features that never do."""
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
        tensors = read_tensors(path, ("scales", "rates", "thresholds", "firings"))
        shapes = {(*t.shape, t.is_floating_point()) for t in tensors.values()}
        if shapes != {(tensors["scales"].numel(), True)} or not (tensors["scales"] > 0).all():
            raise StudyError(f"{path} is damaged: it needs four rows of one length, the scales above 0")
        return cls(**tensors)


_SAMPLED = 65_536
_SAMPLED_ENTRIES = 1 << 26


@torch.no_grad()
def feature_statistics(encoder: Encoder, store: ActivationStore, firing: float) -> FeatureStatistics:
    """Measure every feature on `store`; quantiles are taken over its first 65,536 samples.

    Of dictionaries with more than 1,024 features fewer samples are sorted, so that memory stays bounded.

    Args:
        encoder: The site's dictionary.
        store: The site's training activations.
        firing: θ as a share of the 95 % quantile of positive activations.
    """
    thresholds = firing * _positive_quantiles(_first_features(encoder, store), 0.95)
    total = torch.zeros_like(thresholds, dtype=torch.float64)
    firings = torch.zeros_like(total)
    for batch in store.batches(8192, None):
        features = encoder.encode(batch)
        fires = features > thresholds
        total += torch.where(fires, features, 0.0).sum(0, dtype=torch.float64)
        firings += fires.sum(0)
    scales = torch.where(firings > 0, total / firings.clamp_min(1), 1.0).float()
    rates = (firings / max(len(store), 1)).float()
    return FeatureStatistics(scales, rates, thresholds, firings.float())


def _first_features(encoder: Encoder, store: ActivationStore) -> Float[Tensor, "n m"]:
    width = encoder.encode(torch.from_numpy(store.rows(slice(0, 1)))).shape[1]
    samples = min(_SAMPLED, max(_SAMPLED_ENTRIES // width, 4096))
    return encoder.encode(torch.from_numpy(store.rows(slice(0, samples))))


def _positive_quantiles(values: Float[Tensor, "n m"], share: float) -> Float[Tensor, " m"]:
    """The `share` quantile of each column's positive values, linear between neighbours; 0 where there are none."""
    ordered = values.sort(dim=0).values
    positive = (ordered > 0).sum(0)
    at = share * (positive - 1).clamp_min(0).double()
    low = (len(ordered) - positive + at.long()).clamp_max(len(ordered) - 1)
    high = (low + 1).clamp_max(len(ordered) - 1)
    below, above = (ordered.gather(0, row[None])[0].clamp_min(0) for row in (low, high))
    return below + (at - at.long()).float() * (above - below)
