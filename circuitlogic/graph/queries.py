"""The questions a feature graph answers: what feeds a feature, what it feeds, how two features hang together.

Every function takes the graph, then features as `FeatureId` or `site/index`, and gives a `SubGraph`.
`min_weight` keeps edges with |weight| above it: `min_weight=t` asks what `graph.thresholded(t)` would answer.
An empty answer says in `.explanation` why it is empty.

Raised by all: `UnknownNameError` for a site or feature that does not exist, `ConfigError` for a setting that
makes no sense.
"""

from collections.abc import Collection
from typing import TypeAlias

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.graph import explain
from circuitlogic.graph.columns import EdgeArrays
from circuitlogic.graph.cones import Cone, EdgeFilter, cone, reach, strongest, strongest_routes
from circuitlogic.graph.selection import check_count, choose, edge_filter
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.subgraph import Path, SubGraph

Feature: TypeAlias = FeatureId | str


def whole(graph: FeatureGraph) -> SubGraph:
    """The whole graph as an answer, isolated features included."""
    return SubGraph(graph, np.zeros(0, np.int64), np.arange(len(graph)), graph.edges())


def ancestors(
    graph: FeatureGraph,
    feature: Feature,
    depth: int | None = None,
    min_weight: float = 0.0,
    sign: str | None = None,
    sites: Collection[str] | None = None,
    limit: int | None = None,
) -> SubGraph:
    """All features with a path to `feature` (its input cone), with the edges on the way.

    Args:
        graph: The graph to ask.
        feature: Where to start.
        depth: At most so many edges away; None for no bound.
        min_weight: Follow only edges with |weight| above it.
        sign: Follow only positive (`+`) or negative (`-`) edges.
        sites: Keep only features of these sites in the answer; paths may pass through others.
        limit: Keep only so many features, those with the strongest |influence|.
    """
    return _cone(graph, feature, True, depth, edge_filter(min_weight, sign), sites, limit)


def descendants(
    graph: FeatureGraph,
    feature: Feature,
    depth: int | None = None,
    min_weight: float = 0.0,
    sign: str | None = None,
    sites: Collection[str] | None = None,
    limit: int | None = None,
) -> SubGraph:
    """All features that `feature` has a path to, with the edges on the way; settings as for `ancestors`."""
    return _cone(graph, feature, False, depth, edge_filter(min_weight, sign), sites, limit)


def neighbors(
    graph: FeatureGraph,
    feature: Feature,
    min_weight: float = 0.0,
    sign: str | None = None,
    sites: Collection[str] | None = None,
    limit: int | None = None,
) -> SubGraph:
    """The features one edge away, inputs and outputs; settings as for `ancestors`."""
    start, keep = graph.node(feature), edge_filter(min_weight, sign)
    walks = [cone(graph, start, backward, keep, depth=1) for backward in (True, False)]
    nodes, first = np.unique(np.concatenate([walk.nodes for walk in walks]), return_index=True)
    depth = np.concatenate([walk.depth for walk in walks])[first]
    influence = np.concatenate([strongest(graph, walk)[0] for walk in walks])[first]
    edges = EdgeArrays.concatenate(walk.edges for walk in walks)
    answer = SubGraph(graph, np.array([start]), nodes, edges, depth, influence)
    chosen = choose(answer, sites, limit)
    return chosen.with_explanation(explain.no_neighbors(chosen, keep, sites)) if chosen.is_empty else chosen


def path(
    graph: FeatureGraph, a: Feature, b: Feature, k: int = 1, min_weight: float = 0.0, sign: str | None = None
) -> SubGraph:
    """The `k` strongest directed paths from `a` to `b`, ranked by the product of |weight|, exactly.

    `.paths` has them, strongest first; nodes and edges are their union, depth and influence count from `a`.
    """
    check_count("k", k)
    start, goal, keep = graph.node(a), graph.node(b), edge_filter(min_weight, sign)
    walk = _between(graph, start, goal, keep)
    if walk is None:
        return _unconnected(graph, start, goal, keep)
    routes = strongest_routes(graph, walk, goal, k)
    found = tuple(_path(graph, walk, route) for route in routes)
    used = np.unique(np.concatenate([np.array(route, np.int64) for route in routes]))
    rows = np.unique(np.append(np.concatenate([walk.near[used], walk.far[used]]), walk.start_row))
    influence, _ = strongest(graph, walk)
    answer = SubGraph(
        graph,
        np.unique([start, goal]),
        walk.nodes[rows],
        walk.edges.where(used),
        walk.depth[rows],
        influence[rows],
        paths=found,
    )
    return choose(answer, None, None)


