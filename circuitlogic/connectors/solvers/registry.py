"""The names of the connector solvers."""

from collections.abc import Callable

from circuitlogic.connectors.job import ConnectorJob, TrainedConnector
from circuitlogic.connectors.solvers import gradient, gram, proximal, relu
from circuitlogic.registry import Registry

_SOLVERS: Registry[Callable[[ConnectorJob], TrainedConnector]] = Registry(
    "connector solver",
    {
        "gradient": gradient.solve,
        "proximal": proximal.solve,
        "gram": gram.solve,
        "relu": relu.solve,
    },
)


def solver_named(name: str) -> Callable[[ConnectorJob], TrainedConnector]:
    """The solver registered under `name`."""
    return _SOLVERS[name]
