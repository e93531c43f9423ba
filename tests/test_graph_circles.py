"""The public graph on any directed graph: circles, loops, doubled edges, skips, isolated features - as NetworkX."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from graph_plans import PICK, SIGN, Ways, all_paths, names, ways
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitlogic.errors import DataError
from circuitlogic.graph.columns import EdgeArrays, NodeColumns
from circuitlogic.graph.comparison import differences
from circuitlogic.graph.exporters import EXPORTERS, render
from circuitlogic.graph.importers import READERS, graph_from_parts
from circuitlogic.graph.own_json import graph_from_json, graph_to_json
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.subgraph import SubGraph
from circuitlogic.graph.walks import engine


@pytest.fixture(params=["plain", "compiled"], scope="module", autouse=True)
def walking(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every question is asked of both engines."""
    with engine(request.param):
        yield request.param


@dataclass(frozen=True)
class Plan:
    """Edges in the order given, doubled ones among them."""

    sizes: tuple[int, ...]
    edges: list[tuple[int, int, float]]

    def graph(self) -> FeatureGraph:
        columns = zip(*self.edges, strict=True) if self.edges else ((), (), ())
        source, target, weight = (np.array(column) for column in columns)
        arrays = EdgeArrays(
            source.astype(np.int64), target.astype(np.int64), weight.astype(float), weight * 2.0
        )
        return FeatureGraph.from_edges(tuple(f"s{i}" for i in range(len(self.sizes))), self.sizes, arrays)

    def view(self, above: float = 0.0, sign: str | None = None) -> "nx.DiGraph[str]":
        """The same by NetworkX from the same list of edges: the filters come after the doubled edges."""
        names = [f"s{site}/{i}" for site, size in enumerate(self.sizes) for i in range(size)]
        whole: nx.DiGraph[str] = nx.DiGraph()
        whole.add_nodes_from(names)
        whole.add_weighted_edges_from((names[a], names[b], w) for a, b, w in self.edges)
        weak = [
            (a, b)
            for a, b, w in whole.edges(data="weight")
            if abs(np.float32(w)) <= np.float32(above) or (sign is not None and (w > 0) != (sign == "+"))
        ]
        whole.remove_edges_from(weak)
        return whole


def plans(weights: st.SearchStrategy[float]) -> st.SearchStrategy[Plan]:
    return (
        st.lists(st.integers(0, 3), min_size=1, max_size=4)
        .filter(sum)
        .flatmap(
            lambda sizes: st.builds(
                Plan,
                st.just(tuple(sizes)),
                st.lists(
                    st.tuples(*[st.integers(0, sum(sizes) - 1)] * 2, weights),
                    max_size=22,
                ),
            )
        )
    )


ANY = plans(st.sampled_from([0.125, -0.25, 0.5, -0.5, 1.0, -1.0, 2.0, -4.0]))
"""Powers of two: products are exact, so that a circle of 1 is one of 1."""
TAME = plans(st.sampled_from([0.125, -0.25, 0.5, -0.5, 1.0, -1.0]))
"""No circle makes anything stronger."""
QUICK = settings(max_examples=60, deadline=None)
ABOVE = st.sampled_from([0.0, 0.125, 0.4, 1.0])
DEPTH = st.sampled_from([None, 1, 2, 3])


def edges_of(answer: SubGraph) -> set[tuple[str, str, float]]:
    return {(a, b, data["weight"]) for a, b, data in answer.edge_items()}


def weighted(view: "nx.DiGraph[str]") -> set[tuple[str, str, float]]:
    return set(view.edges(data="weight"))


def inside(view: "nx.DiGraph[str]", nodes: set[str]) -> set[tuple[str, str, float]]:
    return {(a, b, w) for a, b, w in weighted(view) if a in nodes and b in nodes}


def strengthening(view: "nx.DiGraph[str]") -> set[str]:
    """The nodes on circles (loops apart) whose |weights| multiply to more than 1."""
    turns = (turn for turn in nx.simple_cycles(view) if len(turn) > 1)
    return {
        node
        for turn in turns
        if math.prod(abs(view[u][v]["weight"]) for u, v in pairwise([*turn, turn[0]])) > 1
        for node in turn
    }