def between(
    graph: FeatureGraph, a: Feature, b: Feature, min_weight: float = 0.0, sign: str | None = None
) -> SubGraph:
    """All features and edges on any directed path from `a` to `b`; depth and influence count from `a`."""
    start, goal, keep = graph.node(a), graph.node(b), edge_filter(min_weight, sign)
    walk = _between(graph, start, goal, keep)
    if walk is None:
        return _unconnected(graph, start, goal, keep)
    influence, _ = strongest(graph, walk)
    ends = np.unique([start, goal])
    return choose(SubGraph(graph, ends, walk.nodes, walk.edges, walk.depth, influence), None, None)


def common(
    graph: FeatureGraph,
    a: Feature,
    b: Feature,
    depth: int | None = None,
    min_weight: float = 0.0,
    sign: str | None = None,
    sites: Collection[str] | None = None,
    limit: int | None = None,
) -> SubGraph:
    """The ancestors that `a` and `b` share, with the edges among them and to `a` and `b`.

    Depth is to the nearer of the two, influence is on the one that the feature influences less. Settings as
    for `ancestors`.
    """
    keep = edge_filter(min_weight, sign)
    check_count("depth", depth)
    starts = np.unique([graph.node(a), graph.node(b)])
    walks = [cone(graph, int(start), True, keep, depth) for start in starts]
    shared = walks[0].nodes
    for walk in walks[1:]:
        shared = np.intersect1d(shared, walk.nodes, assume_unique=True)
    nodes = np.union1d(np.setdiff1d(shared, starts), starts)
    far = np.full((len(walks), nodes.size), np.iinfo(np.int32).max)
    felt = np.full((len(walks), nodes.size), np.inf)
    for side, walk in enumerate(walks):
        inside = np.isin(walk.nodes, nodes)
        rows = np.searchsorted(nodes, walk.nodes[inside])
        far[side, rows], felt[side, rows] = walk.depth[inside], strongest(graph, walk)[0][inside]
    weaker = np.argmin(np.abs(felt), axis=0)
    influence = felt[weaker, np.arange(nodes.size)]
    influence[np.isin(nodes, starts)] = 1.0
    followed = _without_doubles(EdgeArrays.concatenate(walk.edges for walk in walks), len(graph))
    edges = followed.where(np.isin(followed.source, nodes) & np.isin(followed.target, nodes))
    chosen = choose(SubGraph(graph, starts, nodes, edges, far.min(axis=0), influence), sites, limit)
    return chosen.with_explanation(explain.nothing_common(chosen, keep)) if chosen.is_empty else chosen


def roots(graph: FeatureGraph, min_weight: float = 0.0, isolated: bool = False) -> SubGraph:
    """Features with outputs and no inputs; `isolated` adds those that have neither."""
    return _ends(graph, True, min_weight, isolated)


def leaves(graph: FeatureGraph, min_weight: float = 0.0, isolated: bool = False) -> SubGraph:
    """Features with inputs and no outputs; `isolated` adds those that have neither."""
    return _ends(graph, False, min_weight, isolated)


