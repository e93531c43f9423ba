"""Owns one connector while it is tuned: parameters between unit-scale features, its support, and how that shrinks.

`effect` prunes gradually (cubic schedule, Zhu & Gupta 2017) by w² · E[g²], the Fisher information of LeCun et al.
1990's saliency; `weight` keeps the largest |unit-scale weight| at once.
"""

from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.config import TuneConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.substitute.sparse_support import SPARSE, WIDE, SparseTunedLayer, sparse_layer

PRUNED_BY = 0.65
"""Share of the steps after which gradual pruning has reached its budget."""
CUT_AT = 0.8
"""Share of the steps after which entries near the extraction threshold are cut."""
CUT_MARGIN = 1.2
PRUNINGS = 60
_EDGES_PER_FEATURE = 10
_FISHER_DECAY = 0.99
_FIRST = 1e30
"""Saliency of a row's first edges: above every other."""


@dataclass(frozen=True, slots=True, eq=False)
class TunedLayer:
    """Parameters, support and running squared gradient of one connector."""

    weight: Float[Tensor, "n_out n_in"]
    bias: Float[Tensor, " n_out"]
    support: Float[Tensor, "n_out n_in"]
    """1 where there is an edge, 0 elsewhere."""
    fisher: Float[Tensor, "n_out n_in"]
    budget: int
    start_edges: int
    first: int
    """Edges that every output feature keeps, however weak."""

    def forward(self, features: Float[Tensor, "batch n_in"]) -> Float[Tensor, "batch n_out"]:
        """Predicted unit-scale features."""
        return torch.relu(features @ self.weight.T + self.bias)

    def parameters(self, config: TuneConfig) -> list[Tensor]:
        """What moves."""
        return [self.bias] if config.train == "biases" else [self.weight, self.bias]

    def observe_gradient(self) -> None:
        """Follow E[g²]."""
        gradient = self.weight.grad
        if gradient is not None:
            self.fisher.mul_(_FISHER_DECAY).addcmul_(gradient, gradient, value=1 - _FISHER_DECAY)

    def keep_strongest(self, progress: float) -> None:
        """Reduce the support to the cubic schedule's size at `progress` in 0..1."""
        size = self.budget + int((self.start_edges - self.budget) * (1 - progress) ** 3)
        if size < int(self.support.sum()):
            self._keep(self.weight.square() * self.fisher, size)

    def keep_largest(self) -> None:
        """Reduce the support to the budget by |weight|."""
        if self.budget < int(self.support.sum()):
            self._keep(self.weight.abs(), self.budget)

    def _keep(self, saliency: Tensor, size: int) -> None:
        saliency = torch.where(self.support > 0, saliency.detach(), -1.0)
        if self.first:
            best = saliency.topk(min(self.first, saliency.shape[1]), dim=1)
            saliency = saliency.scatter(1, best.indices, torch.where(best.values >= 0, _FIRST, -1.0))
        kept = saliency.flatten().topk(size).indices
        self.support.zero_().flatten()[kept] = 1

    def cut(self, scales: Float[Tensor, "n_out n_in"], smallest: float) -> None:
        """Drop entries whose size, in today's unit scale (weight · `scales`), is not above `smallest`."""
        self.support.mul_((self.weight * scales).abs() > smallest)

    def apply_support(self) -> None:
        """Make absent edges exactly zero."""
        self.weight.mul_(self.support)


AnyLayer: TypeAlias = TunedLayer | SparseTunedLayer


def layer_of(connector: Connector, target: Dictionary, config: TuneConfig) -> AnyLayer:
    """A copy of `connector` to be tuned."""
    weight = connector.unit_weight.clone()
    support = (weight != 0).float()
    live = int(target.statistics.live.sum())
    budget = config.edges if config.edges is not None else _EDGES_PER_FEATURE * live
    first = min(config.min_edges, budget // max(live, 1))
    if weight.numel() > WIDE and float(support.mean()) < SPARSE:
        layer = sparse_layer(weight, connector.unit_bias, budget, first)
    else:
        layer = TunedLayer(
            weight.requires_grad_(),
            connector.unit_bias.clone().requires_grad_(),
            support,
            torch.zeros_like(support),
            budget,
            int(support.sum()),
            first,
        )
    if config.select == "weight":
        with torch.no_grad():
            layer.keep_largest()
            layer.apply_support()
    return layer


def prune(layer: AnyLayer, step: int, steps: int) -> None:
    """The scheduled pruning due at `step`, if any."""
    if step % max(1, steps // PRUNINGS) == 0 or step == cut_step(steps):
        layer.keep_strongest(min(1.0, step / (PRUNED_BY * steps)))


def cut_step(steps: int) -> int:
    """The step at which entries near the threshold go."""
    return max(1, int(CUT_AT * steps))
