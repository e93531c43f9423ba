"""The questions a feature graph answers: what feeds a feature, what it feeds, how two features hang together.

Every function takes the graph, then features as `FeatureId` or `site/index`, then filters by name
(`circuitlogic.graph.filters`), and gives a `SubGraph`. `FeatureGraph` has each of them as a method.
`min_weight` keeps edges with |weight| above it: `min_weight=t` asks what `graph.thresholded(t)` would answer.
An empty answer says in `.explanation` why it is empty.

Raised by all: `UnknownNameError` for a site or feature that does not exist, `ConfigError` for a setting that
makes no sense.
"""

from dataclasses import replace
from typing import TypeAlias, Unpack

import numpy as np

from circuitlogic.errors import ConfigError, DataError
from circuitlogic.features import FeatureId
from circuitlogic.graph import explain, walks
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.columns import EdgeArrays, RealArray
from circuitlogic.graph.cones import Cone, cone
from circuitlogic.graph.filters import (
    ConeFilters,
    Filters,
    PathFilters,
    Rule,
    at_sites,
    counted,
    edge_rule,
    mask,
    passable,
)
from circuitlogic.graph.paths import edges_along, path_of, steps, strongest_routes
from circuitlogic.graph.selection import choose
from circuitlogic.graph.subgraph import SubGraph, Told

Feature: TypeAlias = FeatureId | str


def whole(graph: BaseGraph) -> SubGraph:
    """The whole graph as an answer, isolated features included."""
    return SubGraph(graph, (), np.arange(len(graph)), Told(graph.edges))


def ancestors(graph: BaseGraph, feature: Feature, **only: Unpack[ConeFilters]) -> SubGraph:
    """All features with a path to `feature` (its input cone), with the edges on the way."""
    return _cone(graph, feature, True, only)


def descendants(graph: BaseGraph, feature: Feature, **only: Unpack[ConeFilters]) -> SubGraph:
    """All features that `feature` has a path to, with the edges on the way."""
    return _cone(graph, feature, False, only)


def neighbors(graph: BaseGraph, feature: Feature, **only: Unpack[Filters]) -> SubGraph:
    """The features one edge away, inputs and outputs."""
    start, rule = graph.node(feature), edge_rule(only)
    behind, ahead = (cone(graph, start, backward, rule, depth=1) for backward in (True, False))
    nodes = np.concatenate([behind.nodes[:1], np.union1d(behind.nodes[1:], ahead.nodes[1:])])

    def influence() -> RealArray:
        felt, passed = behind.influences()[nodes], ahead.influences()[nodes]
        return np.where(np.abs(felt) >= np.nan_to_num(np.abs(passed)), felt, passed)

    def edges() -> EdgeArrays:
        outputs = ahead.edges()
        return EdgeArrays.concatenate([behind.edges(), outputs.where(outputs.target != start)])

    answer = SubGraph(
        graph,
        (start,),
        nodes,
        Told(edges, lambda: np.minimum(np.arange(nodes.size), 1), influence),
    )
    chosen = choose(answer, only.get("sites"), only.get("limit"))
    if not chosen.is_empty:
        return chosen
    return chosen.with_explanation(explain.no_neighbors(chosen, rule, only.get("sites")))


def between(graph: BaseGraph, a: Feature, b: Feature, **only: Unpack[ConeFilters]) -> SubGraph:
    """All features and edges on any directed path from `a` to `b`; depth and influence count from `a`.

    Where edges lead in circles a path may pass a feature more than once.
    """
    start, goal, rule = graph.node(a), graph.node(b), edge_rule(only)
    depth = counted("depth", only.get("depth"))
    behind = cone(graph, goal, True, rule, depth)
    if start == goal or start not in behind.nodes:
        return _unconnected(graph, start, goal, only)
    ahead = cone(graph, start, False, rule, depth, mask(graph, behind.nodes))
    ends = tuple(sorted((start, goal)))
    answer = SubGraph(graph, ends, ahead.nodes, ahead)
    if depth is not None:
        answer = _short_enough(answer, behind, depth)
    return choose(answer, only.get("sites"), only.get("limit"))


