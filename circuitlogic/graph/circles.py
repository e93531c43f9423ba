"""Strongest paths where edges may lead in circles, as they do in graphs that were brought from elsewhere.

A path passes each feature once. As long as no circle makes a path stronger (no product of |weight| around one is
above 1) the strongest walk is the strongest path, and relaxing edges until nothing improves finds it exactly.
Beyond that the strongest path is NP-hard: such features have no influence here, and a question for the path is
refused in one line. Loops from a feature to itself are on no path and never matter.
"""

import heapq
from collections.abc import Callable, Collection
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import DataError
from circuitlogic.graph.adjacency import Adjacency
from circuitlogic.graph.columns import BoolArray, ByteArray, EdgeArrays, IntArray
from circuitlogic.graph.plain import first_best, followed, walked_back


@dataclass(frozen=True, slots=True)
class Ground:
    """Where walks lead."""

    lists: Adjacency
    """Leading away from the start."""
    above: np.float32
    """Only |weight| above it."""
    sign: int
    """1 or -1: only weights of that sign; 0: both."""
    within: ByteArray
    """Only nodes where it is not 0; empty: all."""


class EndlessError(Exception):
    """A circle makes paths stronger each time round."""

    def __init__(self, node: int) -> None:
        super().__init__(node)
        self.node = node
        """One of the circle."""


@dataclass(frozen=True, slots=True, eq=False)
class Strengths:
    """The strongest walks from a start that do not come back to it."""

    product: NDArray[np.float64]
    """Signed, by node; NaN: there is no walk, or a circle on the way makes it stronger without end."""
    via: NDArray[np.int64]
    """The node before; -1: none."""
    endless: BoolArray
    """Which nodes lie behind a circle that makes paths stronger."""
    circle: int
    """A node of such a circle; -1: there is none."""


def strengths(ground: Ground, start: int, opened: BoolArray, banned: Collection[int] = ()) -> Strengths:
    """Relax edges, round by round, until nothing improves.

    Args:
        ground: Where walks lead.
        start: Where they begin.
        opened: Only edges out of these nodes are followed.
        banned: Nodes that may not come right after the start.
    """
    nodes = ground.lists.nodes
    felt, via, endless = np.full(nodes, np.nan), np.full(nodes, -1), np.zeros(nodes, np.bool_)
    felt[start] = 1.0
    frontier = np.array([start])[opened[[start]]]
    rounds, check, circle = 0, 2, -1
    while frontier.size:
        near, to, weight = _edges(ground, frontier)
        kept = (to != start) & (to != near) & ~endless[to]
        if not rounds and banned:
            kept &= ~np.isin(to, list(banned))
        near, to = near[kept], to[kept]
        with np.errstate(over="ignore", under="ignore"):
            offered = felt[near] * weight[kept]
        best = first_best(np.abs(felt), to, np.abs(offered))
        better = to[best]
        felt[better], via[better] = offered[best], near[best]
        rounds += 1
        if rounds == check or not better.size:
            check *= 2
            turning = np.union1d(_on_circles(via), np.flatnonzero(np.isinf(felt) & ~endless))
            if turning.size:
                circle = int(turning[0]) if circle < 0 else circle
                endless |= _behind(ground, turning, opened, start)
                felt[endless], via[endless] = np.nan, -1
        frontier = np.unique(better[opened[better] & ~endless[better]])
    return Strengths(felt, via, endless, circle)


def _edges(ground: Ground, nodes: IntArray) -> tuple[IntArray, IntArray, NDArray[np.float32]]:
    """Near end, far end and weight of the edges out of `nodes`."""
    positions, rows = followed(ground.lists, nodes, ground.above, ground.sign, ground.within)
    return nodes[rows], ground.lists.neighbour[positions], ground.lists.weight[positions]


def _on_circles(via: NDArray[np.int64]) -> IntArray:
    """The nodes that lie on circles of `via`: where more steps back than there are nodes end."""
    outside = via.size
    after = np.append(np.where(via < 0, outside, via), outside)
    for _ in range(outside.bit_length()):
        after = after[after]
    return np.unique(after[after < outside])


def _behind(ground: Ground, nodes: IntArray, opened: BoolArray, start: int) -> BoolArray:
    """`nodes` and all that can be reached from them without passing the start."""
    found = np.zeros(opened.size, np.bool_)
    found[nodes] = True
    while nodes.size:
        _, to, _ = _edges(ground, nodes[opened[nodes]])
        nodes = np.unique(to[~found[to] & (to != start)])
        found[nodes] = True
    return found


