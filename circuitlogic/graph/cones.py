"""Walking the graph: breadth-first cones over prefixes of sorted neighbour lists, and strongest-path sweeps.

A path's strength is the product of |weight| along it. The graph is acyclic over its site order, so one pass
over the sites finds the strongest path exactly, for weights above 1 and edges that skip sites too.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitlogic.graph.adjacency import Adjacency
from circuitlogic.graph.columns import BoolArray, EdgeArrays, IntArray
from circuitlogic.graph.store import FeatureGraph


@dataclass(frozen=True, slots=True)
class EdgeFilter:
    """Which edges a walk follows."""

    above: np.float32
    """Only |weight| above it."""
    sign: str | None
    """`+` or `-`: only weights of that sign."""

    def followed(self, lists: Adjacency, owners: IntArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Positions in `lists` of the edges of `owners` to follow, and for each the row of its owner."""
        positions, counts = lists.positions(owners, self.above)
        rows = np.repeat(np.arange(owners.size), counts)
        if self.sign is None:
            return positions, rows
        weight = lists.weight[positions]
        keep = weight > 0 if self.sign == "+" else weight < 0
        return positions[keep], rows[keep]


@dataclass(frozen=True, slots=True, eq=False)
class Cone:
    """All nodes reachable from `nodes[start_row]`, and the edges followed."""

    nodes: NDArray[np.int64]
    """Node numbers, ascending."""
    depth: NDArray[np.int32]
    """Fewest edges from the start, shape [nodes]."""
    start_row: int
    """Where in `nodes` the start is."""
    near: NDArray[np.int64]
    """Row in `nodes` of each edge's end nearer to the start; edges are grouped by it, in sweeping order."""
    far: NDArray[np.int64]
    """Row in `nodes` of each edge's other end."""
    edges: EdgeArrays
    """The same edges with node numbers."""


