"""Objectives and steps of the solvers that descend batch by batch.

An objective says in which units it works: the features' own (`raw`), or features divided by their scales (`unit`).
The choice matters beyond the loss, because Adam's steps have the same size whatever the units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Objective:
    """What is minimised and what follows each optimiser step."""

    units: Literal["raw", "unit"]
    """Of features, parameters and loss alike."""
    loss: Callable[[Tensor, Tensor, Tensor, float], Tensor]
    """(z, F_out, W, l1) -> scalar; z are pre-activations."""
    after_step: Callable[[Tensor, Tensor], None]
    """(W, l1 * each entry's step size [n_out, n_in]): changes W in place."""


def seed_loss(
    z: Float[Tensor, "batch n_out"],
    target: Float[Tensor, "batch n_out"],
    weight: Float[Tensor, "n_out n_in"],
    l1: float,
) -> Float[Tensor, ""]:
    """The seed's objective: mean (ReLU(z) - F_out)² + l1 · mean |W|."""
    return (torch.relu(z) - target).square().mean() + l1 * weight.abs().mean()


def convexified_loss(
    z: Float[Tensor, "batch n_out"],
    target: Float[Tensor, "batch n_out"],
    weight: Float[Tensor, "n_out n_in"],  # noqa: ARG001
    l1: float,  # noqa: ARG001
) -> Float[Tensor, ""]:
    """Σ over outputs of mean ½(F_out - z)² where F_out > 0, ½ max(z, 0)² where F_out = 0: convex in (W, b)."""
    residual = torch.where(target > 0, target - z, torch.relu(z))
    return 0.5 * residual.square().mean(0).sum()


def soft_threshold(weight: Float[Tensor, "n_out n_in"], amount: Float[Tensor, "n_out n_in"]) -> None:
    """The proximal step of Σ amount · |W|: shrink towards zero, leave exact zeros."""
    weight.copy_(weight.sign() * (weight.abs() - amount).clamp_min(0))


def no_step(weight: Tensor, amount: Tensor) -> None:  # noqa: ARG001
    """Leave W as the optimiser made it."""
    return
