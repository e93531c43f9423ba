"""Weights to edges: the connector entries above the threshold, as arrays."""

from collections.abc import Sequence

import numpy as np

from circuitlogic.connectors.model import Connector
from circuitlogic.errors import NothingLeftError
from circuitlogic.graph.columns import EdgeArrays


def weights_to_edges(connector: Connector, threshold: float) -> EdgeArrays:
    """Edges with |unit-scale weight| above `threshold`; source and target count from 0 within their sites."""
    unit = connector.unit_weight.numpy()
    target, source = np.nonzero(np.abs(unit) > threshold)
    return EdgeArrays(
        source=source.astype(np.int64),
        target=target.astype(np.int64),
        weight=unit[target, source].astype(np.float64),
        raw_weight=connector.weight.numpy()[target, source].astype(np.float64),
    )


def require_edges(connectors: Sequence[Connector], edges: Sequence[EdgeArrays], threshold: float) -> None:
    """Refuse a threshold that leaves no edge at all.

    Raises:
        NothingLeftError: says how strong the strongest weight is.
    """
    if any(len(e) for e in edges):
        return
    strongest = max(float(c.unit_weight.abs().max()) for c in connectors)
    raise NothingLeftError(
        f"no edge has |weight| above {threshold:g}; the strongest is {strongest:.3g}: choose a lower --threshold"
    )
