"""Pruning and tuning the whole feature network towards the original's outputs.

Objective: KL(original ‖ feature network) + anchor · Σ over sites of the predicted features' fvu (raw units).
Edges are pruned gradually (cubic schedule, Zhu & Gupta 2017) by their effect on that objective, w² · E[g²] (the
Fisher information of LeCun et al. 1990's saliency), not by |w|; then the support is fixed and tuned on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from circuitlogic.activations.paired import INPUTS, OUTPUTS, PairedActivations
from circuitlogic.config import TuneConfig
from circuitlogic.connectors.training import linear_tail
from circuitlogic.errors import DataError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.substitute.feature_network import FeatureNetwork

_PRUNED_BY = 0.65
_CUT_AT = 0.8
_CUT_MARGIN = 1.2
_FISHER_DECAY = 0.99
_PRUNINGS = 60


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """One connector while it is tuned: unit-scale parameters, support, running squared gradient."""

    weight: Tensor
    bias: Tensor
    support: Tensor
    fisher: Tensor
    budget: int
    start_edges: int

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(features @ self.weight.T + self.bias)

    def observe_gradient(self) -> None:
        if self.weight.grad is not None:
            self.fisher.mul_(_FISHER_DECAY).addcmul_(
                self.weight.grad, self.weight.grad, value=1 - _FISHER_DECAY
            )

    def keep_strongest(self, progress: float) -> None:
        """Reduce the support to the cubic schedule's size at `progress` in 0..1."""
        size = self.budget + int((self.start_edges - self.budget) * (1 - progress) ** 3)
        if size < int(self.support.sum()):
            saliency = torch.where(self.support > 0, self.weight.square() * self.fisher, -1.0)
            kept = saliency.flatten().topk(size).indices
            self.support.zero_().flatten()[kept] = 1

    def cut(self, smallest: float) -> None:
        self.support.mul_(self.weight.abs() > smallest)

    def apply_support(self) -> None:
        self.weight.mul_(self.support)


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """One batch of the tuning data: unit-scale features at every site, the original's outputs, the inputs."""

    features: list[Float[Tensor, "batch _"]]
    outputs: Float[Tensor, "batch classes"]
    inputs: Tensor | None


def tune_feature_network(
    network: FeatureNetwork,
    activations: PairedActivations,
    config: TuneConfig,
    threshold: float,
    seed: int,
    progress: Progress = SILENT,
) -> FeatureNetwork:
    """Prune every connector to its edge budget and tune weights and biases on what is left.

    Args:
        network: The chain as the solvers left it.
        activations: Training activations of all its sites, with the original's `outputs`.
        config: Edge budget, anchor, schedule. `epochs` 0 returns `network`.
        threshold: Extraction threshold: edges below it are cut before the last fifth of the steps.
        seed: Of the order of samples.

    Raises:
        DataError: the objective became NaN or infinite.
    """
    if config.epochs == 0:
        return network
    layers = _layers(network, config)
    parameters = [p for layer in layers for p in (layer.weight, layer.bias)]
    optimizer = torch.optim.Adam(parameters, lr=config.lr, fused=True)
    steps = config.epochs * -(-len(activations) // config.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: linear_tail(step, steps))
    variances = _variances(network, activations)
    order, step = np.random.default_rng(seed), 0
    for _ in progress.track(range(config.epochs), "feature network", config.epochs):
        for batch in _batches(network, activations, config.batch_size, order):
            loss = _objective(network, layers, batch, variances, config.anchor)
            if not torch.isfinite(loss):
                raise DataError(
                    f"tuning the feature network: the loss is not finite; lower tune.lr ({config.lr:g})"
                )
            optimizer.zero_grad()
            loss.backward(inputs=parameters)
            with torch.no_grad():
                for layer in layers:
                    layer.observe_gradient()
                optimizer.step()
                schedule.step()
                step += 1
                _prune(layers, step, steps, threshold)
    return _with_weights(network, layers)


def _prune(layers: list[_Layer], step: int, steps: int, threshold: float) -> None:
    cut = max(1, int(_CUT_AT * steps))
    for layer in layers:
        if step < cut and step % max(1, steps // _PRUNINGS) == 0:
            layer.keep_strongest(min(1.0, step / (_PRUNED_BY * steps)))
        if step == cut:
            layer.keep_strongest(1.0)
            layer.cut(_CUT_MARGIN * threshold)
        layer.apply_support()


def _objective(
    network: FeatureNetwork, layers: list[_Layer], batch: _Batch, variances: list[Tensor], anchor: float
) -> Tensor:
    features = batch.features[0]
    distance = torch.zeros(())
    for layer, dictionary, true, variance in zip(
        layers, network.dictionaries[1:], batch.features[1:], variances, strict=True
    ):
        features = layer.forward(features)
        raw_error = (features - true) * dictionary.statistics.scales
        distance = distance + raw_error.square().mean(0).sum() / variance
    outputs = network.outputs(features * network.dictionaries[-1].statistics.scales, batch.inputs)
    divergence = F.kl_div(outputs.log_softmax(-1), batch.outputs.softmax(-1), reduction="batchmean")
    return divergence + anchor * distance


def _batches(
    network: FeatureNetwork, activations: PairedActivations, size: int, order: np.random.Generator | None
) -> Iterator[_Batch]:
    for rows in activations.batches(size, order):
        features = [d.unit_features(rows[d.site]) for d in network.dictionaries]
        yield _Batch(features, rows[OUTPUTS], rows.get(INPUTS))


def _layers(network: FeatureNetwork, config: TuneConfig) -> list[_Layer]:
    layers: list[_Layer] = []
    for connector, dictionary in zip(network.connectors, network.dictionaries[1:], strict=True):
        weight = connector.unit_weight.clone()
        support = (weight != 0).float()
        budget = config.edges if config.edges is not None else 10 * int(dictionary.statistics.live.sum())
        layers.append(
            _Layer(
                weight.requires_grad_(),
                connector.unit_bias.clone().requires_grad_(),
                support,
                torch.zeros_like(support),
                budget,
                int(support.sum()),
            )
        )
    return layers


@torch.no_grad()
def _variances(network: FeatureNetwork, activations: PairedActivations) -> list[Tensor]:
    """Total variance of the true raw features of every site but the first, from the first 8,192 rows."""
    rows = activations.rows(slice(0, 8192))
    found: list[Tensor] = []
    for dictionary in network.dictionaries[1:]:
        features = dictionary.encoder.encode(torch.from_numpy(rows[dictionary.site]))
        found.append(features.var(0, unbiased=False).sum().clamp_min(1e-12))
    return found


@torch.no_grad()
def _with_weights(network: FeatureNetwork, layers: list[_Layer]) -> FeatureNetwork:
    connectors = tuple(
        replace(
            connector,
            weight=(layer.weight * connector.target_scales[:, None] / connector.source_scales).detach(),
            bias=(layer.bias * connector.target_scales).detach(),
        )
        for connector, layer in zip(network.connectors, layers, strict=True)
    )
    return replace(network, connectors=connectors)
