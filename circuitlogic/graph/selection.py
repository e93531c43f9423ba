"""Which of an answer's features stay: those at the sites asked for, and the most influential of them."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from circuitlogic.graph.filters import at_sites, counted
from circuitlogic.graph.subgraph import SubGraph


def choose(answer: SubGraph, sites: Collection[str] | None, limit: int | None) -> SubGraph:
    """Keep only features of `sites` and the `limit` most influential (without influence: first) of them.

    The features asked about stay.

    Raises:
        UnknownNameError: there is no such site.
        ConfigError: `limit` is below 1.
    """
    counted("limit", limit)
    if sites is None and limit is None:
        return answer
    nodes = answer.nodes
    is_start = np.isin(nodes, answer.starts)
    kept = np.ones(nodes.size, np.bool_)
    if sites is not None:
        kept &= is_start | at_sites(answer.graph, nodes, sites)
    left_out = 0
    if limit is not None:
        ranked = np.flatnonzero(kept & ~is_start)
        if answer.influence is not None:
            ranked = ranked[np.lexsort((nodes[ranked], -np.abs(answer.influence[ranked])))]
        kept[ranked[limit:]] = False
        left_out = max(0, ranked.size - limit)
    return replace(answer.taking(np.flatnonzero(kept)), left_out=left_out)
