"""Owns the trained rows of the benchmark: one sparse connector, fitted to all planted outputs at once."""

import numpy as np
import scipy.sparse
import torch

from circuitlogic.benchmarks.logicbench.pool import column, size_of
from circuitlogic.connectors.solvers.objectives import convexified_loss, soft_threshold
from circuitlogic.logic.activity import FloatArray

_BATCH, _RATE, _PENALTY = 1000, 0.02, 0.004
SMALLEST = 0.02
"""Weights up to this, in typical firings of both ends, are left out of a row."""


def fit_rows(
    inputs: scipy.sparse.csc_array, targets: FloatArray, epochs: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """W [outputs, inputs] and b [outputs] with ReLU(W x + b) near the targets and few weights; small W are 0.

    Adam with a proximal step on the loss that connectors are trained with, in units of typical firings. Each
    output has a penalty in proportion to its firing rate, so that rare outputs are not lost.

    Args:
        inputs: [N, inputs] activations in typical firings.
        targets: [N, outputs] likewise.
        epochs: Passes over the samples.
        seed: Of the order of samples.
    """
    x = torch.from_numpy(inputs.toarray().astype(np.float32))
    y = torch.from_numpy(targets.astype(np.float32))
    generator = torch.Generator().manual_seed(seed)
    weight = torch.zeros(y.shape[1], x.shape[1])
    bias = torch.zeros(y.shape[1])
    rates = (y > 0).float().mean(0).clamp_min(1e-6)
    steps = _Steps((weight, bias))
    total = epochs * (x.shape[0] // _BATCH + 1)
    for _ in range(epochs):
        for rows in torch.randperm(x.shape[0], generator=generator).split(_BATCH):
            weight.requires_grad_(True)
            bias.requires_grad_(True)
            z = x[rows] @ weight.T + bias
            gradients = torch.autograd.grad(convexified_loss(z, y[rows], weight, 0.0), (weight, bias))
            with torch.no_grad():
                sizes = steps.take(gradients, _RATE * (1 - steps.taken / total))
                soft_threshold(weight, _PENALTY * rates[:, None] * sizes)
    weight, bias = weight.detach(), bias.detach()
    weight[weight.abs() <= SMALLEST] = 0.0
    return weight.double().numpy(), bias.double().numpy()


class _Steps:
    """Adam, telling how long each weight's step was per unit of gradient."""

    def __init__(self, values: tuple[torch.Tensor, torch.Tensor]) -> None:
        self._values = values
        self._first = tuple(torch.zeros_like(v) for v in values)
        self._second = tuple(torch.zeros_like(v) for v in values)
        self.taken = 0

    def take(self, gradients: tuple[torch.Tensor, ...], rate: float) -> torch.Tensor:
        """Move the values in place; the step sizes of the first of them."""
        self.taken += 1
        sizes: list[torch.Tensor] = []
        for value, gradient, m, v in zip(self._values, gradients, self._first, self._second, strict=True):
            m.mul_(0.9).add_(gradient, alpha=0.1)
            v.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            sizes.append(rate / ((v / (1 - 0.999**self.taken)).sqrt() + 1e-8))
            value.sub_(sizes[-1] * m / (1 - 0.9**self.taken))
        return sizes[0]


def in_typical_firings(matrix: scipy.sparse.csc_array, means: FloatArray) -> scipy.sparse.csc_array:
    """Each column divided by its mean."""
    counts = np.diff(matrix.indptr)
    data = matrix.data / np.repeat(means, counts)
    return scipy.sparse.csc_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def typical(matrix: scipy.sparse.csc_array) -> FloatArray:
    """[columns] mean of the positive entries; 1 where there are none."""
    values = (column(matrix, at) for at in range(size_of(matrix)[1]))
    return np.array([float(v[v > 0].mean()) if (v > 0).any() else 1.0 for v in values])
