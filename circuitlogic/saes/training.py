"""Owns the training of one autoencoder: batches, learning rate, records per epoch, resampling."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from circuitlogic.config import SaeConfig
from circuitlogic.errors import DataError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.metrics import SaeMetrics, metrics_given_fired, moments_of, sae_metrics
from circuitlogic.saes.registry import architecture_named, feature_count
from circuitlogic.saes.resampling import resample
from circuitlogic.saes.rows import Activations, Rows, rows_of

GLANCE = 16_384
"""Held-out samples, evenly spaced, on which an epoch is judged; the final metrics take all."""
DECAY_SHARE = 0.3
"""Last share of the steps, in which the learning rate falls linearly to 0."""


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """The state after one epoch; metrics are held-out ones."""

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean training loss during the epoch."""
    mse: float
    l1: float
    fvu: float
    l0: float
    dead: float
    """Share of features that did not fire while this epoch trained."""
    resampled: int
    """Features given a new start after this epoch."""


@dataclass(frozen=True, slots=True)
class TrainedSae:
    """A trained autoencoder, in evaluation mode on the CPU, and how it came about."""

    sae: SparseAutoencoder
    history: tuple[EpochRecord, ...]
    metrics: SaeMetrics
    """On the held-out samples."""


def train_sae(
    activations: Activations,
    heldout: Activations,
    config: SaeConfig,
    seed: int,
    progress: Progress = SILENT,
    name: str = "SAE",
    device: str = "cpu",
) -> TrainedSae:
    """Train the autoencoder `config` asks for; same arguments, same result to the bit.

    Args:
        name: what the progress display calls it.

    Raises:
        ConfigError: a setting that does not fit the activations.
        DataError: no rows, widths that differ, or values or a loss that are NaN or infinite.
    """
    training = rows_of(activations, "training")
    held = rows_of(heldout, "heldout", training.d)
    glance = (
        held if len(held) <= GLANCE else rows_of(torch.from_numpy(held.rows(_even(len(held)))), "heldout")
    )
    run = _Run(training, config, seed, device)
    history: list[EpochRecord] = []
    for epoch in progress.track(range(1, config.epochs + 1), name, config.epochs):
        loss = run.train_epoch()
        metrics = metrics_given_fired(run.sae, glance, run.fired.cpu(), "heldout")
        resampled = run.resample() if run.should_resample(epoch) else 0
        history.append(
            EpochRecord(
                epoch, loss, metrics.mse, metrics.l1, metrics.fvu, metrics.l0, metrics.dead, resampled
            )
        )
    sae = run.sae.cpu().eval()
    return TrainedSae(sae, tuple(history), sae_metrics(sae, held, training))


def _even(samples: int) -> Int[np.ndarray, " n"]:
    return np.arange(GLANCE, dtype=np.int64) * samples // GLANCE


class _Run:
    """The moving parts of one training."""

    def __init__(self, training: Rows, config: SaeConfig, seed: int, device: str) -> None:
        self.training, self.config, self.device = training, config, device
        self.order = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)
        self.sae = self._fitted_sae().to(device).train()
        self.optimizer = torch.optim.Adam(self.sae.parameters(), lr=config.lr, fused=True)
        self.steps = config.epochs * math.ceil(len(training) / config.batch_size)
        self.step_number = 0
        self.fired = torch.zeros(self.sae.d_sae, dtype=torch.bool, device=device)
        self.quiet = torch.zeros(self.sae.d_sae, device=device)
        """Samples since each feature last fired."""

    def _fitted_sae(self) -> SparseAutoencoder:
        d_in = self.training.d
        kind = architecture_named(self.config.architecture)
        sae = kind.initial(d_in, feature_count(self.config, d_in), self.config, self.generator)
        moments = moments_of(self.training, "training")
        scale = math.sqrt(float(moments.deviations.mean()) / moments.count)
        sae.fit_to(moments.mean.float(), scale if scale > 0.0 else 1.0)
        return sae

    def train_epoch(self) -> float:
        """One pass over the training rows; the mean loss per sample."""
        self.fired.zero_()
        total = 0.0
        for x in self.training.batches(self.config.batch_size, self.order):
            # A fresh, aligned copy: arithmetic may depend on how memory is aligned.
            total += self._step(x.clone().to(self.device)) * len(x)
        return total / len(self.training)

    def _step(self, x: Tensor) -> float:
        patience = min(self.config.silent_after, len(self.training))
        parts = self.sae.training_loss(x, self.quiet >= patience)
        loss = float(parts.total.detach())
        if not math.isfinite(loss):
            raise DataError(
                f"the SAE's loss became {loss} at step {self.step_number + 1}: "
                "lower saes.lr or scale the activations down"
            )
        self.optimizer.zero_grad()
        parts.total.backward()
        self.sae.constrain_gradients()
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * learning_rate_share(self.step_number, self.steps)
        self.optimizer.step()
        self.sae.constrain_weights()
        self.step_number += 1
        self.fired |= parts.fired
        self.quiet = torch.where(parts.fired, 0.0, self.quiet + len(x))
        return loss

    def should_resample(self, epoch: int) -> bool:
        """Every `resample_every` epochs, but not in the last third."""
        every = self.config.resample_every
        return every > 0 and epoch % every == 0 and 3 * epoch <= 2 * self.config.epochs

    def resample(self) -> int:
        """Give features that did not fire in the last epoch a new start; how many."""
        dead = torch.nonzero(~self.fired).flatten()
        revived = resample(self.sae, self.optimizer, self.training, dead, self.generator)
        self.quiet[revived] = 0.0
        return len(revived)


def learning_rate_share(step: int, steps: int) -> float:
    """Share of the full learning rate at `step` (from 0) of `steps`: 1, then falling linearly."""
    decay = max(1.0, DECAY_SHARE * steps)
    return min(1.0, (steps - step) / decay)
