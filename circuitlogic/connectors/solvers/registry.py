"""The names of the connector solvers."""

from collections.abc import Callable

from circuitlogic.connectors.job import ConnectorJob, TrainedConnector
from circuitlogic.connectors.solvers import gradient, gram, proximal, relu
from circuitlogic.errors import unknown_name

_SOLVERS: dict[str, Callable[[ConnectorJob], TrainedConnector]] = {
    "gradient": gradient.solve,
    "proximal": proximal.solve,
    "gram": gram.solve,
    "relu": relu.solve,
}


def solver_named(name: str) -> Callable[[ConnectorJob], TrainedConnector]:
    """The solver registered under `name`."""
    if name not in _SOLVERS:
        raise unknown_name("connector solver", name, _SOLVERS)
    return _SOLVERS[name]
