"""Owns the way from a query's answer to what a cone diagram is drawn from."""

from circuitlogic.errors import NothingLeftError
from circuitlogic.features import FeatureId
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.queries import ancestors
from circuitlogic.render.circuit import Circuit, CircuitEdge, CircuitNode


def cone_circuit(graph: BaseGraph, feature: str, depth: int, min_weight: float) -> tuple[Circuit, FeatureId]:
    """The input cone of `feature`, and the feature.

    Raises:
        NothingLeftError: it has no inputs above `min_weight`.
    """
    answer = ancestors(graph, feature, depth=depth, min_weight=min_weight)
    if answer.is_empty:
        raise NothingLeftError(answer.explanation)
    nodes = tuple(
        CircuitNode(FeatureId.parse(name), data.get("label", ""), data.get("kind", ""))
        for name, data in answer.node_items()
    )
    edges = tuple(
        CircuitEdge(FeatureId.parse(source), FeatureId.parse(target), data["weight"])
        for source, target, data in answer.edge_items()
    )
    return Circuit(nodes, edges), FeatureId.parse(feature)
