"""Adam with a soft threshold after every step, on the convexified ReLU loss: exact zeros, any device, any size."""

from circuitlogic.connectors.job import ConnectorJob, TrainedConnector
from circuitlogic.connectors.solvers.descent import descend
from circuitlogic.connectors.solvers.objectives import Objective, convexified_loss, soft_threshold

OBJECTIVE = Objective("unit", convexified_loss, soft_threshold)


def solve(job: ConnectorJob) -> TrainedConnector:
    """Descend on the penalised convexified loss.

    Raises:
        DataError: the objective became NaN or infinite.
    """
    return descend(job, OBJECTIVE)
