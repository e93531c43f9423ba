"""The seed's solver: plain gradient descent on raw features, MSE plus the mean of |W|. Leaves no exact zeros."""

from circuitlogic.connectors.job import ConnectorJob, TrainedConnector
from circuitlogic.connectors.solvers.descent import descend
from circuitlogic.connectors.solvers.objectives import Objective, no_step, seed_loss

OBJECTIVE = Objective("raw", seed_loss, no_step)


def solve(job: ConnectorJob) -> TrainedConnector:
    """Descend on the seed's objective.

    Raises:
        DataError: the objective became NaN or infinite.
    """
    return descend(job, OBJECTIVE)
