"""The strongest directed paths between two features, by the product of |weight|, exactly: as lists of nodes."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import DataError
from circuitlogic.graph import circles, walks
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.columns import ByteArray, IntArray, RealArray
from circuitlogic.graph.filters import Rule
from circuitlogic.graph.subgraph import Path


def strongest_routes(
    graph: BaseGraph, ends: tuple[int, int], count: int, depth: int | None, rule: Rule, within: ByteArray
) -> list[list[int]]:
    """Up to `count` node lists, strongest first, of at most `depth` edges. Ties go to smaller numbers.

    Raises:
        DataError: a circle between the ends makes paths stronger each time round.
    """
    if not graph.layered:
        return _routes_among_circles(graph, ends, count, depth, rule, within)
    first, last = graph.site_of(np.array(ends)).tolist()
    if first >= last:
        return []
    hops = depth if depth is not None and depth < last - first else 0
    if count == 1 and not hops:
        arrays = graph.outputs, graph.inputs, graph.offsets
        route = walks.best_path(*arrays, ends, rule.above, rule.sign, within)
        return [route] if route else []
    leading, _, _ = walks.reach(graph.inputs, ends[1], rule.above, rule.sign, hops or None, within)
    if ends[0] not in leading:
        return []
    later = leading[leading >= graph.offsets[first + 1]]
    order = np.concatenate([np.array(ends[:1], np.int32), np.sort(later)])
    arrays = graph.outputs, graph.inputs, graph.offsets
    strength, via, rank = walks.best_paths(*arrays, order, count, hops, rule.above, rule.sign)
    at_goal = strength[-1]
    hop, nth = np.nonzero(at_goal >= 0)
    best = np.lexsort((nth, hop, via[-1][hop, nth], -at_goal[hop, nth]))[:count]
    return [
        _walked_back(order, via, rank, h, n)
        for h, n in zip(hop[best].tolist(), nth[best].tolist(), strict=True)
    ]


def _routes_among_circles(
    graph: BaseGraph, ends: tuple[int, int], count: int, depth: int | None, rule: Rule, within: ByteArray
) -> list[list[int]]:
    ground = circles.Ground(graph.outputs, rule.above, rule.sign, within)
    try:
        return circles.routes(ground, graph.inputs, ends, count, depth)
    except circles.EndlessError as error:
        a, b, turn = graph.features(np.array([*ends, error.node]))
        raise DataError(
            f"no strongest path from {a} to {b}: a circle of edges at {turn} makes it stronger each time round; "
            f"leave out edges by min_weight, sign or sites"
        ) from error


def _walked_back(order: IntArray, via: IntArray, rank: IntArray, hop: int, nth: int) -> list[int]:
    route = [order.size - 1]
    while route[-1] != 0:
        before = int(via[route[-1], hop, nth])
        nth = int(rank[route[-1], hop, nth])
        hop = max(0, hop - 1)
        route.append(before)
    return order[route[::-1]].tolist()


def path_of(graph: BaseGraph, route: list[int]) -> Path:
    """A list of nodes as a path with its weights."""
    weights = tuple(float(graph.inputs.weight[at]) for at in edges_along(graph, route).tolist())
    with np.errstate(over="ignore", under="ignore"):
        product = float(np.multiply.reduce(np.array(weights, np.float64)))
    return Path(graph.features(np.array(route)), weights, product)


def edges_along(graph: BaseGraph, route: list[int]) -> NDArray[np.int64]:
    """Where in `graph.inputs` the edges of a list of nodes are."""
    found: list[int] = []
    lists = graph.inputs
    for near, far in pairwise(route):
        begin, end = int(lists.indptr[far]), int(lists.indptr[far + 1])
        found.append(begin + int(np.argmax(lists.neighbour[begin:end] == near)))
    return np.array(found, np.int64)


def steps(routes: list[list[int]], paths: tuple[Path, ...]) -> tuple[IntArray, IntArray, RealArray]:
    """The nodes on any of the paths, nearest first, with fewest edges and strongest product from their start."""
    depth: dict[int, int] = {}
    felt: dict[int, float] = {}
    for route, path in zip(routes, paths, strict=True):
        with np.errstate(over="ignore", under="ignore"):
            products = np.cumprod([1.0, *path.weights]).tolist()
        for hops, (node, product) in enumerate(zip(route, products, strict=True)):
            depth[node] = min(hops, depth.get(node, hops))
            if abs(product) > abs(felt.get(node, 0.0)) or node not in felt:
                felt[node] = product
    nodes = sorted(depth, key=lambda node: (depth[node], node))
    numbers = np.array([depth[n] for n in nodes], np.int32), np.array([felt[n] for n in nodes])
    return np.array(nodes, np.int32), *numbers
