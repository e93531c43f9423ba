"""Linear connectors by their sufficient statistics: one pass over the samples, rows solved to a certified gap."""

from collections.abc import Iterator

import numpy as np
import torch

from circuitlogic.connectors.gram_statistics import CentredProblem, centred, gram_statistics, total
from circuitlogic.connectors.job import ConnectorJob, Snapshot, TrainedConnector, certificate
from circuitlogic.connectors.lasso import SolvedRows, largest_penalties, lasso_path
from circuitlogic.connectors.penalty_path import choose_penalties, stages_to
from circuitlogic.connectors.products import SparseRows
from circuitlogic.connectors.relu_rows import samples_of

_BATCH = 4096
_STAGES = 6


def solve(job: ConnectorJob) -> TrainedConnector:
    """Solve mean ½ (F_out - W F_in - b)² + λ Σ |W| at the path's or the given λ.

    Raises:
        DataError: a feature that is not finite.
        ConfigError: a path without meaning.
    """
    config, threads = job.config, torch.get_num_threads()
    live = job.pairs.target.statistics.live
    n_in, n_out = len(job.pairs.source.statistics.scales), len(live)
    folds = gram_statistics(numpy_batches(job), n_in, n_out, config.folds if config.penalties else 1)
    problem = centred(total(folds))
    penalties = np.full(n_out, config.l1)
    if config.penalties:
        penalties = choose_penalties(
            folds, config.penalties, config.penalty_ratio, gap=config.gap, threads=threads
        ).penalties
    way = stages_to(penalties, largest_penalties(problem), _STAGES)
    steps = list(lasso_path(problem, way, gap=config.gap, threads=threads))
    solved = steps[-1]
    return TrainedConnector(
        job.connector(tensor(solved.weight), tensor(solved.bias)),
        tuple(_snapshots(steps, live)),
        tuple(_objective(problem, step) for step in steps),
        certificate(tensor(solved.gaps)[live], tensor(solved.penalties)[live]),
    )


def numpy_batches(job: ConnectorJob) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Unit-scale features of both sites in stored order."""
    steps = -(-len(job.pairs) // _BATCH)
    batches = job.progress.track(job.pairs.batches(_BATCH, None), job.name, steps)
    for source, target in batches:
        yield source.numpy(), target.numpy()


def encoded_samples(job: ConnectorJob) -> tuple[SparseRows, SparseRows]:
    """Unit-scale features of both sites as CSR; encoded once per job.

    Raises:
        DataError: a number that is not finite.
    """
    if not job.encoded:
        sizes = (len(job.pairs.source.statistics.scales), len(job.pairs.target.statistics.scales))
        job.encoded.append(samples_of(numpy_batches(job), *sizes))
    return job.encoded[0]


def _objective(problem: CentredProblem, step: SolvedRows) -> float:
    """Penalised objective, summed over outputs."""
    w = step.weight
    square = problem.energy - 2 * (w * problem.cross).sum(1) + ((w @ problem.gram) * w).sum(1)
    return float((0.5 * np.maximum(square, 0.0) + step.penalties * np.abs(w).sum(1)).sum())


def _snapshots(steps: list[SolvedRows], live: torch.Tensor) -> Iterator[Snapshot]:
    yield Snapshot("start", torch.zeros(steps[0].weight.shape))
    for step in steps:
        weight = torch.where(live[:, None], tensor(step.weight), 0.0)
        yield Snapshot("penalty", weight)


def tensor(values: np.ndarray) -> torch.Tensor:
    """As float32, which connectors are kept in."""
    return torch.from_numpy(values).float()
