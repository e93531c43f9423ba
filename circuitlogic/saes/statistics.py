"""What is measured once per dictionary on training data: each feature's scale, firing rate and threshold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
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
_SAMPLED_ENTRIES = 1 << 25
_BATCH = 8192


@torch.no_grad()
def feature_statistics(encoder: Encoder, store: ActivationStore, firing: float) -> FeatureStatistics:
    """Measure every feature on `store`; quantiles are taken over its first 65,536 samples.

    Of dictionaries that fire densely fewer samples are taken, so that memory stays bounded.

    Args:
        encoder: The site's dictionary.
        store: The site's training activations.
        firing: θ as a share of the 95 % quantile of positive activations.
    """
    thresholds = firing * _quantiles(*_first_positives(encoder, store), 0.95)
    total = torch.zeros_like(thresholds, dtype=torch.float64)
    firings = torch.zeros_like(total)
    for batch in store.batches(_BATCH, None):
        features = encoder.encode(batch)
        fires = features > thresholds
        total += torch.where(fires, features, 0.0).sum(0, dtype=torch.float64)
        firings += fires.sum(0)
    scales = torch.where(firings > 0, total / firings.clamp_min(1), 1.0).float()
    rates = (firings / max(len(store), 1)).float()
    return FeatureStatistics(scales, rates, thresholds, firings.float())


def _first_positives(encoder: Encoder, store: ActivationStore) -> tuple[Tensor, Tensor, int]:
    """Feature numbers and values of all positive activations of the first samples; how many features there are."""
    numbers, values, found, width = list[Tensor](), list[Tensor](), 0, 0
    for first in range(0, min(_SAMPLED, len(store)), _BATCH):
        rows = store.rows(slice(first, min(first + _BATCH, _SAMPLED, len(store))))
        features = encoder.encode(torch.from_numpy(rows))
        width = features.shape[1]
        at, feature = torch.nonzero(features > 0, as_tuple=True)
        numbers.append(feature)
        values.append(features[at, feature])
        found += len(at)
        if found > _SAMPLED_ENTRIES:
            break
    return torch.cat(numbers), torch.cat(values), width


def _quantiles(
    numbers: Int[Tensor, " n"], values: Float[Tensor, " n"], width: int, share: float
) -> Float[Tensor, " m"]:
    """The `share` quantile of each feature's values, linear between neighbours; 0 where it has none."""
    if not len(values):
        return torch.zeros(width)
    order = values.argsort(stable=True)
    order = order[numbers[order].argsort(stable=True)]
    ordered, counts = values[order], torch.bincount(numbers, minlength=width)
    starts = counts.cumsum(0) - counts
    at = share * (counts - 1).clamp_min(0).double()
    low = starts + at.long()
    high = torch.minimum(low + 1, starts + (counts - 1).clamp_min(0))
    below, above = (ordered[row.clamp_max(len(ordered) - 1)] for row in (low, high))
    return torch.where(counts > 0, below + (at - at.long()).float() * (above - below), 0.0)
