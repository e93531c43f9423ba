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
from circuitlogic.connectors.solvers import Solver, solver_named
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
    units = _units(pairs, solver)
    live = pairs.target.statistics.live
    start = start_named(config.init)(
        InitContext(pairs.source, pairs.target, affine, generator, units.source, units.target)
    )
    weight = torch.where(live[:, None], units.weight(start.weight), 0.0).requires_grad_()
    bias = torch.where(live, start.bias * units.target, 0.0).requires_grad_()
    optimizer = torch.optim.Adam([weight, bias], lr=config.lr, fused=True)
    steps = config.epochs * -(-len(pairs) // config.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: linear_tail(step, steps))
    order = np.random.default_rng(seed)
    snapshots, losses = [units.unit_weight(weight)], list[float]()
    name = f"connector {pairs.source.site} → {pairs.target.site}"
    for _ in progress.track(range(config.epochs), name, config.epochs):
        total = 0.0
        for features, targets in pairs.batches(config.batch_size, order):
            z = (features * units.source) @ weight.T + bias
            loss = solver.loss(z, targets * units.target, weight, config.l1)
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
        snapshots.append(units.unit_weight(weight))
        losses.append(total / len(pairs))
    return TrainedConnector(_connector(pairs, units, weight, bias), tuple(snapshots), tuple(losses))


@dataclass(frozen=True, slots=True, eq=False)
class _Units:
    """By what unit-scale features are multiplied to be in the solver's units."""

    source: Float[Tensor, " n_in"]
    target: Float[Tensor, " n_out"]

    def weight(self, unit: Float[Tensor, "n_out n_in"]) -> Float[Tensor, "n_out n_in"]:
        """W in the solver's units."""
        return unit * self.target[:, None] / self.source

    def unit_weight(self, weight: Float[Tensor, "n_out n_in"]) -> Float[Tensor, "n_out n_in"]:
        """A copy of W between unit-scale features."""
        return weight.detach() * self.source / self.target[:, None]


def _units(pairs: FeaturePairs, solver: Solver) -> _Units:
    scales = (pairs.source.statistics.scales, pairs.target.statistics.scales)
    if solver.units == "unit":
        scales = (torch.ones_like(scales[0]), torch.ones_like(scales[1]))
    return _Units(*scales)


def adam_step_sizes(optimizer: torch.optim.Adam, parameter: Tensor) -> Tensor:
    """Adam's step per unit of gradient, lr / (√v̂ + ε), entry by entry: the metric of a proximal step after it."""
    group, state = optimizer.param_groups[0], optimizer.state[parameter]
    corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
    return group["lr"] / (corrected.sqrt() + group["eps"])


def linear_tail(step: int, steps: int, tail: float = 0.3) -> float:
    """Learning-rate factor: 1, then down to (almost) 0 over the last `tail` of the steps."""
    return min(1.0, (steps - step) / (tail * steps) + 1e-3)


def _connector(pairs: FeaturePairs, units: _Units, weight: Tensor, bias: Tensor) -> Connector:
    source, target = pairs.source.statistics.scales, pairs.target.statistics.scales
    return Connector(
        pairs.source.site,
        pairs.target.site,
        units.unit_weight(weight) * target[:, None] / source,
        bias.detach() / units.target * target,
        source,
        target,
    )