def _short_enough(answer: SubGraph, behind: Cone, depth: int) -> SubGraph:
    """Of what lies between, only what lies on a path of at most `depth` edges."""
    far = np.full(len(answer.graph), np.iinfo(np.int32).max // 2)
    to_goal, from_start = far.copy(), far.copy()
    to_goal[behind.nodes] = behind.depth()
    from_start[answer.nodes] = answer.depth if answer.depth is not None else 0
    kept = answer.taking(np.flatnonzero((to_goal + from_start)[answer.nodes] <= depth))
    edges = kept.edges
    short = from_start[edges.source] + 1 + to_goal[edges.target] <= depth
    details = Told(lambda: edges.where(short), lambda: kept.depth, lambda: kept.influence)
    return replace(kept, details=details)


def common(graph: BaseGraph, a: Feature, b: Feature, **only: Unpack[ConeFilters]) -> SubGraph:
    """The ancestors that `a` and `b` share, with the edges among them and to `a` and `b`.

    Depth is to the nearer of the two, influence is on the one that the feature influences less.
    """
    rule, depth = edge_rule(only), counted("depth", only.get("depth"))
    starts = tuple(sorted({graph.node(a), graph.node(b)}))
    cones = [cone(graph, start, True, rule, depth) for start in starts]
    shared = cones[0].nodes
    for other in cones[1:]:
        shared = np.intersect1d(shared, other.nodes, assume_unique=True)
    nodes = np.union1d(np.array(starts, np.int32), shared)
    far = np.full(len(graph), np.iinfo(np.int32).max)
    for side in cones:
        far[side.nodes] = np.minimum(far[side.nodes], side.depth())
    nodes = nodes[np.lexsort((nodes, far[nodes]))]
    hops = far[nodes]

    def edges() -> EdgeArrays:
        inside = mask(graph, nodes)
        opened = np.unique(np.concatenate([side.opened for side in cones]))
        opened = opened[inside[opened] != 0]
        most = int(graph.inputs.degree(opened, rule.above).sum())
        near, source, weight, raw = walks.gather(graph.inputs, opened, rule.above, rule.sign, inside, most)
        return EdgeArrays(source, near, weight, raw)

    def influence() -> RealArray:
        felt = np.stack([side.influences()[nodes] for side in cones])
        weaker = felt[np.argmin(np.abs(felt), axis=0), np.arange(nodes.size)]
        return np.where(np.isin(nodes, starts), 1.0, weaker)

    answer = SubGraph(graph, starts, nodes, Told(edges, lambda: hops, influence))
    chosen = choose(answer, only.get("sites"), only.get("limit"))
    return chosen.with_explanation(explain.nothing_common(chosen, rule)) if chosen.is_empty else chosen


def path(graph: BaseGraph, a: Feature, b: Feature, k: int = 1, **only: Unpack[PathFilters]) -> SubGraph:
    """The `k` strongest directed paths from `a` to `b`, ranked by the product of |weight|, exactly.

    `.paths` has them, strongest first; nodes and edges are their union, depth and influence count from `a`.

    Raises:
        DataError: a circle between the two makes paths stronger each time round, so that there is no strongest.
    """
    counted("k", k)
    ends, rule = (graph.node(a), graph.node(b)), edge_rule(only)
    depth, within = counted("depth", only.get("depth")), passable(graph, only.get("sites"), np.array(ends))
    routes = strongest_routes(graph, ends, k, depth, rule, within)
    if not routes:
        return _unconnected(graph, *ends, only)
    found = tuple(path_of(graph, route) for route in routes)
    nodes, hops, felt = steps(routes, found)
    used = np.unique(np.concatenate([edges_along(graph, route) for route in routes]))
    details = Told(lambda: graph.edges_at(used), lambda: hops, lambda: felt)
    return SubGraph(graph, tuple(sorted(set(ends))), nodes, details, paths=found)


def roots(
    graph: BaseGraph, isolated: bool = False, of: Feature | None = None, **only: Unpack[ConeFilters]
) -> SubGraph:
    """Features with outputs and no inputs; `isolated` adds those that have neither.

    With `of`: the ancestors of that feature that have no inputs, where its ancestry begins.
    """
    return _ends(graph, True, isolated, of, only)


def leaves(
    graph: BaseGraph, isolated: bool = False, of: Feature | None = None, **only: Unpack[ConeFilters]
) -> SubGraph:
    """Features with inputs and no outputs; `isolated` adds those that have neither.

    With `of`: the descendants of that feature that have no outputs, where its influence ends.
    """
    return _ends(graph, False, isolated, of, only)


def find(
    graph: BaseGraph,
    label: str | None = None,
    kind: str | None = None,
    min_fan_in: int | None = None,
    min_fidelity: float | None = None,
    **only: Unpack[Filters],
) -> SubGraph:
    """Features that meet every condition given, in site order, without edges.

    Args:
        graph: The graph to ask.
        label: Part of the label; case does not matter.
        kind: Name of the gate kind.
        min_fan_in: At least so many inputs (that `min_weight` and `sign` let count).
        min_fidelity: At least this held-out F1 of the gate's formula.
        only: Filters.
    """
    rule, sites = edge_rule(only), only.get("sites")
    nodes = np.arange(len(graph))
    if sites is not None:
        nodes = nodes[at_sites(graph, nodes, sites)]
    if min_fidelity is not None:
        nodes = nodes[graph.nodes.fidelity[nodes] >= min_fidelity]
    if min_fan_in is not None:
        nodes = nodes[walks.fan(graph.inputs, nodes, rule.above, rule.sign) >= min_fan_in]
    if kind is not None:
        filled = np.intersect1d(nodes, graph.nodes.kind.filled(), assume_unique=True)
        nodes = filled[[text == kind for text in graph.nodes.kind.take(filled)]] if filled.size else filled
    if label is not None:
        part, filled = label.casefold(), graph.nodes.label.filled()
        filled = np.intersect1d(nodes, filled, assume_unique=True) if part else nodes
        texts = graph.nodes.label.take(filled)
        nodes = filled[[part in text.casefold() for text in texts]] if filled.size else filled
    found = SubGraph(graph, (), nodes, Told())
    if found.is_empty:
        asked = {"label": label, "kind": kind, "min_fan_in": min_fan_in, "min_fidelity": min_fidelity}
        return found.with_explanation(explain.nothing_found(graph, {**asked, "sites": sites}))
    return choose(found, None, only.get("limit"))


def _cone(graph: BaseGraph, feature: Feature, backward: bool, only: ConeFilters) -> SubGraph:
    start, rule = graph.node(feature), edge_rule(only)
    walk = cone(graph, start, backward, rule, counted("depth", only.get("depth")))
    answer = SubGraph(graph, (start,), walk.nodes, walk)
    sites, limit = only.get("sites"), only.get("limit")
    chosen = answer if sites is None and limit is None else choose(answer, sites, limit)
    if not chosen.is_empty:
        return chosen
    return chosen.with_explanation(explain.empty_cone(chosen, backward, rule, sites))


def _unconnected(graph: BaseGraph, start: int, goal: int, only: PathFilters | ConeFilters) -> SubGraph:
    """No path: says what the strongest one without the filters would need."""
    rule, ends = edge_rule(only), tuple(sorted({start, goal}))
    try:
        loose = strongest_routes(
            graph, (start, goal), 1, None, Rule(np.float32(0), rule.sign), walks.ANYWHERE
        )
    except DataError:
        loose = []
    text = explain.no_path(graph, start, goal, rule, path_of(graph, loose[0]) if loose else None)
    return SubGraph(graph, ends, np.array(ends, np.int32), Told(), explanation=text)


def _ends(graph: BaseGraph, first: bool, isolated: bool, of: Feature | None, only: ConeFilters) -> SubGraph:
    if of is not None:
        return _ends_of(graph, first, of, only)
    if only.get("depth") is not None:
        raise ConfigError("depth counts from a feature: give `of`, too")
    rule, everyone = edge_rule(only), np.arange(len(graph))
    behind, ahead = (graph.inputs, graph.outputs) if first else (graph.outputs, graph.inputs)
    chosen = walks.fan(behind, everyone, rule.above, rule.sign) == 0
    if not isolated:
        chosen &= walks.fan(ahead, everyone, rule.above, rule.sign) > 0
    answer = SubGraph(graph, (), np.flatnonzero(chosen), Told())
    chosen = choose(answer, only.get("sites"), only.get("limit"))
    if not chosen.is_empty:
        return chosen
    return chosen.with_explanation(explain.no_ends(graph, rule.above, only.get("sites")))


def _ends_of(graph: BaseGraph, first: bool, of: Feature, only: ConeFilters) -> SubGraph:
    """Where the ancestry of a feature begins, or its influence ends."""
    rule = edge_rule(only)
    walk = cone(graph, graph.node(of), first, rule, counted("depth", only.get("depth")))
    details = Told(depth=walk.depth, influence=walk.influence)
    whole_cone = SubGraph(graph, (walk.start,), walk.nodes, details)
    last = walks.fan(walk.lists, walk.nodes, rule.above, rule.sign) == 0
    last[0] = True
    chosen = choose(whole_cone.taking(np.flatnonzero(last)), only.get("sites"), only.get("limit"))
    if not chosen.is_empty:
        return chosen
    return chosen.with_explanation(explain.empty_cone(chosen, first, rule, only.get("sites")))