def reach(
    lists: Adjacency, start: int, keep: EdgeFilter, depth: int | None = None, within: BoolArray | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Node numbers (ascending) and depths of all that `start` reaches through `lists`, itself included.

    Args:
        lists: In-edges for ancestors, out-edges for descendants.
        start: Node number.
        keep: Which edges to follow.
        depth: Follow at most so many edges.
        within: Only step on nodes where this is true, shape [all nodes].
    """
    seen = np.zeros(lists.indptr.size - 1, np.bool_)
    seen[start] = True
    frontier = np.array([start], np.int64)
    levels = [frontier]
    while frontier.size and (depth is None or len(levels) <= depth):
        positions, _ = keep.followed(lists, frontier)
        met = lists.neighbour[positions]
        fresh = ~seen[met]
        if within is not None:
            fresh &= within[met]
        frontier = np.unique(met[fresh]).astype(np.int64)
        seen[frontier] = True
        levels.append(frontier)
    nodes = np.concatenate(levels)
    depths = np.repeat(np.arange(len(levels), dtype=np.int32), [level.size for level in levels])
    order = np.argsort(nodes, kind="stable")
    return nodes[order], depths[order]


def cone(
    graph: FeatureGraph,
    start: int,
    backward: bool,
    keep: EdgeFilter,
    depth: int | None = None,
    within: BoolArray | None = None,
) -> Cone:
    """The ancestors (`backward`) or descendants of `start` with every edge followed on the way."""
    lists = graph.inputs if backward else graph.outputs
    nodes, depths = reach(lists, start, keep, depth, within)
    opened = np.arange(nodes.size) if depth is None else np.flatnonzero(depths < depth)
    if backward:
        opened = opened[::-1]
    positions, owners = keep.followed(lists, nodes[opened])
    other = lists.neighbour[positions]
    if within is not None:
        inside = within[other]
        positions, owners, other = positions[inside], owners[inside], other[inside]
    near, far = opened[owners], np.searchsorted(nodes, other)
    ends = (nodes[far], nodes[near]) if backward else (nodes[near], nodes[far])
    edges = EdgeArrays(*ends, lists.weight[positions], lists.raw_weight[positions])
    return Cone(nodes, depths, int(np.searchsorted(nodes, start)), near, far, edges)


def strongest(graph: FeatureGraph, walk: Cone) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each node of the cone the signed product of its strongest path to the start, and that path's edge.

    Ties go to the edge that comes first in the cone's order. Products outside float64 become 0 or infinite.
    """
    signed = np.zeros(walk.nodes.size)
    strength = np.full(walk.nodes.size, -1.0)
    via = np.full(walk.nodes.size, -1)
    signed[walk.start_row] = strength[walk.start_row] = 1.0
    for edges in _by_site(graph, walk, walk.near):
        far = walk.far[edges]
        with np.errstate(over="ignore", under="ignore"):
            offered = signed[walk.near[edges]] * walk.edges.weight[edges]
        before = strength[far]
        np.maximum.at(strength, far, np.abs(offered))
        better = (np.abs(offered) == strength[far]) & (strength[far] > before)
        last_wins = np.flatnonzero(better)[::-1]
        signed[far[last_wins]] = offered[last_wins]
        via[far[last_wins]] = edges.start + last_wins
    return signed, via


def _by_site(graph: FeatureGraph, walk: Cone, rows: NDArray[np.int64]) -> list[slice]:
    """The cone's edges cut where the site of `rows` changes; `rows` must be monotonic in node number."""
    sites = graph.site_of(walk.nodes)[rows]
    cuts = [0, *(np.flatnonzero(np.diff(sites)) + 1).tolist(), sites.size]
    return [slice(a, b) for a, b in pairwise(cuts) if b > a]


def strongest_routes(graph: FeatureGraph, walk: Cone, goal: int, count: int) -> list[list[int]]:
    """Up to `count` strongest paths from a forward cone's start to node `goal`, as lists of edge positions.

    Every node keeps its `count` best partial paths; sites are finished in order. Ties go to smaller numbers.
    """
    if count == 1:
        _, via = strongest(graph, walk)
        return [_walk_back(walk, via, goal)]
    size = walk.nodes.size
    strength = np.full((size, count), -1.0)
    via, rank = np.full((size, count), -1), np.full((size, count), -1)
    strength[walk.start_row, 0] = 1.0
    order = np.argsort(graph.site_of(walk.nodes)[walk.far], kind="stable")
    sites = graph.site_of(walk.nodes)[walk.far[order]]
    for group in np.split(order, np.flatnonzero(np.diff(sites)) + 1) if order.size else []:
        edge, far, came, product = _offers(walk, strength, group)
        place = np.lexsort((came, edge, -product, far))
        edge, far, came, product = edge[place], far[place], came[place], product[place]
        first = np.flatnonzero(np.diff(far, prepend=-1))
        nth = np.arange(far.size) - np.repeat(first, np.diff(np.append(first, far.size)))
        kept = nth < count
        at = far[kept], nth[kept]
        strength[at], via[at], rank[at] = product[kept], edge[kept], came[kept]
    row = int(np.searchsorted(walk.nodes, goal))
    return [_walk_back_ranked(walk, via, rank, row, n) for n in range(count) if via[row, n] >= 0]


def _offers(
    walk: Cone, strength: NDArray[np.float64], group: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Partial paths that the edges `group` extend: edge, row they lead to, rank at the near end, strength."""
    held = strength[walk.near[group]]
    which, came = np.nonzero(held >= 0)
    edge = group[which]
    with np.errstate(over="ignore", under="ignore"):
        product = held[which, came] * np.abs(walk.edges.weight[edge])
    return edge, walk.far[edge], came, product


def _walk_back(walk: Cone, via: NDArray[np.int64], goal: int) -> list[int]:
    route: list[int] = []
    row = int(np.searchsorted(walk.nodes, goal))
    while row != walk.start_row:
        route.append(int(via[row]))
        row = int(walk.near[route[-1]])
    return route[::-1]


def _walk_back_ranked(
    walk: Cone, via: NDArray[np.int64], rank: NDArray[np.int64], row: int, nth: int
) -> list[int]:
    route: list[int] = []
    while row != walk.start_row:
        route.append(int(via[row, nth]))
        row, nth = int(walk.near[route[-1]]), int(rank[row, nth])
    return route[::-1]
