"""Edges to graph: all connectors' edges and all dictionaries' features in one feature graph."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.extract.weights_to_edges import require_edges, weights_to_edges
from circuitlogic.graph.columns import EdgeArrays, NodeColumns
from circuitlogic.graph.store import FeatureGraph


def edges_to_graph(
    dictionaries: Sequence[Dictionary], connectors: Sequence[Connector], threshold: float
) -> FeatureGraph:
    """The feature graph of a chain of connectors.

    Raises:
        NothingLeftError: no edge is above `threshold`.
    """
    sizes = [len(d.statistics.scales) for d in dictionaries]
    sites = [d.site for d in dictionaries]
    offset = dict(zip(sites, np.cumsum([0, *sizes]).tolist(), strict=False))
    parts = [weights_to_edges(connector, threshold) for connector in connectors]
    require_edges(connectors, parts, threshold)
    shifted = [e.shifted(offset[c.source], offset[c.target]) for c, e in zip(connectors, parts, strict=True)]
    nodes = NodeColumns.of(
        sum(sizes),
        firing_rate=np.concatenate([_numbers(d.statistics.rates) for d in dictionaries]),
        scale=np.concatenate([_numbers(d.statistics.scales) for d in dictionaries]),
        bias=_biases(sites, sizes, connectors),
    )
    return FeatureGraph.from_edges(
        tuple(sites), tuple(sizes), EdgeArrays.concatenate(shifted), nodes, threshold
    )


def _biases(
    sites: Sequence[str], sizes: Sequence[int], connectors: Sequence[Connector]
) -> NDArray[np.float64]:
    """Unit-scale bias of every feature; NaN at sites that no connector predicts."""
    known = {c.target: _numbers(c.unit_bias) for c in connectors}
    return np.concatenate([known.get(s, np.full(n, np.nan)) for s, n in zip(sites, sizes, strict=True)])


def _numbers(tensor: object) -> NDArray[np.float64]:
    return np.asarray(tensor, dtype=np.float64)
