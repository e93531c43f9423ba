"""Training one connector on the true features of its two sites."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.config import ConnectorConfig
from circuitlogic.connectors.feature_pairs import FeaturePairs
from circuitlogic.connectors.initial import InitContext, start_named
from circuitlogic.connectors.model import Connector
from circuitlogic.connectors.solvers import Scales, solver_named
from circuitlogic.errors import DataError
from circuitlogic.progress import SILENT, Progress


@dataclass(frozen=True, slots=True, eq=False)
class TrainedConnector:
    """A connector and how it came about."""

    connector: Connector
    snapshots: tuple[Float[Tensor, "n_out n_in"], ...]
    """Unit-scale W before training and after every epoch."""
    losses: tuple[float, ...]
    """Mean training objective of each epoch."""


def train_connector(
    pairs: FeaturePairs,
    affine: tuple[Tensor, Tensor] | None,
    config: ConnectorConfig,
    seed: int,
    progress: Progress = SILENT,
) -> TrainedConnector:
    """Learn F_out = ReLU(W F_in + b) with Adam on the solver's objective; rows of dead outputs stay empty.

    Args:
        pairs: Training samples.
        affine: The network's own layer between the sites, for the analytic start.
        config: Solver, start, penalty, schedule.
        seed: Of the start and the order of samples.

    Raises:
        DataError: the objective became NaN or infinite.
    """
    generator = torch.Generator().manual_seed(seed)
    solver = solver_named(config.solver)
    scales = Scales(pairs.source.statistics.scales, pairs.target.statistics.scales)
    live = pairs.target.statistics.live
    start = start_named(config.init)(InitContext(pairs.source, pairs.target, affine, generator))
    weight = torch.where(live[:, None], start.weight, 0.0).requires_grad_()
    bias = torch.where(live, start.bias, 0.0).requires_grad_()
    optimizer = torch.optim.Adam([weight, bias], lr=config.lr, fused=True)
    steps = config.epochs * -(-len(pairs) // config.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: linear_tail(step, steps))
    order = np.random.default_rng(seed)
    snapshots, losses = [weight.detach().clone()], list[float]()
    name = f"connector {pairs.source.site} → {pairs.target.site}"
    for _ in progress.track(range(config.epochs), name, config.epochs):
        total = 0.0
        for features, targets in pairs.batches(config.batch_size, order):
            loss = solver.loss(features @ weight.T + bias, targets, weight, scales, config.l1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                solver.after_step(weight, config.l1 * adam_step_sizes(optimizer, weight))
                weight.mul_(live[:, None])
                bias.mul_(live)
            schedule.step()
            total += loss.item() * len(features)
        if not np.isfinite(total):
            raise DataError(f"{name}: the loss is not finite; lower connectors.lr (now {config.lr:g})")
        snapshots.append(weight.detach().clone())
        losses.append(total / len(pairs))
    return TrainedConnector(_raw(pairs, weight, bias, scales), tuple(snapshots), tuple(losses))


def adam_step_sizes(optimizer: torch.optim.Adam, parameter: Tensor) -> Tensor:
    """Adam's step per unit of gradient, lr / (√v̂ + ε), entry by entry: the metric of a proximal step after it."""
    group, state = optimizer.param_groups[0], optimizer.state[parameter]
    corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
    return group["lr"] / (corrected.sqrt() + group["eps"])


def linear_tail(step: int, steps: int, tail: float = 0.3) -> float:
    """Learning-rate factor: 1, then down to (almost) 0 over the last `tail` of the steps."""
    return min(1.0, (steps - step) / (tail * steps) + 1e-3)


@torch.no_grad()
def _raw(pairs: FeaturePairs, weight: Tensor, bias: Tensor, scales: Scales) -> Connector:
    return Connector(
        pairs.source.site,
        pairs.target.site,
        (weight * scales.target[:, None] / scales.source).detach(),
        (bias * scales.target).detach(),
        scales.source,
        scales.target,
    )
