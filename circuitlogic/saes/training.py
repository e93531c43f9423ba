"""Owns the training of one autoencoder: its start, records per epoch, resampling."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int

from circuitlogic.config import SaeConfig
from circuitlogic.progress import SILENT, Progress
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.metrics import SaeMetrics, metrics_given_fired, moments_of, sae_metrics
from circuitlogic.saes.registry import architecture_named, feature_count
from circuitlogic.saes.resampling import resample
from circuitlogic.saes.rows import Activations, Rows, rows_of
from circuitlogic.saes.training_run import TrainingRun

GLANCE = 16_384
"""Held-out samples, evenly spaced, on which an epoch is judged; the final metrics take all."""


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
    generator = torch.Generator().manual_seed(seed)
    run = TrainingRun(_fitted_sae(training, config, generator), training, config, seed, device)
    history: list[EpochRecord] = []
    for epoch in progress.track(range(1, config.epochs + 1), name, config.epochs):
        loss = run.train_epoch()
        metrics = metrics_given_fired(run.sae, glance, run.fired.cpu(), "heldout")
        resampled = _resample(run, generator) if _should_resample(config, epoch) else 0
        history.append(
            EpochRecord(
                epoch, loss, metrics.mse, metrics.l1, metrics.fvu, metrics.l0, metrics.dead, resampled
            )
        )
    sae = run.sae.cpu().eval()
    return TrainedSae(sae, tuple(history), sae_metrics(sae, held, training))


def _even(samples: int) -> Int[np.ndarray, " n"]:
    return np.arange(GLANCE, dtype=np.int64) * samples // GLANCE


def _should_resample(config: SaeConfig, epoch: int) -> bool:
    """Every `resample_every` epochs, but not in the last third."""
    every = config.resample_every
    return every > 0 and epoch % every == 0 and 3 * epoch <= 2 * config.epochs


def _resample(run: TrainingRun, generator: torch.Generator) -> int:
    """Give features that did not fire in the last epoch a new start; how many."""
    dead = torch.nonzero(~run.fired).flatten()
    revived = resample(run.sae, run.optimizer, run.training, dead, generator)
    run.quiet[revived] = 0.0
    return len(revived)


def _fitted_sae(training: Rows, config: SaeConfig, generator: torch.Generator) -> SparseAutoencoder:
    kind = architecture_named(config.architecture)
    sae = kind.initial(training.d, feature_count(config, training.d), config, generator)
    moments = moments_of(training, "training")
    scale = math.sqrt(float(moments.deviations.mean()) / moments.count)
    sae.fit_to(moments.mean.float(), scale if scale > 0.0 else 1.0)
    return sae
