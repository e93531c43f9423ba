"""The one place that names the keys of node and edge attributes in NetworkX views and exported formats.

A key that is not known for a node is absent: no `None`, no NaN, so that every format can carry the data.
"""

from dataclasses import dataclass
from typing import TypedDict


class NodeData(TypedDict, total=False):
    """Attributes of one feature; the node itself is the string `site/index`."""

    site: str
    index: int
    label: str
    kind: str
    firing_rate: float
    scale: float
    bias: float
    fidelity: float
    """Held-out F1 of the gate's formula."""
    depth: int
    """Fewest edges to the feature asked about; only in answers that start from one."""
    influence: float
    """Strongest signed path weight between the two; only in answers that start from a feature."""


class EdgeData(TypedDict):
    """Attributes of one edge."""

    weight: float
    raw_weight: float


@dataclass(frozen=True, slots=True)
class GraphKeys:
    """Attributes of the whole graph, in `view.graph` and in the formats that have a place for them."""

    sites: str = "sites"
    """JSON text: a list of `{"name": ..., "size": ...}` in topological order."""
    threshold: str = "threshold"
    """Edges have |weight| above it."""


GRAPH_KEYS = GraphKeys()
