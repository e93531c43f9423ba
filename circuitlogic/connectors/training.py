"""One connector on the true features of its two sites, by the solver its config names, then refitted."""

from torch import Tensor

from circuitlogic.config import ConnectorConfig
from circuitlogic.connectors.feature_pairs import FeaturePairs
from circuitlogic.connectors.job import ConnectorJob, TrainedConnector
from circuitlogic.connectors.refit import refit
from circuitlogic.connectors.solvers.descent import adam_step_sizes, linear_tail
from circuitlogic.connectors.solvers.registry import solver_named
from circuitlogic.progress import SILENT, Progress

__all__ = ["TrainedConnector", "adam_step_sizes", "linear_tail", "train_connector"]


def train_connector(
    pairs: FeaturePairs,
    affine: tuple[Tensor, Tensor] | None,
    config: ConnectorConfig,
    seed: int,
    progress: Progress = SILENT,
) -> TrainedConnector:
    """Learn F_out = ReLU(W F_in + b); rows of dead outputs stay empty.

    Args:
        pairs: Training samples.
        affine: The network's own layer between the sites, for the analytic start.
        config: Solver, start, penalty, schedule, refit.
        seed: Of the start and the order of samples.
        progress: Told of every epoch.

    Raises:
        DataError: features or the objective became NaN or infinite.
    """
    job = ConnectorJob(pairs, affine, config, seed, progress)
    return refit(job, solver_named(config.solver)(job))
