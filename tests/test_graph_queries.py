"""Questions about a feature graph: cones, neighbours and ends against NetworkX on small layered graphs."""

from collections.abc import Iterator
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from graph_plans import ABOVE, PICK, QUICK, SIGN, SOME_GRAPH, Plan, edges_of, layered, names, reference
from hypothesis import given
from hypothesis import strategies as st

from circuitlogic.graph import queries
from circuitlogic.graph.columns import EdgeArrays
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.walks import engine


@pytest.fixture(params=["plain", "compiled"], scope="module", autouse=True)
def walking(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every question is asked of both engines."""
    with engine(request.param):
        yield request.param


@QUICK
@given(SOME_GRAPH, PICK, ABOVE, SIGN, st.sampled_from([None, 1, 2]), st.booleans())
def test_cones_are_those_of_networkx(
    plan: Plan, pick: int, above: float, sign: str | None, depth: int | None, backward: bool
) -> None:
    graph = plan.graph()
    start = str(graph.feature(pick % len(graph)))
    view = reference(graph, above, sign)
    ask = queries.ancestors if backward else queries.descendants
    answer = ask(graph, start, depth=depth, min_weight=above, sign=sign)
    walked = view.reverse() if backward else view
    hops = nx.single_source_shortest_path_length(walked, start, cutoff=depth)
    assert answer.depth is not None
    assert dict(zip(map(str, answer.features), answer.depth.tolist(), strict=True)) == hops
    opened = {node for node, hop in hops.items() if depth is None or hop < depth}
    expected = {(a, b) for a, b in view.edges if (b if backward else a) in opened}
    assert edges_of(answer) == expected
    assert bool(answer.explanation) == answer.is_empty == (len(hops) == 1)


@QUICK
@given(SOME_GRAPH, PICK, PICK, ABOVE)
def test_between_and_common_are_set_operations_on_cones(
    plan: Plan, first: int, second: int, above: float
) -> None:
    graph = plan.graph()
    a, b = (str(graph.feature(pick % len(graph))) for pick in (first, second))
    view = reference(graph, above)
    joined = queries.between(graph, a, b, min_weight=above)
    down, up = nx.descendants(view, a) | {a}, nx.ancestors(view, b) | {b}
    inside = down & up
    assert names(joined) == inside | {a, b}
    assert edges_of(joined) == ({(u, v) for u, v in view.edges if u in inside and v in inside})
    shared = queries.common(graph, a, b, min_weight=above)
    nodes = ((nx.ancestors(view, a) & nx.ancestors(view, b)) - {a, b}) | {a, b}
    assert names(shared) == nodes
    assert edges_of(shared) == {(u, v) for u, v in view.edges if u in nodes and v in nodes}
    if not len(shared.edges):
        assert shared.explanation
    assert names(queries.common(graph, b, a, min_weight=above)) == nodes


@QUICK
@given(SOME_GRAPH, PICK, ABOVE, SIGN, st.sampled_from([None, 1, 2]), st.booleans())
def test_the_ends_of_a_cone(
    plan: Plan, pick: int, above: float, sign: str | None, depth: int | None, backward: bool
) -> None:
    graph = plan.graph()
    start = str(graph.feature(pick % len(graph)))
    view = reference(graph, above, sign)
    hops = nx.single_source_shortest_path_length(view.reverse() if backward else view, start, cutoff=depth)
    degree = view.in_degree if backward else view.out_degree
    ask = queries.roots if backward else queries.leaves
    answer = ask(graph, of=start, min_weight=above, sign=sign, depth=depth)
    assert names(answer) == {node for node in hops if degree(node) == 0} | {start}


@QUICK
@given(layered(), ABOVE, st.booleans(), SIGN)
def test_roots_and_leaves(plan: Plan, above: float, isolated: bool, sign: str | None) -> None:
    graph = plan.graph()
    view = reference(graph, above, sign)
    for ask, behind, ahead in (
        (queries.roots, view.in_degree, view.out_degree),
        (queries.leaves, view.out_degree, view.in_degree),
    ):
        expected = {n for n in view if behind(n) == 0 and (isolated or ahead(n) > 0)}
        answer = ask(graph, min_weight=above, isolated=isolated, sign=sign)
        assert names(answer) == expected
        assert bool(answer.explanation) == (not expected)


@QUICK
@given(SOME_GRAPH, PICK, ABOVE, SIGN)
def test_neighbors_are_one_edge_away(plan: Plan, pick: int, above: float, sign: str | None) -> None:
    graph = plan.graph()
    start = str(graph.feature(pick % len(graph)))
    view = reference(graph, above, sign)
    answer = queries.neighbors(graph, start, min_weight=above, sign=sign)
    assert names(answer) == {start, *view.predecessors(start), *view.successors(start)}
    assert edges_of(answer) == {*view.in_edges(start), *view.out_edges(start)}
    assert bool(answer.explanation) == (len(names(answer)) == 1)


@QUICK
@given(SOME_GRAPH, PICK, ABOVE)
def test_min_weight_asks_the_thresholded_graph(plan: Plan, pick: int, above: float) -> None:
    graph = plan.graph()
    start = graph.feature(pick % len(graph))
    asked = queries.ancestors(graph, start, min_weight=above)
    cut = queries.ancestors(graph.thresholded(above), start)
    assert asked.features == cut.features
    assert asked.edge_items() == cut.edge_items()
    assert asked.influence is not None
    assert cut.influence is not None
    assert asked.influence.tolist() == cut.influence.tolist()


@QUICK
@given(SOME_GRAPH, ABOVE)
def test_whole_graph_as_networkx(plan: Plan, above: float) -> None:
    graph = plan.graph()
    view = queries.whole(graph.thresholded(above)).to_networkx()
    expected = reference(graph, above)
    assert set(view.nodes) == set(expected.nodes)
    assert {(a, b, d["weight"]) for a, b, d in view.edges(data=True)} == {
        (a, b, d["weight"]) for a, b, d in expected.edges(data=True)
    }
    assert all(d["raw_weight"] == pytest.approx(2 * d["weight"]) for _, _, d in view.edges(data=True))


@QUICK
@given(SOME_GRAPH, PICK, st.randoms(use_true_random=False))
def test_permuting_features_permutes_the_answer(plan: Plan, pick: int, random: "np.random.Generator") -> None:
    graph = plan.graph()
    new = np.arange(len(graph))
    for start, stop in pairwise(graph.offsets.tolist()):
        block = list(range(start, stop))
        random.shuffle(block)
        new[start:stop] = block
    edges = graph.edges()
    moved = EdgeArrays(new[edges.source], new[edges.target], edges.weight, edges.raw_weight)
    other = FeatureGraph.from_edges(graph.sites, graph.site_sizes, moved)
    start = pick % len(graph)
    here = queries.ancestors(graph, graph.feature(start))
    there = queries.ancestors(other, other.feature(int(new[start])))
    assert set(new[here.nodes].tolist()) == set(there.nodes.tolist())
    assert {
        (int(new[a]), int(new[b])) for a, b in zip(here.edges.source, here.edges.target, strict=True)
    } == {(int(a), int(b)) for a, b in zip(there.edges.source, there.edges.target, strict=True)}
