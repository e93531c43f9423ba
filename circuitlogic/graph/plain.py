"""The walks over neighbour lists in plain NumPy: what each answers is defined here.

`circuitlogic.graph.compiled` has the same walks compiled; tests hold the two equal. Nodes are numbers, `sign` is 1,
-1 or 0 for both, an edge is followed if its |weight| is above `above`, and `within` confines a walk to nodes where
it is not 0 (empty: no bound). Lists may hold loops here: only the sweeps need every edge to lead to a later node.
"""

import numpy as np
from numpy.typing import NDArray

from circuitlogic.graph.adjacency import Adjacency
from circuitlogic.graph.columns import ByteArray, EdgeArrays, IntArray, RealArray

ANYWHERE = np.zeros(0, np.uint8)
"""A walk that is confined to no nodes."""
_SCAN = 8
"""A level larger than the graph's 2^-8 is read off a mark per node in order; a smaller one is sorted."""


def reach(
    lists: Adjacency, start: int, above: np.float32, sign: int, depth: int | None, within: ByteArray
) -> tuple[NDArray[np.int32], NDArray[np.int64], int]:
    """All that `start` reaches, breadth first.

    Returns:
        The nodes, nearest first, then by number; where in them each level ends; how many edges were followed.
    """
    own = lists.scratch()
    known, fresh = own.marks
    known[start] = True
    levels = [np.array([start], np.int32)]
    followed = 0
    while levels[-1].size and (depth is None or len(levels) <= depth):
        met = _met(lists, levels[-1], above, sign, within)
        followed += met.size
        new = met[~known[met]]
        if new.size <= lists.nodes >> _SCAN:
            level = _distinct(new)
        else:
            fresh[new] = True
            level = np.flatnonzero(fresh).astype(np.int32)
            fresh[level] = False
        known[level] = True
        levels.append(level)
    levels = [level for level in levels if level.size]
    nodes = np.concatenate(levels)
    known[nodes] = False
    lists.spare.append(own)
    return nodes, np.cumsum([level.size for level in levels]), followed


def _distinct(nodes: NDArray[np.int32]) -> NDArray[np.int32]:
    """What `np.unique` gives, in a third of its time where there are few; `nodes` is sorted in place."""
    nodes.sort()
    first = np.ones(nodes.size, np.bool_)
    np.not_equal(nodes[1:], nodes[:-1], out=first[1:])
    return nodes[first]


def gather(
    lists: Adjacency, nodes: IntArray, above: np.float32, sign: int, within: ByteArray
) -> tuple[IntArray, IntArray, RealArray, RealArray]:
    """The edges followed out of `nodes`, list by list: near end, far end, weight, raw weight."""
    positions, rows = followed(lists, nodes, above, sign, within)
    edges = lists.neighbour[positions], lists.weight[positions], lists.raw_weight[positions]
    return nodes[rows], *edges


def influence(
    lists: Adjacency,
    offsets: IntArray,
    order: IntArray,
    start: int,
    above: np.float32,
    sign: int,
    within: ByteArray,
) -> NDArray[np.float64]:
    """For each node of the graph the signed weight product of its strongest path to `start`; NaN: there is none.

    Ties of |product| go to the path found first. Products outside float64 become 0 or infinite.

    Args:
        lists: Leading away from `start`.
        offsets: First node of each site; edges lead from site to site, all in one direction.
        order: The nodes whose lists are followed, `start` first, numbers rising or falling as edges lead.
        start: Where paths begin.
        above: See this module.
        sign: See this module.
        within: See this module.
    """
    felt = np.full(lists.nodes, np.nan)
    felt[start] = 1.0
    for nodes in np.split(order, np.flatnonzero(np.diff(_site(offsets, order))) + 1):
        positions, rows = followed(lists, nodes, above, sign, within)
        to = lists.neighbour[positions]
        with np.errstate(over="ignore", under="ignore"):
            offered = felt[nodes[rows]] * lists.weight[positions]
        first = first_best(np.abs(felt), to, np.abs(offered))
        felt[to[first]] = offered[first]
    return felt