def find(
    graph: FeatureGraph,
    label: str | None = None,
    kind: str | None = None,
    min_fan_in: int | None = None,
    site: str | None = None,
    min_weight: float = 0.0,
) -> SubGraph:
    """Features that meet every condition given, in site order, without edges.

    Args:
        graph: The graph to ask.
        label: Part of the label; case does not matter.
        kind: Name of the gate kind.
        min_fan_in: At least so many inputs (with |weight| above `min_weight`).
        site: Only features of this site.
        min_weight: Edges at or below it do not count.
    """
    nodes = np.arange(len(graph)) if site is None else np.array(graph.members(site), np.int64)
    if label is not None:
        part, column = label.casefold(), graph.nodes.label
        nodes = nodes[[part in text.casefold() for text in column.take(nodes)]] if nodes.size else nodes
    if kind is not None:
        nodes = nodes[[text == kind for text in graph.nodes.kind.take(nodes)]] if nodes.size else nodes
    keep = edge_filter(min_weight, None)
    if min_fan_in is not None:
        nodes = nodes[graph.inputs.degree(nodes, keep.above) >= min_fan_in]
    answer = SubGraph(graph, np.zeros(0, np.int64), nodes, EdgeArrays.empty())
    if answer.is_empty:
        return answer.with_explanation(explain.nothing_found(graph, label, kind, min_fan_in, site))
    return answer


def _cone(
    graph: FeatureGraph,
    feature: Feature,
    backward: bool,
    depth: int | None,
    keep: EdgeFilter,
    sites: Collection[str] | None,
    limit: int | None,
) -> SubGraph:
    check_count("depth", depth)
    start = graph.node(feature)
    walk = cone(graph, start, backward, keep, depth)
    influence, _ = strongest(graph, walk)
    answer = SubGraph(graph, np.array([start]), walk.nodes, walk.edges, walk.depth, influence)
    chosen = choose(answer, sites, limit)
    if not chosen.is_empty:
        return chosen
    return chosen.with_explanation(explain.empty_cone(chosen, backward, keep, sites))


def _between(graph: FeatureGraph, start: int, goal: int, keep: EdgeFilter) -> Cone | None:
    """The forward cone of `start` confined to what leads to `goal`; None where no edge does."""
    if start == goal:
        return None
    leading, _ = reach(graph.inputs, goal, keep)
    within = np.zeros(len(graph), np.bool_)
    within[leading] = True
    if not within[start]:
        return None
    return cone(graph, start, False, keep, within=within)


def _unconnected(graph: FeatureGraph, start: int, goal: int, keep: EdgeFilter) -> SubGraph:
    loose = EdgeFilter(np.float32(0), keep.sign)
    walk = _between(graph, start, goal, loose) if keep.above > 0 else None
    weakest = None
    if walk is not None:
        route = strongest_routes(graph, walk, goal, 1)[0]
        weakest = float(np.abs(walk.edges.weight[route]).min())
    text = explain.no_path(graph, start, goal, keep, weakest)
    ends = np.unique([start, goal])
    return SubGraph(graph, ends, ends, EdgeArrays.empty(), explanation=text)


def _path(graph: FeatureGraph, walk: Cone, route: list[int]) -> Path:
    nodes = np.append(walk.nodes[[walk.start_row]], walk.edges.target[route])
    weights = tuple(walk.edges.weight[route].astype(np.float64).tolist())
    with np.errstate(over="ignore", under="ignore"):
        product = float(np.multiply.reduce(np.array(weights, np.float64)))
    return Path(graph.features(nodes), weights, product)


def _ends(graph: FeatureGraph, first: bool, min_weight: float, isolated: bool) -> SubGraph:
    above, everyone = edge_filter(min_weight, None).above, np.arange(len(graph))
    behind, ahead = (graph.inputs, graph.outputs) if first else (graph.outputs, graph.inputs)
    chosen = behind.degree(everyone, above) == 0
    if not isolated:
        chosen &= ahead.degree(everyone, above) > 0
    answer = SubGraph(graph, np.zeros(0, np.int64), np.flatnonzero(chosen), EdgeArrays.empty())
    return answer.with_explanation(explain.no_edges(graph, above)) if answer.is_empty else answer


def _without_doubles(edges: EdgeArrays, total: int) -> EdgeArrays:
    _, first = np.unique(edges.source.astype(np.int64) * total + edges.target, return_index=True)
    return edges.where(np.sort(first))
