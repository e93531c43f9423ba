"""Weights and biases solved again on the support that a solver chose, without the penalty that shrinks them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from circuitlogic.connectors.gram_statistics import centred, gram_statistics
from circuitlogic.connectors.job import ConnectorJob, Snapshot, TrainedConnector
from circuitlogic.connectors.penalty_path import refitted
from circuitlogic.connectors.solvers.gram import numpy_batches

Refit = Callable[[ConnectorJob, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(job, unit-scale W) -> refitted W and b."""


def refit_linear(job: ConnectorJob, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares of F_out on the support."""
    n_out, n_in = weight.shape
    problem = centred(gram_statistics(numpy_batches(job), n_in, n_out)[0])
    found = refitted(problem, weight, job.config.keep_signs, torch.get_num_threads())
    return found, problem.bias(found)


_REFITS: dict[str, Refit] = {"linear": refit_linear}
_AUTOMATIC = {"gram": "linear"}


def refit(job: ConnectorJob, trained: TrainedConnector) -> TrainedConnector:
    """`trained` refitted as its config says; `auto` refits what `gram` found and nothing else."""
    kind = job.config.refit
    if kind == "auto":
        kind = _AUTOMATIC.get(job.config.solver, "none")
    if kind == "none":
        return trained
    before = trained.connector.unit_weight.double().numpy()
    weight, bias = (torch.from_numpy(v).float() for v in _REFITS[kind](job, before))
    connector = job.connector(weight, bias)
    stages = (*trained.stages, Snapshot("refit", connector.unit_weight))
    return replace(trained, connector=connector, stages=stages)
