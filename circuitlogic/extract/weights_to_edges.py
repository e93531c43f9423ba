"""Weights to edges: the connector entries above the threshold, as arrays."""

from collections.abc import Sequence

import numpy as np

from circuitlogic.connectors.model import Connector
from circuitlogic.errors import NothingLeftError
from circuitlogic.graph.columns import EdgeArrays

_ROWS = 1024
"""Output features whose weights are scaled at a time: no second matrix beside the connector's is made."""


def weights_to_edges(connector: Connector, threshold: float, rows: int = _ROWS) -> EdgeArrays:
    """Edges with |unit-scale weight| above `threshold`; source and target count from 0 within their sites.

    One pass over the connector, `rows` output features at a time; the edges are the same for any number.
    """
    parts = [_edges_of(connector, threshold, first, rows) for first in range(0, len(connector.weight), rows)]
    return EdgeArrays.concatenate(parts)


def _edges_of(connector: Connector, threshold: float, first: int, rows: int) -> EdgeArrays:
    raw = connector.weight[first : first + rows]
    unit = (raw * connector.source_scales / connector.target_scales[first : first + rows, None]).numpy()
    target, source = np.nonzero(np.abs(unit) > threshold)
    return EdgeArrays(
        source=source.astype(np.int64),
        target=target.astype(np.int64) + first,
        weight=unit[target, source].astype(np.float64),
        raw_weight=raw.numpy()[target, source].astype(np.float64),
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