def routes(
    ground: Ground, inputs: Adjacency, ends: tuple[int, int], count: int, depth: int | None
) -> list[list[int]]:
    """Up to `count` paths as node lists, strongest first, of at most `depth` edges (Yen 1971).

    Args:
        ground: Along out-edges.
        inputs: In-edges.
        ends: From where to where.
        count: How many.
        depth: None: no bound.

    Raises:
        EndlessError: a circle between the ends makes paths stronger each time round.
    """
    start, goal = ends
    inside = _behind(
        Ground(inputs, ground.above, ground.sign, ground.within), np.array([goal]), *_all(inputs)
    )
    if start == goal or not inside[start]:
        return []
    if ground.within.size:
        inside &= ground.within != 0
    found: list[list[int]] = []
    waiting: list[tuple[float, list[int]]] = []
    first = _best(ground, ends, inside, depth, ())
    if first:
        heapq.heappush(waiting, (-_strength(ground, first), first))
    while waiting and len(found) < count:
        route = heapq.heappop(waiting)[1]
        found.append(route)
        for turn in range(len(route) - 1 if len(found) < count else 0):
            root, banned = (
                route[: turn + 1],
                {r[turn + 1] for r in found if r[: turn + 1] == route[: turn + 1]},
            )
            free = inside.copy()
            free[root[:-1]] = False
            left = None if depth is None else depth - turn
            spur = _best(ground, (root[-1], goal), free, left, banned)
            other = (-_strength(ground, root[:-1] + spur), root[:-1] + spur)
            if spur and other not in waiting:
                heapq.heappush(waiting, other)
    return found


def _all(lists: Adjacency) -> tuple[BoolArray, int]:
    """Every node is opened, none is passed by."""
    return np.ones(lists.nodes, np.bool_), -1


def _best(
    ground: Ground, ends: tuple[int, int], inside: BoolArray, depth: int | None, banned: Collection[int]
) -> list[int]:
    """The strongest path through nodes `inside`; empty if there is none."""
    start, goal = ends
    opened = inside.copy()
    opened[goal] = False
    narrow = Ground(ground.lists, ground.above, ground.sign, inside.astype(np.uint8))
    best = strengths(narrow, start, opened, banned)
    if best.endless[goal]:
        raise EndlessError(best.circle)
    route = walked_back(best.via, start, goal)
    if depth is None or len(route) - 1 <= depth:
        return route
    return _short(narrow, ends, opened, depth, banned)


def _short(
    ground: Ground, ends: tuple[int, int], opened: BoolArray, depth: int, banned: Collection[int]
) -> list[int]:
    """The strongest path of at most `depth` edges: the strongest walks of each length."""
    start, goal = ends
    nodes = opened.size
    felt = np.full(nodes, -1.0)
    felt[start] = 1.0
    steps: list[NDArray[np.int64]] = []
    best, length = -1.0, 0
    for hop in range(1, depth + 1):
        near, to, weight = _edges(ground, np.flatnonzero((felt >= 0) & opened))
        kept = (to != start) & (to != near)
        if hop == 1 and banned:
            kept &= ~np.isin(to, list(banned))
        near, to = near[kept], to[kept]
        with np.errstate(over="ignore", under="ignore"):
            offered = felt[near] * np.abs(weight[kept])
        felt, via = np.full(nodes, -1.0), np.full(nodes, -1)
        chosen = first_best(felt, to, offered)
        felt[to[chosen]], via[to[chosen]] = offered[chosen], near[chosen]
        steps.append(via)
        if felt[goal] > best:
            best, length = float(felt[goal]), hop
    if not length:
        return []
    route = [goal]
    for via in reversed(steps[:length]):
        route.append(int(via[route[-1]]))
    return route[::-1]


def _strength(ground: Ground, route: list[int]) -> float:
    """Product of |weight| along a list of nodes."""
    product, lists = 1.0, ground.lists
    for near, far in pairwise(route):
        begin, end = int(lists.indptr[near]), int(lists.indptr[near + 1])
        product *= abs(float(lists.weight[begin + int(np.argmax(lists.neighbour[begin:end] == far))]))
    return product


def order_against_edges(edges: EdgeArrays, names: Callable[[int], str]) -> list[int]:
    """The edges' nodes so that every edge leads from a later one to an earlier one.

    Raises:
        DataError: they lead in a circle.
    """
    sorter: TopologicalSorter[int] = TopologicalSorter()
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        sorter.add(source, target)
    try:
        return list(sorter.static_order())
    except CycleError as error:
        circle = " -> ".join(names(node) for node in reversed(error.args[1]))
        raise DataError(f"edges lead in a circle, so that activation has no first cause: {circle}") from error
