"""ReLU connectors in convex form: every row solved on the sparse samples to a certified gap."""

from collections.abc import Iterator

import numpy as np
import torch

from circuitlogic.connectors.gram_statistics import GramStatistics, centred, gram_statistics
from circuitlogic.connectors.job import ConnectorJob, Snapshot, TrainedConnector, certificate
from circuitlogic.connectors.lasso import SolvedRows, largest_penalties, solve_lasso
from circuitlogic.connectors.penalty_path import stages_to
from circuitlogic.connectors.relu_path import choose_relu_penalties
from circuitlogic.connectors.relu_rows import ReluSamples, relu_samples, solve_relu
from circuitlogic.connectors.solvers.gram import encoded_samples, tensor

_STAGES = 6


def solve(job: ConnectorJob) -> TrainedConnector:
    """Solve the convexified ReLU loss + λ Σ |W| at the path's or the given λ, from the linear form's solution.

    Raises:
        DataError: a feature that is not finite, or an output feature below 0.
        ConfigError: a path without meaning, or too few samples for one.
    """
    config, threads = job.config, torch.get_num_threads()
    live = job.pairs.target.statistics.live
    n_in, n_out = len(job.pairs.source.statistics.scales), len(live)
    x, y = encoded_samples(job)
    statistics = gram_statistics([(x, y)], n_in, n_out)[0]
    penalties = np.full(n_out, config.l1)
    if config.penalties:
        penalties = choose_relu_penalties(
            x, y, config.folds, config.penalties, config.penalty_ratio, gap=config.gap, threads=threads
        ).penalties
    steps = list(_steps(relu_samples(x, y), statistics, penalties, config.gap, threads))
    return TrainedConnector(
        job.connector(tensor(steps[-1].weight), tensor(steps[-1].bias)),
        tuple(_snapshots(steps, live)),
        (),
        certificate(tensor(steps[-1].gaps)[live], tensor(penalties)[live]),
    )


def _steps(
    samples: ReluSamples, statistics: GramStatistics, penalties: np.ndarray, gap: float, threads: int
) -> Iterator[SolvedRows]:
    """Solutions on the way from the largest penalties, each from the linear form's at the first."""
    problem = centred(statistics)
    way = stages_to(penalties, largest_penalties(problem), _STAGES)
    linear = solve_lasso(problem, way[0], gap=1e-3, threads=threads)
    start = (linear.weight, linear.bias)
    for step in way:
        solved = solve_relu(samples, step, gap=gap, start=start, threads=threads)
        start = (solved.weight, solved.bias)
        yield solved


def _snapshots(steps: list[SolvedRows], live: torch.Tensor) -> Iterator[Snapshot]:
    yield Snapshot("start", torch.zeros(steps[0].weight.shape))
    for step in steps:
        yield Snapshot("penalty", torch.where(live[:, None], tensor(step.weight), 0.0))
