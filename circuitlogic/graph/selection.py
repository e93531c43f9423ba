"""The settings that questions share: which edges to follow, which features to keep, in which order."""

from collections.abc import Collection

import numpy as np

from circuitlogic.errors import ConfigError
from circuitlogic.graph.columns import BoolArray, IntArray
from circuitlogic.graph.cones import EdgeFilter
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.subgraph import SubGraph


def edge_filter(min_weight: float, sign: str | None) -> EdgeFilter:
    """The edges to follow.

    Raises:
        ConfigError: `min_weight` is negative or not finite, or `sign` is neither `+` nor `-` nor None.
    """
    if not (np.isfinite(min_weight) and min_weight >= 0):
        raise ConfigError(f"min_weight {min_weight} makes no sense: give a number from 0 up")
    if sign not in (None, "+", "-"):
        raise ConfigError(f"sign {sign!r} makes no sense: give '+' or '-', or leave it out for both")
    return EdgeFilter(np.float32(min_weight), sign)


def check_count(name: str, count: int | None) -> None:
    """Refuse a count below 1; None means no bound.

    Raises:
        ConfigError: `count` is below 1.
    """
    if count is not None and count < 1:
        raise ConfigError(f"{name} {count} makes no sense: give a number from 1 up")


def choose(answer: SubGraph, sites: Collection[str] | None, limit: int | None) -> SubGraph:
    """Keep only features of `sites` and the `limit` most influential; put the nodes in the answer's order."""
    check_count("limit", limit)
    graph, nodes, depth, influence = answer.graph, answer.nodes, answer.depth, answer.influence
    if depth is None or influence is None:
        raise ValueError("only answers with depth and influence can be ranked")
    is_start = np.isin(nodes, answer.starts)
    kept = np.ones(nodes.size, np.bool_)
    if sites is not None:
        kept &= is_start | _at_sites(graph, nodes, sites)
    strength = np.abs(influence)
    left_out = 0
    if limit is not None:
        ranked = np.flatnonzero(kept & ~is_start)
        ranked = ranked[np.lexsort((nodes[ranked], -strength[ranked]))]
        kept[ranked[limit:]] = False
        left_out = max(0, ranked.size - limit)
    order = np.lexsort((nodes, -strength, depth))
    order = order[kept[order]]
    edges = answer.edges
    if not kept.all():
        inside = np.zeros(len(graph), np.bool_)
        inside[nodes[kept]] = True
        edges = edges.where(inside[edges.source] & inside[edges.target])
    return SubGraph(
        graph, answer.starts, nodes[order], edges, depth[order], influence[order], answer.paths, "", left_out
    )


def _at_sites(graph: FeatureGraph, nodes: IntArray, sites: Collection[str]) -> BoolArray:
    chosen = np.zeros(nodes.size, np.bool_)
    for site in sites:
        members = graph.members(site)
        chosen |= (nodes >= members.start) & (nodes < members.stop)
    return chosen
