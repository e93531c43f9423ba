"""Strongest paths of a layered graph, one or many, and the influence along them: against brute force."""

import math
from collections.abc import Iterator
from itertools import pairwise

import networkx as nx
import pytest
from graph_plans import (
    ABOVE,
    PICK,
    QUICK,
    SOME_GRAPH,
    Plan,
    Ways,
    all_paths,
    edge_arrays,
    edges_of,
    names,
    reference,
    small,
    ways,
)
from hypothesis import given
from hypothesis import strategies as st

from circuitlogic.features import FeatureId
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
@given(SOME_GRAPH, PICK, st.booleans())
def test_influence_is_the_strongest_path(plan: Plan, pick: int, backward: bool) -> None:
    graph = plan.graph()
    start = str(graph.feature(pick % len(graph)))
    answer = (queries.ancestors if backward else queries.descendants)(graph, start)
    assert answer.influence is not None
    view = reference(graph)
    for feature, influence in zip(answer.features, answer.influence.tolist(), strict=True):
        ends = (str(feature), start) if backward else (start, str(feature))
        strongest = abs(all_paths(view, *ends)[0])
        assert abs(influence) == pytest.approx(strongest)
        assert any(influence == pytest.approx(product) for product in all_paths(view, *ends))


@QUICK
@given(SOME_GRAPH, ways(ABOVE, (None, 1, 2), (None, (), ("s.1",))))
def test_paths_are_those_of_brute_force(plan: Plan, wanted: Ways) -> None:
    graph = plan.graph()
    expected = wanted.expected(graph, reference(graph, wanted.above, wanted.sign))
    answer, ends = wanted.ask(graph), wanted.ends(graph)
    assert [abs(p.product) for p in answer.paths] == pytest.approx([abs(p) for p in expected])
    assert len({p.features for p in answer.paths}) == len(answer.paths)
    for found in answer.paths:
        assert (str(found.features[0]), str(found.features[-1])) == ends
        assert found.product == pytest.approx(math.prod(found.weights))
        steps = [(str(u), str(v)) for u, v in pairwise(found.features)]
        assert set(steps) <= edges_of(answer)
        assert wanted.depth is None or len(found.weights) <= wanted.depth
    assert {f for p in answer.paths for f in p.features} | {*map(FeatureId.parse, ends)} == set(
        answer.features
    )
    assert bool(answer.explanation) == (not expected)


@QUICK
@given(SOME_GRAPH, PICK, PICK)
def test_one_path_is_the_first_of_many(plan: Plan, first: int, second: int) -> None:
    graph = plan.graph()
    a, b = graph.feature(first % len(graph)), graph.feature(second % len(graph))
    one, many = (queries.path(graph, a, b, k=k).paths for k in (1, 3))
    assert [abs(p.product) for p in one] == pytest.approx([abs(p.product) for p in many[:1]])


@QUICK
@given(SOME_GRAPH, PICK, PICK, st.integers(1, 3), ABOVE)
def test_between_is_what_short_paths_pass(
    plan: Plan, first: int, second: int, depth: int, above: float
) -> None:
    graph = plan.graph()
    a, b = (str(graph.feature(pick % len(graph))) for pick in (first, second))
    routes = []
    if a != b:
        routes = list(nx.all_simple_paths(reference(graph, above), a, b, cutoff=depth))
    answer = queries.between(graph, a, b, depth=depth, min_weight=above)
    assert names(answer) == {node for route in routes for node in route} | {a, b}
    assert edges_of(answer) == {edge for route in routes for edge in pairwise(route)}


def test_strongest_path_uses_weights_above_one_and_skip_edges() -> None:
    assert queries.path(small(), "a/1", "c/0").paths[0].product == pytest.approx(1.5)
    first, second = queries.path(small(), "a/0", "c/0", k=5).paths
    assert (len(first.features), first.product) == (3, pytest.approx(0.45))
    assert (len(second.features), second.product) == (2, pytest.approx(0.4))


def test_equally_strong_paths_come_in_order_of_number() -> None:
    tied = {(0, 3): 0.25, (0, 1): 0.5, (0, 2): -0.5, (1, 3): 0.5, (2, 3): 0.5}
    graph = FeatureGraph.from_edges(("a", "b", "c"), (1, 2, 1), edge_arrays(tied))
    expected = [["a/0", "c/0"], ["a/0", "b/0", "c/0"], ["a/0", "b/1", "c/0"]]
    for k in (1, 2, 3):
        paths = queries.path(graph, "a/0", "c/0", k=k).paths
        assert [[str(f) for f in p.features] for p in paths] == expected[:k]


def test_very_small_and_very_large_products_still_find_the_path() -> None:
    for weight in (1e-38, 1e38):
        sites = tuple(f"s{i}" for i in range(12))
        edges = edge_arrays({(i, i + 1): weight for i in range(11)})
        edges = EdgeArrays(edges.source, edges.target, edges.weight, edges.weight)
        graph = FeatureGraph.from_edges(sites, (1,) * 12, edges)
        for k in (1, 2):
            assert len(queries.path(graph, "s0/0", "s11/0", k=k).paths[0].features) == 12