def best_path(
    lists: Adjacency,
    inputs: Adjacency,
    offsets: IntArray,
    ends: tuple[int, int],
    above: np.float32,
    sign: int,
    within: ByteArray,
) -> list[int]:
    """The nodes of the path with the largest product of |weight|; empty if there is none.

    Ties go to the smaller last-but-one node, and so on backwards.

    Args:
        lists: Out-edges.
        inputs: In-edges.
        offsets: First node of each site; every edge leads to a later site.
        ends: From where to where; the goal's site comes after the start's.
        above: See this module.
        sign: See this module.
        within: See this module.
    """
    start, goal = ends
    strength = np.full(lists.nodes, -1.0)
    via = np.full(lists.nodes, -1)
    strength[start] = 1.0
    first, last = (int(site) for site in _site(offsets, np.array(ends)))
    for site in range(first, last - 1):
        low, high = int(offsets[site]), int(offsets[site + 1])
        nodes = low + np.flatnonzero(strength[low:high] >= 0)
        positions, rows = followed(lists, nodes, above, sign, within)
        inside = lists.neighbour[positions] < offsets[last]
        _relax(strength, via, nodes[rows[inside]], lists, positions[inside])
    positions, _ = followed(inputs, np.array([goal]), above, sign, within[:0])
    by_number = positions[np.argsort(inputs.neighbour[positions], kind="stable")]
    source = inputs.neighbour[by_number]
    reached = strength[source] >= 0
    with np.errstate(over="ignore", under="ignore"):
        offered = strength[source[reached]] * np.abs(inputs.weight[by_number[reached]])
    if offered.size:
        via[goal] = source[reached][int(np.argmax(offered))]
    return walked_back(via, start, goal)


def walked_back(via: IntArray, start: int, goal: int) -> list[int]:
    """The path that ends at `goal`, each node's predecessor being in `via`; empty if `goal` has none (-1)."""
    route = [goal]
    while route[-1] != start:
        if via[route[-1]] < 0:
            return []
        route.append(int(via[route[-1]]))
    return route[::-1]


def _relax(
    strength: RealArray, via: IntArray, near: IntArray, lists: Adjacency, positions: NDArray[np.int64]
) -> None:
    """Better paths through the edges at `positions`, which leave `near`."""
    to = lists.neighbour[positions]
    with np.errstate(over="ignore", under="ignore"):
        offered = strength[near] * np.abs(lists.weight[positions])
    first = first_best(strength, to, offered)
    strength[to[first]] = offered[first]
    via[to[first]] = near[first]


def first_best(held: RealArray, to: IntArray, offered: RealArray) -> NDArray[np.int64]:
    """Where each node's first largest offer is, if that beats what it holds (NaN or -1: nothing)."""
    best = held.copy()
    np.fmax.at(best, to, offered)
    before = held[to]
    better = np.flatnonzero((offered == best[to]) & ~(offered <= before))
    _, first = np.unique(to[better], return_index=True)
    return better[first]


