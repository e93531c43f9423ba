"""The libraries that are asked: ours with both engines, and what users have today, as fast as we could make it.

Every library is given the same edges as arrays and answers with node numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, runtime_checkable

import numpy as np

from circuitlogic.benchmarks.graphbench.hubs import Shape
from circuitlogic.graph.columns import EdgeArrays, IntArray
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.subgraph import collector_paused
from circuitlogic.graph.walks import Engine


@runtime_checkable
class Library(Protocol):
    """One way to hold and ask the graph."""

    @property
    def names(self) -> Sequence[Any]:
        """What a user calls each node: questions are asked by it."""
        ...

    def ancestors(self, start: Any, above: float, depth: int | None) -> IntArray:
        """Nodes that lead to `start`, itself included, in any order."""
        ...

    def strength(self, start: Any, goal: Any) -> float:
        """|Weight product| of the strongest path; 0 if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Ours:
    """This project's graph."""

    graph: FeatureGraph
    names: tuple[str, ...]
    """`site/index`, which every question reads anew."""
    walking: Engine

    def ancestors(self, start: str, above: float, depth: int | None) -> IntArray:
        """Through the public method."""
        return self.graph.ancestors(start, min_weight=above, depth=depth).nodes

    def strength(self, start: str, goal: str) -> float:
        """Through the public method."""
        paths = self.graph.path(start, goal).paths
        return abs(paths[0].product) if paths else 0.0


class NetworkX:
    """A `networkx.DiGraph`; breadth-first over its inner dictionaries, the fastest plain Python there is.

    Edges are added in order of their source: so NetworkX's readers, its writers and `from_scipy_sparse_array` have
    them. An in-edge's dictionary and weight then lie somewhere else in memory than those of its neighbours.
    """

    def __init__(self, shape: Shape, edges: EdgeArrays) -> None:
        import networkx

        self.names = range(shape.sites * shape.features)
        with collector_paused():
            self.view: Any = networkx.DiGraph()
            self.view.add_nodes_from(self.names)
            ordered = self._ordered(edges)
            ends = ordered.source.tolist(), ordered.target.tolist()
            self.view.add_weighted_edges_from(zip(*ends, ordered.weight.tolist(), strict=True))

    def _ordered(self, edges: EdgeArrays) -> EdgeArrays:
        return edges.where(np.argsort(edges.source, kind="stable"))

    def ancestors(self, start: int, above: float, depth: int | None) -> IntArray:
        """Level by level over `_pred`; memory is waited for at each weight, so neighbours are looked up first."""
        before = self.view._pred  # the accessors of the public views cost as much again
        seen, frontier, level = {start}, [start], 0
        while frontier and (depth is None or level < depth):
            fresh: list[int] = []
            for node in frontier:
                for near, data in before[node].items():
                    if near not in seen and abs(data["weight"]) > above:
                        seen.add(near)
                        fresh.append(near)
            frontier, level = fresh, level + 1
        return np.fromiter(seen, np.int64, len(seen))

    def strength(self, start: int, goal: int) -> float:
        """Node by node in order of number, which is topological; Dijkstra would need |weight| <= 1."""
        after, best = self.view._succ, {start: 1.0}
        waiting = [start]
        while waiting:
            fresh: set[int] = set()
            for node in waiting:
                held = best[node]
                for far, data in after[node].items():
                    product = held * abs(data["weight"])
                    if product > best.get(far, 0.0):
                        best[far] = product
                        fresh.add(far)
            waiting = sorted(fresh)
        return best.get(goal, 0.0)


class NetworkXByTarget(NetworkX):
    """The same with edges added in order of their target, the best case for ancestors: no reader gives it."""

    def _ordered(self, edges: EdgeArrays) -> EdgeArrays:
        return edges

    def ancestors(self, start: int, above: float, depth: int | None) -> IntArray:
        """Level by level; weights lie side by side, so they are looked at first."""
        before = self.view._pred
        seen, frontier, level = {start}, [start], 0
        while frontier and (depth is None or level < depth):
            fresh: list[int] = []
            for node in frontier:
                for near, data in before[node].items():
                    if abs(data["weight"]) > above and near not in seen:
                        seen.add(near)
                        fresh.append(near)
            frontier, level = fresh, level + 1
        return np.fromiter(seen, np.int64, len(seen))


