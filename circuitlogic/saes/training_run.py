"""Owns the steps of one training: batches, learning rate, gradients, which features are silent."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from circuitlogic.config import SaeConfig
from circuitlogic.errors import DataError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.rows import Rows

DECAY_SHARE = 0.3
"""Last share of the steps, in which the learning rate falls linearly to 0."""


class TrainingRun:
    """The moving parts of one training; it trains `sae` in place."""

    def __init__(
        self,
        sae: SparseAutoencoder,
        training: Rows,
        config: SaeConfig,
        seed: int,
        device: str = "cpu",
        targets: Rows | None = None,
    ) -> None:
        """Prepare.

        Args:
            sae: Untrained.
            training: What it encodes.
            config: Epochs, batches, learning rate.
            seed: Of the order of samples.
            device: Where it is trained.
            targets: What it shall predict, row by row of `training`; None: `training` itself.
        """
        self.training, self.targets, self.config, self.device = training, targets, config, device
        self.order, self._same_order = np.random.default_rng(seed), np.random.default_rng(seed)
        self.sae = sae.to(device).train()
        self.optimizer = torch.optim.Adam(self.sae.parameters(), lr=config.lr, fused=True)
        self.steps = config.epochs * math.ceil(len(training) / config.batch_size)
        self.step_number = 0
        self.fired = torch.zeros(self.sae.d_sae, dtype=torch.bool, device=device)
        self.quiet = torch.zeros(self.sae.d_sae, device=device)
        """Samples since each feature last fired."""

    def train_epoch(self) -> float:
        """One pass over the training rows; the mean loss per sample."""
        self.fired.zero_()
        total = 0.0
        for x, target in self._batches():
            total += self._step(x, target) * len(x)
        return total / len(self.training)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        size = self.config.batch_size
        inputs = self.training.batches(size, self.order)
        if self.targets is None:
            yield from ((self._placed(x), None) for x in inputs)
        else:
            others = self.targets.batches(size, self._same_order)
            yield from ((self._placed(x), self._placed(y)) for x, y in zip(inputs, others, strict=True))

    def _placed(self, rows: Tensor) -> Tensor:
        """A fresh, aligned copy: arithmetic may depend on how memory is aligned."""
        return rows.clone().to(self.device)

    def _step(self, x: Tensor, target: Tensor | None) -> float:
        patience = min(self.config.silent_after, len(self.training))
        parts = self.sae.training_loss(x, self.quiet >= patience, target)
        loss = float(parts.total.detach())
        if not math.isfinite(loss):
            raise DataError(
                f"the SAE's loss became {loss} at step {self.step_number + 1}: "
                "lower saes.lr or scale the activations down"
            )
        self.optimizer.zero_grad()
        parts.total.backward()
        self.constrain_gradients()
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * learning_rate_share(self.step_number, self.steps)
        self.optimizer.step()
        self.constrain_weights()
        self.step_number += 1
        self.fired |= parts.fired
        self.quiet = torch.where(parts.fired, 0.0, self.quiet + len(x))
        return loss

    def constrain_gradients(self) -> None:
        """Called between backward and the optimiser's step."""
        self.sae.constrain_gradients()

    def constrain_weights(self) -> None:
        """Called after the optimiser's step."""
        self.sae.constrain_weights()


def learning_rate_share(step: int, steps: int) -> float:
    """Share of the full learning rate at `step` (from 0) of `steps`: 1, then falling linearly."""
    decay = max(1.0, DECAY_SHARE * steps)
    return min(1.0, (steps - step) / decay)