def best_paths(
    inputs: Adjacency,
    offsets: IntArray,
    order: IntArray,
    count: int,
    hops: int,
    above: np.float32,
    sign: int,
) -> tuple[RealArray, IntArray, IntArray]:
    """Every node's `count` strongest partial paths from the first node of `order`.

    Args:
        inputs: In-edges.
        offsets: First node of each site; every edge leads to a later site.
        order: The nodes that paths may pass, ascending.
        count: How many paths each node keeps.
        hops: Most edges of a path, 0 for no bound; with a bound, each number of edges is kept apart.
        above: See this module.
        sign: See this module.

    Returns:
        Strength (-1: no such path), row in `order` of the node before, and rank there; [rows, hops + 1, count].
        Ties go to the smaller node before, then to the smaller rank there.
    """
    shape = (order.size, hops + 1, count)
    strength, via, rank = np.full(shape, -1.0), np.full(shape, -1), np.full(shape, -1)
    strength[0, 0, 0] = 1.0
    row = np.full(inputs.nodes, -1)
    row[order] = np.arange(order.size)
    for nodes in np.split(order, np.flatnonzero(np.diff(_site(offsets, order))) + 1)[1:]:
        positions, rows = followed(inputs, nodes, above, sign, np.zeros(0, np.uint8))
        near = row[inputs.neighbour[positions]]
        positions, near, far = positions[near >= 0], near[near >= 0], row[nodes[rows[near >= 0]]]
        edge, hop, came = np.nonzero(strength[near, : max(hops, 1)] >= 0)
        with np.errstate(over="ignore", under="ignore"):
            product = strength[near[edge], hop, came] * np.abs(inputs.weight[positions[edge]])
        state = far[edge] * (hops + 1) + (hop + 1 if hops else 0)
        place = np.lexsort((came, near[edge], -product, state))
        edge, state, came, product = edge[place], state[place], came[place], product[place]
        first = np.flatnonzero(np.diff(state, prepend=-1))
        nth = np.arange(state.size) - np.repeat(first, np.diff(np.append(first, state.size)))
        kept = nth < count
        at = state[kept] // (hops + 1), state[kept] % (hops + 1), nth[kept]
        strength[at], via[at], rank[at] = product[kept], near[edge[kept]], came[kept]
    return strength, via, rank


def sort_lists(
    indptr: NDArray[np.int64], owner: IntArray, neighbour: IntArray, edges: EdgeArrays
) -> Adjacency:
    """Edges grouped by `owner`, each list by falling |weight|, ties as given; `indptr`: where each list starts."""
    bits = edges.weight.astype(np.float32).view(np.uint32) & np.uint32(0x7FFFFFFF)
    falling = np.uint32(0x7FFFFFFF) - bits  # the bits of a float >= 0 sort as it does
    order = np.argsort(owner.astype(np.uint64) << np.uint64(32) | falling, kind="stable")
    raw = edges.raw_weight.astype(np.float32)
    lists = Adjacency(
        indptr, neighbour[order].astype(np.int32), edges.weight[order].astype(np.float32), raw[order]
    )
    return lists.with_heads()


def _met(
    lists: Adjacency, nodes: IntArray, above: np.float32, sign: int, within: ByteArray
) -> NDArray[np.int32]:
    """Where the edges of `nodes` lead that are to be followed, in any order; as far as they go, from the heads."""
    if not lists.heads.size or not (above > 0 or sign):
        return lists.neighbour[followed(lists, nodes, above, sign, within)[0]]
    heads = lists.heads[nodes]
    strengths = heads.view(np.float32)[:, ::2]
    strong = np.abs(strengths) > above
    longer = strong[:, -1].copy()
    if sign:
        strong &= strengths * sign > 0
    met = heads[:, 1::2][strong]
    if longer.any():
        positions = followed(lists, nodes[longer], above, sign, ANYWHERE, heads.shape[1] >> 1)[0]
        met = np.concatenate([met, lists.neighbour[positions]])
    return met[within[met] != 0] if within.size else met


def followed(
    lists: Adjacency, nodes: IntArray, above: np.float32, sign: int, within: ByteArray, beyond: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions in `lists` of the edges of `nodes` to follow, list by list, and for each the row of its owner.

    The first `beyond` edges of each list are left out; there must be so many.
    """
    positions, counts = lists.positions(nodes, above, beyond)
    rows = np.repeat(np.arange(nodes.size), counts)
    if sign:
        weight = lists.weight[positions]
        keep = weight * sign > 0
        positions, rows = positions[keep], rows[keep]
    if within.size:
        keep = within[lists.neighbour[positions]] != 0
        positions, rows = positions[keep], rows[keep]
    return positions, rows


def _site(offsets: IntArray, nodes: IntArray) -> NDArray[np.intp]:
    return np.searchsorted(offsets, nodes, side="right") - 1