@QUICK
@given(ANY, PICK, ABOVE, SIGN, DEPTH, st.booleans())
def test_cones(
    plan: Plan, pick: int, above: float, sign: str | None, depth: int | None, backward: bool
) -> None:
    graph, view = plan.graph(), plan.view(above, sign)
    start = str(graph.feature(pick % len(graph)))
    ask: Callable[..., SubGraph] = graph.ancestors if backward else graph.descendants
    answer = ask(start, depth=depth, min_weight=above, sign=sign)
    hops = nx.single_source_shortest_path_length(view.reverse() if backward else view, start, cutoff=depth)
    assert answer.depth is not None
    assert dict(zip(map(str, answer.features), answer.depth.tolist(), strict=True)) == hops
    opened = {node for node, hop in hops.items() if depth is None or hop < depth}
    assert edges_of(answer) == {(a, b, w) for a, b, w in weighted(view) if (b if backward else a) in opened}
    assert bool(answer.explanation) == answer.is_empty


@QUICK
@given(ANY, PICK, st.booleans())
def test_influence_is_that_of_the_strongest_path_or_unknown(plan: Plan, pick: int, backward: bool) -> None:
    graph, view = plan.graph(), plan.view()
    start = str(graph.feature(pick % len(graph)))
    answer = graph.ancestors(start) if backward else graph.descendants(start)
    walked = view.reverse() if backward else view
    onward = walked.subgraph([node for node in walked if node != start])
    reached = nx.descendants(walked, start)
    turning = strengthening(onward) & reached
    endless = turning.union(*(nx.descendants(onward, node) for node in turning))
    assert answer.influence is not None
    for name, influence in zip(map(str, answer.features), answer.influence.tolist(), strict=True):
        if name == start:
            assert influence == 1.0
        elif name in endless:
            assert math.isnan(influence)
        else:
            products = all_paths(walked, start, name)
            assert abs(influence) == abs(products[0])
            assert influence in products
    assert not any("influence" in data for name, data in answer.node_items() if name in endless)


@QUICK
@given(TAME, ways(ABOVE, (None, 1, 2, 3), (None, ("s0",), ("s1", "s2"))))
def test_best_paths(plan: Plan, wanted: Ways) -> None:
    graph, view = plan.graph(), plan.view(wanted.above, wanted.sign)
    expected = wanted.expected(graph, view)
    answer = wanted.ask(graph)
    assert [abs(found.product) for found in answer.paths] == [abs(product) for product in expected]
    assert len({found.features for found in answer.paths}) == len(answer.paths)
    for found in answer.paths:
        assert len(set(found.features)) == len(found.features)
        assert wanted.depth is None or len(found.weights) <= wanted.depth
        steps = pairwise(map(str, found.features))
        assert list(found.weights) == [view[u][v]["weight"] for u, v in steps]
    assert bool(answer.explanation) == (not expected)


@QUICK
@given(ANY, PICK, PICK, st.integers(1, 3))
def test_paths_are_refused_exactly_where_a_circle_strengthens(
    plan: Plan, first: int, second: int, k: int
) -> None:
    graph, view = plan.graph(), plan.view()
    a, b = (str(graph.feature(pick % len(graph))) for pick in (first, second))
    onward = view.subgraph(nx.descendants(view, a) & nx.ancestors(view, b) - {a, b})
    ahead = {
        node
        for node in onward
        if any(nx.has_path(onward, near, node) for near in view.successors(a) if near in onward)
        and any(nx.has_path(onward, node, far) for far in view.predecessors(b) if far in onward)
    }
    if a != b and graph.layered is False and strengthening(onward.subgraph(ahead)):
        with pytest.raises(DataError, match="makes it stronger each time round") as caught:
            graph.path(a, b, k=k)
        assert "\n" not in str(caught.value)
    else:
        expected = all_paths(view, a, b)[:k] if a != b else []
        assert [abs(p.product) for p in graph.path(a, b, k=k).paths] == [abs(p) for p in expected]


@QUICK
@given(ANY, PICK, PICK, ABOVE)
def test_between_and_common(plan: Plan, first: int, second: int, above: float) -> None:
    graph, view = plan.graph(), plan.view(above)
    a, b = (str(graph.feature(pick % len(graph))) for pick in (first, second))
    joined = graph.between(a, b, min_weight=above)
    nodes = (nx.descendants(view, a) | {a}) & (nx.ancestors(view, b) | {b}) if a != b else set()
    assert names(joined) == nodes | {a, b}
    assert edges_of(joined) == inside(view, nodes)
    shared = graph.common(a, b, min_weight=above)
    nodes = (nx.ancestors(view, a) & nx.ancestors(view, b)) | {a, b}
    assert names(shared) == nodes
    assert edges_of(shared) == inside(view, nodes)


