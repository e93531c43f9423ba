"""Questions about a feature graph: every answer against NetworkX or brute force on small layered graphs."""

import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitlogic.errors import ConfigError, UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.graph import queries
from circuitlogic.graph.columns import EdgeArrays, NodeColumns
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.subgraph import SubGraph
from circuitlogic.graph.walks import engine


@pytest.fixture(params=["plain", "compiled"], scope="module", autouse=True)
def walking(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every question is asked of both engines."""
    with engine(request.param):
        yield request.param


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
@given(
    SOME_GRAPH,
    PICK,
    PICK,
    st.integers(1, 4),
    ABOVE,
    SIGN,
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, [], ["s.1"]]),
)
def test_paths_are_those_of_brute_force(
    plan: Plan,
    first: int,
    second: int,
    k: int,
    above: float,
    sign: str | None,
    depth: int | None,
    sites: list[str] | None,
) -> None:
    graph = plan.graph()
    a, b = (str(graph.feature(pick % len(graph))) for pick in (first, second))
    sites = None if sites is None else [site for site in sites if site in graph.sites]
    view = reference(graph, above, sign)
    expected = all_paths(view, a, b, depth, sites)[:k] if a != b else []
    answer = queries.path(graph, a, b, k=k, depth=depth, min_weight=above, sign=sign, sites=sites)
    assert [abs(p.product) for p in answer.paths] == pytest.approx([abs(p) for p in expected])
    assert len({p.features for p in answer.paths}) == len(answer.paths)
    for found in answer.paths:
        assert (str(found.features[0]), str(found.features[-1])) == (a, b)
        assert found.product == pytest.approx(math.prod(found.weights))
        steps = [(str(u), str(v)) for u, v in pairwise(found.features)]
        assert set(steps) <= edges_of(answer)
    if depth is not None:
        assert all(len(found.weights) <= depth for found in answer.paths)
    assert {f for p in answer.paths for f in p.features} | {FeatureId.parse(a), FeatureId.parse(b)} == set(
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


# a/0 -0.9-> b/0 -0.5-> c/0;  a/1 -(-0.38)-> b/1;  a/0 -0.4-> c/0;  a/1 -3-> b/0;  c/1 isolated
def small() -> FeatureGraph:
    edges = {(0, 2): 0.9, (2, 4): 0.5, (1, 3): -0.38, (0, 4): 0.4, (1, 2): 3.0}
    nodes = NodeColumns.of(
        6, label=["Loop", "", "big <b>LOOP</b>", "", "", ""], kind=["", "", "or", "not", "or", ""]
    )
    return FeatureGraph.from_edges(("a", "b", "c"), (2, 2, 2), edge_arrays(edges), nodes)


def test_answers_come_nearest_then_strongest_first() -> None:
    plainly = queries.ancestors(small(), FeatureId("c", 0))
    assert [str(f) for f in plainly.features] == ["c/0", "a/0", "b/0", "a/1"]
    answer = plainly.ranked()
    assert [str(f) for f in answer.features] == ["c/0", "b/0", "a/0", "a/1"]
    assert answer.depth is not None
    assert answer.depth.tolist() == [0, 1, 1, 2]
    assert answer.influence is not None
    assert answer.influence.tolist() == pytest.approx([1, 0.5, 0.45, 1.5])


def test_limit_keeps_the_most_influential_and_says_how_many_are_missing() -> None:
    answer = queries.ancestors(small(), "c/0", limit=2)
    assert names(answer) == {"c/0", "b/0", "a/1"}
    assert edges_of(answer) == {("b/0", "c/0"), ("a/1", "b/0")}
    assert answer.left_out == 1
    assert queries.ancestors(small(), "c/0", limit=3).left_out == 0


def test_sites_filter_the_answer_but_not_the_way() -> None:
    answer = queries.ancestors(small(), "c/0", sites=["a"])
    assert names(answer) == {"c/0", "a/0", "a/1"}
    assert edges_of(answer) == {("a/0", "c/0")}


def test_common_counts_from_the_nearer_and_feels_the_weaker() -> None:
    answer = queries.common(small(), "b/0", "c/0")
    assert names(answer) == {"b/0", "c/0", "a/0", "a/1"}
    assert answer.depth is not None
    assert answer.influence is not None
    told = {
        str(f): (d, pytest.approx(i))
        for f, d, i in zip(answer.features, answer.depth.tolist(), answer.influence.tolist(), strict=True)
    }
    assert told == {"b/0": (0, 1.0), "c/0": (0, 1.0), "a/0": (1, 0.45), "a/1": (1, 1.5)}
    assert queries.common(small(), "b/0", "c/0", limit=1).left_out == 1


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


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (lambda g: queries.ancestors(g, "b/1", min_weight=0.4), "nothing above 0.40; strongest 0.38"),
        (lambda g: queries.ancestors(g, "b/1", min_weight=0.38), "nothing above 0.38; strongest 0.38"),
        (lambda g: queries.ancestors(g, "b/1", sign="+"), "b/1 has no positive inputs"),
        (lambda g: queries.ancestors(g, "a/0"), "a/0 has no inputs"),
        (lambda g: queries.descendants(g, "c/0"), "c/0 has no outputs"),
        (lambda g: queries.descendants(g, "b/0", sites=["b"]), "b/0 has outputs, but none at b"),
        (lambda g: queries.neighbors(g, "c/1"), "c/1 has no inputs or outputs"),
        (lambda g: queries.path(g, "c/0", "a/0"), "edges only go forward, and c does not come before a"),
        (lambda g: queries.path(g, "a/0", "a/0"), "a/0 is the same feature at both ends"),
        (lambda g: queries.path(g, "a/0", "b/1"), "no path from a/0 to b/1"),
        (
            lambda g: queries.path(g, "a/0", "c/0", min_weight=0.6),
            "every edge above 0.6; the strongest path needs",
        ),
        (lambda g: queries.between(g, "a/1", "b/1", sign="+"), "no positive path from a/1 to b/1"),
        (lambda g: queries.common(g, "c/0", "c/1"), "c/1 has no inputs"),
        (
            lambda g: queries.common(g, "b/0", "b/1", min_weight=0.5),
            "b/1: nothing above 0.50; strongest 0.38",
        ),
        (lambda g: queries.find(g, kind="xor"), "no feature has gate kind 'xor'; there are: 'not' 1, 'or' 2"),
        (lambda g: queries.find(g, label="tail"), "no feature has label 'tail'"),
        (lambda g: queries.roots(g, min_weight=9.0), "nothing above 9.00; strongest 3.00"),
    ],
)
def test_an_empty_answer_says_why(ask: object, line: str) -> None:
    answer = ask(small())  # type: ignore[operator]
    assert answer.is_empty
    assert "\n" not in answer.explanation
    assert line in answer.explanation


def test_find_meets_every_condition() -> None:
    graph = small()
    assert names(queries.find(graph, label="loop")) == {"a/0", "b/0"}
    assert names(queries.find(graph, label="loop", kind="or")) == {"b/0"}
    assert names(queries.find(graph, kind="or", sites=["c"])) == {"c/0"}
    assert names(queries.find(graph, min_fan_in=2)) == {"b/0", "c/0"}
    assert names(queries.find(graph, min_fan_in=2, min_weight=0.45)) == {"b/0"}
    assert names(queries.find(graph)) == {str(graph.feature(i)) for i in range(6)}


@pytest.mark.parametrize(
    ("ask", "error", "line"),
    [
        (
            lambda g: queries.ancestors(g, "B/0"),
            UnknownNameError,
            "unknown feature 'B/0': did you mean c/0, b/0, a/0?",
        ),
        (lambda g: queries.ancestors(g, "b/2"), UnknownNameError, "b has features 0..1"),
        (lambda g: queries.ancestors(g, FeatureId("b", -1)), UnknownNameError, "b has features 0..1"),
        (lambda g: queries.ancestors(g, "b"), ConfigError, "write SITE/INDEX"),
        (lambda g: queries.ancestors(g, "b/0", depth=0), ConfigError, "depth 0"),
        (lambda g: queries.ancestors(g, "b/0", limit=-1), ConfigError, "limit -1"),
        (lambda g: queries.ancestors(g, "b/0", sign="plus"), ConfigError, "sign 'plus'"),
        (lambda g: queries.ancestors(g, "b/0", min_weight=float("nan")), ConfigError, "min_weight nan"),
        (lambda g: queries.ancestors(g, "b/0", sites=["z"]), UnknownNameError, "unknown site 'z'"),
        (lambda g: queries.path(g, "a/0", "c/0", k=0), ConfigError, "k 0"),
        (lambda g: queries.find(g, sites=["z"]), UnknownNameError, "unknown site 'z'"),
    ],
)
def test_nonsense_is_refused_in_one_line(ask: object, error: type[Exception], line: str) -> None:
    with pytest.raises(error) as caught:
        ask(small())  # type: ignore[operator]
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_frames_and_arrays_tell_the_same_story() -> None:
    answer = queries.ancestors(small(), "c/0").ranked()
    frames, arrays = answer.to_pandas(), answer.to_arrays()
    assert frames.nodes.index.tolist() == ["c/0", "b/0", "a/0", "a/1"]
    assert frames.nodes.loc["b/0", "label"] == "big <b>LOOP</b>"
    assert frames.nodes["depth"].tolist() == [0, 1, 1, 2]
    rows = frames.nodes.index[arrays.ends[0]].tolist(), frames.nodes.index[arrays.ends[1]].tolist()
    assert rows == (frames.edges["source"].tolist(), frames.edges["target"].tolist())
    assert set(zip(*rows, strict=True)) == edges_of(answer)
    assert arrays.site.tolist() == [2, 1, 0, 0]
    assert arrays.index.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("sizes", [(), (3,)])
def test_graphs_without_edges_have_answers_in_every_form(sizes: tuple[int, ...]) -> None:
    graph = FeatureGraph.from_edges(("a",) * len(sizes), sizes, EdgeArrays.empty())
    for answer in (queries.whole(graph), queries.find(graph, label="x"), queries.roots(graph)):
        assert len(answer.to_networkx()) == len(answer.to_pandas().nodes) == answer.nodes.size
        assert answer.to_pandas().edges.columns.tolist() == ["source", "target", "weight", "raw_weight"]
        assert answer.to_arrays().ends.shape == (2, 0)
    assert queries.roots(graph).explanation == "the graph has no edges"
    frame = queries.whole(graph).to_pandas().nodes
    assert frame["label"].tolist() == [""] * sum(sizes)
    assert frame["bias"].isna().all()


def test_asking_imports_no_heavy_library() -> None:
    code = (
        "import sys, circuitlogic.graph.queries, circuitlogic.graph.exporters\n"
        "print(sorted({'networkx', 'pandas', 'pyarrow', 'pydantic', 'torch', 'sympy', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_very_small_and_very_large_products_still_find_the_path() -> None:
    for weight in (1e-38, 1e38):
        sites = tuple(f"s{i}" for i in range(12))
        edges = edge_arrays({(i, i + 1): weight for i in range(11)})
        edges = EdgeArrays(edges.source, edges.target, edges.weight, edges.weight)
        graph = FeatureGraph.from_edges(sites, (1,) * 12, edges)
        for k in (1, 2):
            assert len(queries.path(graph, "s0/0", "s11/0", k=k).paths[0].features) == 12
