"""Owns a wide connector while it is tuned: only its edges are held, and only features that fire are multiplied.

The same numbers as `TunedLayer` up to rounding, at a cost that follows edges and firings instead of entries.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from circuitlogic.config import TuneConfig

WIDE = 1 << 20
"""Connectors with more entries are tuned this way, if they are sparse."""
SPARSE = 0.1
"""Share of entries that are edges, below which a connector is sparse."""
_FISHER_DECAY = 0.99
_FIRST = 1e30
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class SparseTunedLayer:
    """Edges, sorted by input then output, with their running squared gradients."""

    shape: tuple[int, int]
    """(n_out, n_in)."""
    outputs: Int[Tensor, " edges"]
    inputs: Int[Tensor, " edges"]
    starts: Int[np.ndarray, " ends"]
    """Where each input's edges begin."""
    values: Float[Tensor, " edges"]
    bias: Float[Tensor, " n_out"]
    support: Float[Tensor, " edges"]
    """1 where the edge is still there, 0 elsewhere."""
    fisher: Float[Tensor, " edges"]
    budget: int
    start_edges: int
    first: int
    """Edges that every output feature keeps, however weak."""

    @property
    def weight(self) -> Float[Tensor, "n_out n_in"]:
        """W as a whole."""
        whole = torch.zeros(self.shape)
        whole[self.outputs, self.inputs] = self.values.detach()
        return whole

    def forward(self, features: Float[Tensor, "batch n_in"]) -> Float[Tensor, "batch n_out"]:
        """Predicted unit-scale features."""
        product: Tensor = _Product.apply(features, self.values, self)  # pyright: ignore[reportAssignmentType]
        return torch.relu(product + self.bias)

    def parameters(self, config: TuneConfig) -> list[Tensor]:
        """What moves."""
        return [self.bias] if config.train == "biases" else [self.values, self.bias]

    def observe_gradient(self) -> None:
        """Follow E[g²]."""
        gradient = self.values.grad
        if gradient is not None:
            self.fisher.mul_(_FISHER_DECAY).addcmul_(gradient, gradient, value=1 - _FISHER_DECAY)

    def keep_strongest(self, progress: float) -> None:
        """Reduce the support to the cubic schedule's size at `progress` in 0..1."""
        size = self.budget + int((self.start_edges - self.budget) * (1 - progress) ** 3)
        if size < int(self.support.sum()):
            self._keep(self.values.square() * self.fisher, size)

    def keep_largest(self) -> None:
        """Reduce the support to the budget by |weight|."""
        if self.budget < int(self.support.sum()):
            self._keep(self.values.abs(), self.budget)

    def _keep(self, saliency: Tensor, size: int) -> None:
        saliency = torch.where(self.support > 0, saliency.detach(), -1.0)
        if self.first:
            order = np.lexsort((-saliency.numpy(), self.outputs.numpy()))
            sorted_outputs = self.outputs.numpy()[order]
            rank = np.arange(len(order)) - np.searchsorted(sorted_outputs, sorted_outputs)
            best = torch.from_numpy(order[rank < self.first])
            saliency[best] = torch.where(saliency[best] >= 0, _FIRST, -1.0)
        kept = saliency.topk(size).indices
        self.support.zero_()[kept] = 1

    def cut(self, scales: Float[Tensor, "n_out n_in"], smallest: float) -> None:
        """Drop entries whose size, in today's unit scale (weight · `scales`), is not above `smallest`."""
        self.support.mul_((self.values * scales[self.outputs, self.inputs]).abs() > smallest)

    def apply_support(self) -> None:
        """Make absent edges exactly zero."""
        self.values.mul_(self.support)

    def meeting(self, samples: IntArray, inputs: IntArray) -> tuple[IntArray, IntArray]:
        """Every edge of every firing (sample, input): which firing, which edge."""
        first, count = self.starts[inputs], np.diff(self.starts)[inputs]
        firing = np.repeat(np.arange(len(samples)), count)
        within = np.arange(len(firing)) - np.repeat(np.cumsum(count) - count, count)
        return firing, first[firing] + within


class _Product(torch.autograd.Function):
    """F Wᵀ of sparse features and sparse weights: a sum over firings and their edges."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, values: Tensor, layer: SparseTunedLayer) -> Tensor:
        dense = features.detach().numpy()
        samples, inputs = np.nonzero(dense)
        firing, edge = layer.meeting(samples, inputs)
        size, outputs = dense[samples, inputs][firing], layer.outputs.numpy()[edge]
        place = samples[firing] * layer.shape[0] + outputs
        total = np.bincount(place, size * values.detach().numpy()[edge], len(dense) * layer.shape[0])
        ctx.parts, ctx.layer, ctx.values = (place, edge, size), layer, values.detach()
        ctx.inputs = samples[firing] * layer.shape[1] + inputs[firing]
        return torch.from_numpy(total.astype(np.float32)).view(len(dense), layer.shape[0])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        place, edge, size = ctx.parts
        gradient = grads[0].contiguous().view(-1).numpy()[place]
        by_features = by_values = None
        if ctx.needs_input_grad[0]:
            # Silent features get none: they come out of a ReLU, through which nothing flows back.
            n_in = ctx.layer.shape[1]
            total = np.bincount(ctx.inputs, gradient * ctx.values.numpy()[edge], len(grads[0]) * n_in)
            by_features = torch.from_numpy(total.astype(np.float32)).view(-1, n_in)
        if ctx.needs_input_grad[1]:
            by_values = torch.from_numpy(
                np.bincount(edge, gradient * size, len(ctx.values)).astype(np.float32)
            )
        return by_features, by_values, None


def sparse_layer(
    weight: Float[Tensor, "n_out n_in"], bias: Float[Tensor, " n_out"], budget: int, first: int
) -> SparseTunedLayer:
    """The edges of unit-scale `weight`, to be tuned."""
    inputs, outputs = torch.nonzero(weight.T, as_tuple=True)
    starts = np.searchsorted(inputs.numpy(), np.arange(weight.shape[1] + 1))
    return SparseTunedLayer(
        (weight.shape[0], weight.shape[1]),
        outputs,
        inputs,
        starts,
        weight[outputs, inputs].clone().requires_grad_(),
        bias.clone().requires_grad_(),
        torch.ones(len(inputs)),
        torch.zeros(len(inputs)),
        budget,
        len(inputs),
        first,
    )