class RustworkX:
    """A `rustworkx.PyDiGraph`, which filters neither by weight nor by depth: a Python loop over `in_edges`."""

    def __init__(self, shape: Shape, edges: EdgeArrays) -> None:
        self.names = range(shape.sites * shape.features)
        self._library: Any = import_module("rustworkx")
        self.view: Any = self._library.PyDiGraph()
        self.view.add_nodes_from(self.names)
        with collector_paused():
            for begin in range(0, len(edges), 1_000_000):
                part = edges.where(np.arange(begin, min(begin + 1_000_000, len(edges))))
                columns = part.source.tolist(), part.target.tolist(), part.weight.tolist()
                self.view.extend_from_weighted_edge_list(list(zip(*columns, strict=True)))

    def ancestors(self, start: int, above: float, depth: int | None) -> IntArray:
        """Level by level; without filters by the library's own `ancestors`."""
        if above <= 0 and depth is None:
            found = self._library.ancestors(self.view, start) | {start}
            return np.fromiter(found, np.int64, len(found))
        in_edges = self.view.in_edges
        seen, frontier, level = {start}, [start], 0
        while frontier and (depth is None or level < depth):
            fresh: list[int] = []
            for node in frontier:
                for near, _, weight in in_edges(node):
                    if near not in seen and abs(weight) > above:
                        seen.add(near)
                        fresh.append(near)
            frontier, level = fresh, level + 1
        return np.fromiter(seen, np.int64, len(seen))

    def strength(self, start: int, goal: int) -> float:
        """As for NetworkX."""
        out_edges, best = self.view.out_edges, {start: 1.0}
        waiting = [start]
        while waiting:
            fresh: set[int] = set()
            for node in waiting:
                held = best[node]
                for _, far, weight in out_edges(node):
                    product = held * abs(weight)
                    if product > best.get(far, 0.0):
                        best[far] = product
                        fresh.add(far)
            waiting = sorted(fresh)
        return best.get(goal, 0.0)


class SciPy:
    """Two `scipy.sparse.csr_array`; whole frontiers at a time by row slicing, the rest in NumPy."""

    def __init__(self, shape: Shape, edges: EdgeArrays) -> None:
        import scipy.sparse

        nodes = shape.sites * shape.features
        self.names = range(nodes)
        ends = edges.target, edges.source
        self.incoming: Any = scipy.sparse.csr_array((edges.weight, ends), shape=(nodes, nodes))
        self.outgoing: Any = self.incoming.T.tocsr()

    def ancestors(self, start: int, above: float, depth: int | None) -> IntArray:
        """Level by level."""
        seen = np.zeros(self.incoming.shape[0], np.bool_)
        frontier, level = np.array([start]), 0
        seen[start] = True
        while frontier.size and (depth is None or level < depth):
            rows = self.incoming[frontier]
            met = rows.indices[np.abs(rows.data) > above] if above > 0 else rows.indices
            fresh = np.zeros_like(seen)
            fresh[met] = True
            fresh &= ~seen
            seen |= fresh
            frontier, level = np.flatnonzero(fresh), level + 1
        return np.flatnonzero(seen)

    def strength(self, start: int, goal: int) -> float:
        """Level by level, `np.maximum.at` over all edges of a level."""
        best = np.zeros(self.outgoing.shape[0])
        best[start] = 1.0
        frontier = np.array([start])
        while frontier.size:
            rows = self.outgoing[frontier]
            offered = np.repeat(best[frontier], np.diff(rows.indptr)) * np.abs(rows.data)
            before = best[rows.indices]
            np.maximum.at(best, rows.indices, offered)
            frontier = np.unique(rows.indices[best[rows.indices] > before])
        return float(best[goal])


BY_TARGET = "NetworkX, by target"
PEERS: dict[str, tuple[str, Callable[[Shape, EdgeArrays], Library]]] = {
    "NetworkX": ("networkx", NetworkX),
    "rustworkx": ("rustworkx", RustworkX),
    "SciPy CSR": ("scipy", SciPy),
    BY_TARGET: ("networkx", NetworkXByTarget),
}
"""Name -> package, and how to build it."""


def installed(package: str) -> bool:
    """Whether a peer can be measured here."""
    return find_spec(package) is not None
