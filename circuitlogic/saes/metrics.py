"""Owns the numbers that describe a trained autoencoder, computed in one pass over chunks, in float64."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from circuitlogic.errors import DataError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.rows import Activations, Rows, rows_of
from circuitlogic.saes.scores import SaeMetrics

CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and sum of squared deviations per component of all rows so far (Chan et al. 1979)."""

    count: int
    mean: Float[Tensor, " d"]
    deviations: Float[Tensor, " d"]

    def with_rows(self, x: Float[Tensor, "n d"]) -> "Moments":
        """These moments with more rows."""
        values = x.double()
        mean = values.mean(dim=0)
        count = self.count + len(x)
        shift = mean - self.mean
        return Moments(
            count,
            self.mean + shift * (len(x) / count),
            self.deviations
            + (values - mean).square().sum(dim=0)
            + shift.square() * (self.count * len(x) / count),
        )


def moments_of(rows: Rows, name: str) -> Moments:
    """Moments of all rows.

    Raises:
        DataError: a value is NaN or infinite.
    """
    zero = torch.zeros(rows.d, dtype=torch.float64)
    moments = Moments(0, zero, zero)
    for x in rows.batches(CHUNK):
        moments = moments.with_rows(x)
    if not bool(torch.isfinite(moments.deviations).all()):
        raise DataError(f"the {name} activations hold NaN or infinite values: check the network and its data")
    return moments


def encoded(sae: SparseAutoencoder, activations: Activations) -> Iterator[Float[Tensor, "batch d_sae"]]:
    """The features of all samples in order, chunk by chunk, on the CPU."""
    for x in rows_of(activations, "given", sae.d_in).batches(CHUNK):
        with torch.no_grad():
            features = sae.encode(x.to(sae.W_enc.device)).cpu()
        yield features


def sae_metrics(
    sae: SparseAutoencoder, activations: Activations, training: Activations, split: str = "heldout"
) -> SaeMetrics:
    """Quality on `activations`; `dead` is counted on `training`.

    Raises:
        DataError: no rows, wrong width, or values that are NaN or infinite.
    """
    fired = torch.zeros(sae.d_sae, dtype=torch.bool)
    for features in encoded(sae, rows_of(training, "training", sae.d_in)):
        fired |= (features > 0).any(dim=0)
    return metrics_given_fired(sae, activations, fired, split)


def metrics_given_fired(
    sae: SparseAutoencoder, activations: Activations, fired: Bool[Tensor, " d_sae"], split: str
) -> SaeMetrics:
    """As `sae_metrics`, with the features that `fired` on the training set known already."""
    rows = rows_of(activations, split, sae.d_in)
    variation = float(moments_of(rows, split).deviations.sum())
    error, active, total = 0.0, 0, 0.0
    for x in rows.batches(CHUNK):
        with torch.no_grad():
            features = sae.encode(x.to(sae.W_enc.device))
            x_hat = sae.decode(features).cpu()
        error += float((x_hat.double() - x.double()).square().sum())
        active += int((features > 0).sum())
        total += float(features.double().abs().sum())
    if not math.isfinite(error):
        raise DataError(f"the autoencoder gives NaN or infinite values on the {split} activations")
    return SaeMetrics(
        mse=error / (len(rows) * rows.d),
        l1=total / (len(rows) * sae.d_sae),
        fvu=share_of(error, variation),
        l0=active / len(rows),
        dead=1.0 - float(fired.double().mean()),
        samples=len(rows),
        split=split,
    )


def share_of(error: float, variation: float) -> float:
    """error / variation; for constant activations 0 if there is no error, else 1."""
    if variation > 0.0:
        return error / variation
    return 0.0 if error == 0.0 else 1.0
