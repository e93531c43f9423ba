"""Weights and biases solved again on the support that a solver chose, without the penalty that shrinks them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from circuitlogic.connectors.gram_statistics import centred, gram_statistics
from circuitlogic.connectors.job import ConnectorJob, Snapshot, TrainedConnector
from circuitlogic.connectors.lasso import largest_penalties
from circuitlogic.connectors.penalty_path import refitted
from circuitlogic.connectors.relu_path import refit_relu
from circuitlogic.connectors.relu_rows import relu_samples
from circuitlogic.connectors.solvers.gram import encoded_samples, numpy_batches

Refit = Callable[[ConnectorJob, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(job, unit-scale W and b) -> refitted W and b."""


def linear_loss(job: ConnectorJob, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: ARG001
    """Least squares of F_out on the support."""
    n_out, n_in = weight.shape
    problem = centred(gram_statistics(numpy_batches(job), n_in, n_out)[0])
    found = refitted(problem, weight, job.config.keep_signs, torch.get_num_threads())
    return found, problem.bias(found)


def relu_loss(job: ConnectorJob, weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The convexified ReLU loss on the support."""
    n_out, n_in = weight.shape
    x, y = encoded_samples(job)
    largest = largest_penalties(centred(gram_statistics([(x, y)], n_in, n_out)[0]))
    found = refit_relu(
        relu_samples(x, y),
        weight,
        bias,
        largest,
        job.config.keep_signs,
        torch.get_num_threads(),
        job.config.refit_gap,
    )
    return found.weight, found.bias


_REFITS: dict[str, Refit] = {"linear": linear_loss, "relu": relu_loss}
_AUTOMATIC = {"gram": "relu", "relu": "relu"}


def refit_on_support(job: ConnectorJob, kind: str, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Unit-scale W and b minimising the `linear` or `relu` loss on the non-zeros of `weight`."""
    found = _REFITS[kind](job, weight.double().numpy(), bias.double().numpy())
    return torch.from_numpy(found[0]).float(), torch.from_numpy(found[1]).float()


def refit(job: ConnectorJob, trained: TrainedConnector) -> TrainedConnector:
    """`trained` refitted as its config says; `auto` refits what `gram` and `relu` found and nothing else."""
    kind = job.config.refit
    if kind == "auto":
        kind = _AUTOMATIC.get(job.config.solver, "none")
    if kind == "none":
        return trained
    before = trained.connector
    connector = job.connector(*refit_on_support(job, kind, before.unit_weight, before.unit_bias))
    stages = (*trained.stages, Snapshot("refit", connector.unit_weight))
    return replace(trained, connector=connector, stages=stages)
