"""Random layered graphs, and what NetworkX and brute force say of them: shared by the tests of questions."""

import math
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from circuitlogic.graph.columns import EdgeArrays, NodeColumns
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.subgraph import SubGraph

WEIGHTS = st.one_of(
    st.sampled_from([0.1, 0.25, 0.4, -0.4, 0.5, -0.5, 1.0, -2.0, 3.0]),
    st.floats(-4, 4, width=32).filter(lambda w: abs(w) > 1e-3),
)


def edge_arrays(edges: dict[tuple[int, int], float]) -> EdgeArrays:
    source, target = ([pair[side] for pair in edges] for side in (0, 1))
    weight = np.array(list(edges.values()), np.float64)
    return EdgeArrays(np.array(source, np.int64), np.array(target, np.int64), weight, weight * 2)


@dataclass(frozen=True)
class Plan:
    """What a random graph is made of; built inside the test."""

    sizes: tuple[int, ...]
    edges: dict[tuple[int, int], float]

    def graph(self) -> FeatureGraph:
        sites = tuple(f"s.{i}" for i in range(len(self.sizes)))
        return FeatureGraph.from_edges(sites, self.sizes, edge_arrays(self.edges))


@st.composite
def layered(draw: st.DrawFn) -> Plan:
    """Up to four sites of up to four features, edges forward to any later site."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    site = np.repeat(np.arange(len(sizes)), sizes)
    allowed = [(a, b) for a in range(site.size) for b in range(site.size) if site[a] < site[b]]
    edges: dict[tuple[int, int], float] = {}
    if allowed:
        edges = draw(st.dictionaries(st.sampled_from(allowed), WEIGHTS, max_size=24))
    return Plan(tuple(sizes), edges)


def reference(graph: FeatureGraph, above: float = 0.0, sign: str | None = None) -> "nx.DiGraph[str]":
    """The NetworkX graph, built here from the edge list and not by the code under test."""
    view: nx.DiGraph[str] = nx.DiGraph()
    for site, size in zip(graph.sites, graph.site_sizes, strict=True):
        view.add_nodes_from(f"{site}/{i}" for i in range(size))
    names = list(view)
    edges = graph.edges()
    columns = (edges.source.tolist(), edges.target.tolist(), edges.weight.tolist())
    for a, b, weight in zip(*columns, strict=True):
        if abs(weight) > np.float32(above) and (sign is None or (weight > 0) == (sign == "+")):
            view.add_edge(names[a], names[b], weight=weight)
    return view


def names(answer: SubGraph) -> set[str]:
    return {str(feature) for feature in answer.features}


def edges_of(answer: SubGraph) -> set[tuple[str, str]]:
    return {(a, b) for a, b, _ in answer.edge_items()}


def all_paths(
    view: "nx.DiGraph[str]", a: str, b: str, depth: int | None = None, sites: list[str] | None = None
) -> list[float]:
    """Signed products of all simple paths (through `sites` only), strongest first."""
    if a == b:
        return [1.0]
    products = [
        math.prod(view[u][v]["weight"] for u, v in pairwise(route))
        for route in nx.all_simple_paths(view, a, b, cutoff=depth)
        if sites is None or all(node.split("/")[0] in sites for node in route[1:-1])
    ]
    return sorted(products, key=abs, reverse=True)


SOME_GRAPH = layered().filter(lambda plan: sum(plan.sizes) > 0)


QUICK = settings(max_examples=50, deadline=None)


PICK = st.integers(0, 10_000)


ABOVE = st.sampled_from([0.0, 0.1, 0.4, 0.5, 1.0])


SIGN = st.sampled_from([None, "+", "-"])


@dataclass(frozen=True)
class Ways:
    """A question for paths."""

    picks: tuple[int, int]
    k: int
    above: float
    sign: str | None
    depth: int | None
    sites: tuple[str, ...] | None

    def ask(self, graph: FeatureGraph) -> SubGraph:
        only = {"min_weight": self.above, "sign": self.sign, "depth": self.depth, "sites": self.known(graph)}
        return graph.path(*self.ends(graph), k=self.k, **only)  # type: ignore[arg-type]

    def ends(self, graph: FeatureGraph) -> tuple[str, str]:
        a, b = (str(graph.feature(pick % len(graph))) for pick in self.picks)
        return a, b

    def known(self, graph: FeatureGraph) -> list[str] | None:
        """Those of `sites` that the graph has."""
        return None if self.sites is None else [site for site in self.sites if site in graph.sites]

    def expected(self, graph: FeatureGraph, view: "nx.DiGraph[str]") -> list[float]:
        """The products, strongest first, in a view that has only the edges asked for."""
        a, b = self.ends(graph)
        return all_paths(view, a, b, self.depth, self.known(graph))[: self.k] if a != b else []


def ways(
    above: st.SearchStrategy[float], depth: tuple[int | None, ...], sites: tuple[tuple[str, ...] | None, ...]
) -> st.SearchStrategy[Ways]:
    ends = st.tuples(PICK, PICK)
    return st.builds(
        Ways, ends, st.integers(1, 4), above, SIGN, st.sampled_from(depth), st.sampled_from(sites)
    )


# a/0 -0.9-> b/0 -0.5-> c/0;  a/1 -(-0.38)-> b/1;  a/0 -0.4-> c/0;  a/1 -3-> b/0;  c/1 isolated
def small() -> FeatureGraph:
    edges = {(0, 2): 0.9, (2, 4): 0.5, (1, 3): -0.38, (0, 4): 0.4, (1, 2): 3.0}
    nodes = NodeColumns.of(
        6, label=["Loop", "", "big <b>LOOP</b>", "", "", ""], kind=["", "", "or", "not", "or", ""]
    )
    return FeatureGraph.from_edges(("a", "b", "c"), (2, 2, 2), edge_arrays(edges), nodes)