@QUICK
@given(ANY, PICK, ABOVE, SIGN, st.booleans())
def test_neighbors_roots_and_leaves(
    plan: Plan, pick: int, above: float, sign: str | None, isolated: bool
) -> None:
    graph, view = plan.graph(), plan.view(above, sign)
    start = str(graph.feature(pick % len(graph)))
    near = graph.neighbors(start, min_weight=above, sign=sign)
    assert sorted(map(str, near.features)) == sorted(
        {start, *view.predecessors(start), *view.successors(start)}
    )
    assert edges_of(near) == {
        *view.in_edges(start, data="weight"),
        *view.out_edges(start, data="weight"),
    }
    assert len(near.edges) == len(edges_of(near))
    for ask, behind, ahead in (
        (graph.roots, view.in_degree, view.out_degree),
        (graph.leaves, view.out_degree, view.in_degree),
    ):
        expected = {node for node in view if behind(node) == 0 and (isolated or ahead(node) > 0)}
        assert names(ask(min_weight=above, sign=sign, isolated=isolated)) == expected


@QUICK
@given(ANY, ABOVE)
def test_the_whole_graph_and_its_threshold(plan: Plan, above: float) -> None:
    graph = plan.graph()
    view = graph.thresholded(above).to_networkx()
    assert set(view) == set(plan.view())
    assert weighted(view) == weighted(plan.view(above))
    assert all(data["raw_weight"] == 2 * data["weight"] for _, _, data in view.edges(data=True))
    arrays, frames = graph.to_arrays(), graph.to_pandas()
    assert arrays.weight.size == len(frames.edges) == plan.view().number_of_edges()
    assert graph.layered == all(a.split("/")[0] < b.split("/")[0] for a, b, _ in weighted(plan.view()))


@settings(max_examples=15, deadline=None)
@given(ANY)
def test_every_format_carries_circles(plan: Plan) -> None:
    graph = plan.graph()
    assert differences(graph_from_json(graph_to_json(graph)), graph) == ()
    for form in READERS:
        again = graph_from_parts(render(graph, form), form)
        if EXPORTERS[form].loses and "sites" in EXPORTERS[form].loses:
            assert weighted(again.to_networkx()) == weighted(graph.to_networkx())
        else:
            assert differences(again, graph) == ()


def test_contributions_need_a_graph_without_circles() -> None:
    class Firing:
        def column(self, index: int) -> np.ndarray:
            return np.ones(3 + 0 * index)

    activity = {"s0": Firing(), "s1": Firing()}

    def graph(edges: list[tuple[int, int, float]]) -> FeatureGraph:
        made = Plan((2, 2), edges).graph()
        columns = NodeColumns.of(4, scale=np.ones(4), bias=np.zeros(4))
        arrays = made.edges()
        return FeatureGraph.from_edges(made.sites, made.site_sizes, arrays, columns)

    backwards = graph([(3, 0, 0.5), (0, 2, 2.0), (1, 0, 0.25)])
    told = backwards.contributions("s1/0", activity, depth=3).ancestors
    assert [(one.feature, one.carried) for one in told] == [("s0/0", 2.0), ("s1/1", 1.0), ("s0/1", 0.5)]
    turning = graph([(0, 2, 2.0), (2, 0, 0.25)])
    assert turning.contributions("s1/0", activity, depth=1).direct == 2.0
    with pytest.raises(DataError, match=r"edges lead in a circle.*s0/0"):
        turning.contributions("s1/0", activity, depth=2)


def test_a_circle_that_grows_beyond_numbers_is_seen() -> None:
    graph = Plan((1, 2, 1), [(0, 1, 1e38), (1, 2, 1e38), (2, 1, 1e38), (2, 3, 1.0)]).graph()
    with pytest.raises(DataError, match="a circle of edges at s1/"):
        graph.path("s0/0", "s2/0")
    influence = graph.ancestors("s2/0").influence
    assert influence is not None
    assert np.isnan(influence).tolist() == [False, True, True, True]


def test_a_large_random_graph_settles() -> None:
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 2_000, (2, 30_000))
    weight = rng.uniform(-1, 1, 30_000)
    graph = FeatureGraph.from_edges(("a", "b"), (1_000, 1_000), EdgeArrays(*ends, weight, weight))
    influence = graph.ancestors("b/7").influence
    assert influence is not None
    view: nx.DiGraph[str] = nx.DiGraph()
    view.add_weighted_edges_from((b, a, -math.log(abs(w))) for a, b, w in edges_of(graph.whole()))
    lengths = nx.single_source_dijkstra_path_length(view, "b/7")
    got = dict(zip(map(str, graph.ancestors("b/7").features), np.abs(influence).tolist(), strict=True))
    assert got == pytest.approx({node: math.exp(-length) for node, length in lengths.items()})
