"""The loop of the solvers that descend: Adam over shuffled batches, with the objective's own step after each."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.connectors.feature_pairs import FeaturePairs
from circuitlogic.connectors.initial import InitContext, start_named
from circuitlogic.connectors.job import ConnectorJob, Snapshot, TrainedConnector
from circuitlogic.connectors.solvers.objectives import Objective
from circuitlogic.errors import DataError


def descend(job: ConnectorJob, objective: Objective) -> TrainedConnector:
    """Learn F_out = ReLU(W F_in + b); rows of dead outputs stay empty.

    Raises:
        DataError: the objective became NaN or infinite.
    """
    pairs, config = job.pairs, job.config
    units, live = _units(pairs, objective), pairs.target.statistics.live
    weight, bias = _start(job, units)
    optimizer = torch.optim.Adam([weight, bias], lr=config.lr, fused=True)
    steps = config.epochs * -(-len(pairs) // config.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: linear_tail(step, steps))
    order = np.random.default_rng(job.seed)
    stages, losses = [Snapshot("start", units.unit_weight(weight))], list[float]()
    for _ in job.progress.track(range(config.epochs), job.name, config.epochs):
        total = 0.0
        for features, targets in pairs.batches(config.batch_size, order):
            z = (features * units.source) @ weight.T + bias
            loss = objective.loss(z, targets * units.target, weight, config.l1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                objective.after_step(weight, config.l1 * adam_step_sizes(optimizer, weight))
                weight.mul_(live[:, None])
                bias.mul_(live)
            schedule.step()
            total += loss.item() * len(features)
        if not np.isfinite(total):
            raise DataError(f"{job.name}: the loss is not finite; lower connectors.lr (now {config.lr:g})")
        stages.append(Snapshot("epoch", units.unit_weight(weight)))
        losses.append(total / len(pairs))
    found = job.connector(units.unit_weight(weight), bias.detach() / units.target)
    return TrainedConnector(found, tuple(stages), tuple(losses))


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


def _units(pairs: FeaturePairs, objective: Objective) -> _Units:
    scales = (pairs.source.statistics.scales, pairs.target.statistics.scales)
    if objective.units == "unit":
        scales = (torch.ones_like(scales[0]), torch.ones_like(scales[1]))
    return _Units(*scales)


def _start(job: ConnectorJob, units: _Units) -> tuple[Tensor, Tensor]:
    """Leaf tensors W and b in the solver's units, empty where the output is dead."""
    live = job.pairs.target.statistics.live
    generator = torch.Generator().manual_seed(job.seed)
    start = start_named(job.config.init)(
        InitContext(job.pairs.source, job.pairs.target, job.affine, generator, units.source, units.target)
    )
    weight = torch.where(live[:, None], units.weight(start.weight), 0.0)
    return weight.requires_grad_(), torch.where(live, start.bias * units.target, 0.0).requires_grad_()


def adam_step_sizes(optimizer: torch.optim.Adam, parameter: Tensor) -> Tensor:
    """Adam's step per unit of gradient, lr / (√v̂ + ε), entry by entry: the metric of a proximal step after it."""
    group, state = optimizer.param_groups[0], optimizer.state[parameter]
    corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
    return group["lr"] / (corrected.sqrt() + group["eps"])


def linear_tail(step: int, steps: int, tail: float = 0.3) -> float:
    """Learning-rate factor: 1, then down to (almost) 0 over the last `tail` of the steps."""
    return min(1.0, (steps - step) / (tail * steps) + 1e-3)
