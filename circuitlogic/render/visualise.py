"""Owns feature visualisation: the input that a feature likes best, found by gradient ascent.

After Olah et al., "Feature Visualization" (Distill 2017), cut down to small images: box constraint, total
variation and L2 penalties, jitter; no colour, no pretrained prior.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from circuitlogic.errors import ConfigError, DataError


@dataclass(frozen=True, slots=True)
class Ascent:
    """How the ascent goes. Penalties are relative to the activation's gradient, which is scaled to unit size.

    Raises:
        ConfigError: a setting is negative, or `step_size` is 0.
    """

    step_size: float = 0.05
    """Pixel change per step at a gradient of unit size; falls linearly to a tenth."""
    total_variation: float = 0.2
    """Penalty on differences between neighbouring pixels."""
    l2: float = 0.1
    """Penalty on brightness: pixels that do not matter go dark."""
    jitter: int | None = None
    """Largest random shift in pixels, none in the last quarter; None: height // 14 (0 for 8, 2 for 28)."""
    start: float = 0.1
    """Initial pixels are uniform between 0 and this."""

    def __post_init__(self) -> None:
        for name in ("total_variation", "l2", "start"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}: must not be negative")
        if self.step_size <= 0 or (self.jitter or 0) < 0:
            raise ConfigError("step_size must be above 0 and jitter not negative")


def optimised_input(
    activation: Callable[[Tensor], Tensor],
    shape: tuple[int, ...],
    steps: int,
    generator: torch.Generator,
    ascent: Ascent | None = None,
) -> NDArray[np.float32]:
    """Images in [0, 1] that drive each row's feature high.

    Args:
        activation: Maps flat images [n, pixels] to activations [n], row i of feature i. Pass pre-activations:
            a ReLU that is off has no gradient to climb.
        shape: (n, height, width) or (n, 1, height, width): one image per feature.
        steps: Gradient steps, at least 1.
        generator: Source of the start and the jitter, on the CPU.
        ascent: Settings.

    Returns:
        The images, of `shape`.

    Raises:
        ConfigError: `shape` or `steps` makes no sense.
        DataError: the activation has another shape than [n], does not depend on the images, or is not finite.
    """
    if len(shape) not in (3, 4) or min(shape) < 1 or (len(shape) == 4 and shape[1] != 1) or steps < 1:
        raise ConfigError(f"shape {shape} and {steps} steps: use (n, [1,] height, width) and at least 1 step")
    chosen = ascent or Ascent()
    count, height, width = shape[0], shape[-2], shape[-1]
    jitter = height // 14 if chosen.jitter is None else chosen.jitter
    images = torch.rand((count, height, width), generator=generator) * chosen.start
    for step in range(steps):
        reach = jitter if step < 0.75 * steps else 0
        shift = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
        climb = _unit(_activation_gradient(activation, images, (shift[0], shift[1])))
        direction = climb - _penalty_gradient(images, chosen)
        images = (images + chosen.step_size * (1 - 0.9 * step / steps) * direction).clamp(0, 1)
    return images.reshape(shape).numpy().astype(np.float32)


def _activation_gradient(
    activation: Callable[[Tensor], Tensor], images: Float[Tensor, "n h w"], shift: tuple[int, int]
) -> Float[Tensor, "n h w"]:
    leaf = images.detach().requires_grad_()
    with torch.enable_grad():
        values = activation(torch.roll(leaf, shift, dims=(1, 2)).flatten(1))
        if values.shape != (len(images),):
            raise DataError(f"activation returned shape {tuple(values.shape)}: expected [{len(images)}]")
        if not values.requires_grad:
            raise DataError("the activation does not depend on the images: nothing to climb")
        (gradient,) = torch.autograd.grad(values.sum(), leaf, materialize_grads=True)
    if not torch.isfinite(gradient).all():
        raise DataError("the activation has no finite gradient with respect to the images")
    return gradient


def _unit(gradient: Float[Tensor, "n h w"]) -> Float[Tensor, "n h w"]:
    """Each image's gradient at root mean square 1; 0 stays 0."""
    size = gradient.pow(2).mean(dim=(1, 2), keepdim=True).sqrt()
    return torch.where(size > 0, gradient / size.clamp_min(torch.finfo(size.dtype).tiny), gradient)


def _penalty_gradient(images: Float[Tensor, "n h w"], ascent: Ascent) -> Float[Tensor, "n h w"]:
    """Of tv * (sum of |neighbour differences|, smoothed) + l2 * (sum of squares)."""
    gradient = 2 * ascent.l2 * images
    for axis in (1, 2):
        if images.shape[axis] > 1:
            pull = torch.diff(images, dim=axis) / (torch.diff(images, dim=axis).abs() + 0.05)
            zeros = torch.zeros_like(images.narrow(axis, 0, 1))
            gradient = gradient + ascent.total_variation * (
                torch.cat([zeros, pull], dim=axis) - torch.cat([pull, zeros], dim=axis)
            )
    return gradient
