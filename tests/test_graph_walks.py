"""Walks over neighbour lists: on any directed multigraph as NetworkX walks, and compiled exactly as plain."""

import subprocess
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitlogic.graph import walks
from circuitlogic.graph.adjacency import Adjacency
from circuitlogic.graph.columns import EdgeArrays
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.walks import ANYWHERE, engine

ENGINES = ("plain", "compiled")
QUICK = settings(max_examples=60, deadline=None)
WEIGHTS = st.sampled_from([0.1, -0.1, 0.25, 0.5, -0.5, 1.0, -2.0, 3.0])
ABOVE = st.sampled_from([0.0, 0.1, 0.4, 1.0])
SIGN = st.sampled_from([0, 1, -1])
DEPTH = st.sampled_from([None, 1, 2, 3])
Edges = list[tuple[int, int, float]]
ANY_GRAPH = st.integers(1, 9).flatmap(
    lambda nodes: st.tuples(
        st.just(nodes),
        st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1), WEIGHTS), max_size=30),
    )
)
"""Cycles, self-loops, doubled edges, isolated nodes, no edges at all."""


def lists_of(nodes: int, edges: Edges, by_target: bool = False) -> Adjacency:
    """Out-lists (or in-lists) of a multigraph."""
    ordered = sorted(edges, key=lambda edge: (edge[1], edge[0]))
    source = np.array([a for a, _, _ in ordered], np.int64)
    target = np.array([b for _, b, _ in ordered], np.int64)
    weight = np.array([w for _, _, w in ordered], np.float32)
    columns = EdgeArrays(source, target, weight, weight * 2)
    owner, neighbour = (target, source) if by_target else (source, target)
    return walks.sort_lists(nodes, owner, neighbour, columns)


def followed(edges: Edges, above: float, sign: int) -> Edges:
    return [e for e in edges if abs(np.float32(e[2])) > np.float32(above) and (not sign or e[2] * sign > 0)]


@QUICK
@given(ANY_GRAPH, st.integers(0, 8), ABOVE, SIGN, DEPTH, st.booleans())
def test_reach_is_that_of_networkx_on_any_directed_multigraph(
    drawn: tuple[int, Edges], pick: int, above: float, sign: int, depth: int | None, backward: bool
) -> None:
    nodes, edges = drawn
    start = pick % nodes
    kept = followed(edges, above, sign)
    view: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    view.add_nodes_from(range(nodes))
    view.add_edges_from((b, a) if backward else (a, b) for a, b, _ in kept)
    hops = nx.single_source_shortest_path_length(view, start, cutoff=depth)
    opened = {node for node, hop in hops.items() if depth is None or hop < depth}
    for name in ENGINES:
        with engine(name):
            lists = lists_of(nodes, edges, by_target=backward)
            found, ends, count = walks.reach(lists, start, np.float32(above), sign, depth)
            again = walks.reach(lists, start, np.float32(above), sign, depth)
        level = np.repeat(np.arange(ends.size), np.diff(ends, prepend=0))
        assert dict(zip(found.tolist(), level.tolist(), strict=True)) == hops
        assert sorted(zip(level.tolist(), found.tolist(), strict=True)) == list(
            zip(level.tolist(), found.tolist(), strict=True)
        )
        assert count == sum(view.out_degree(node) for node in opened)
        assert again[0].tolist() == found.tolist()


@QUICK
@given(ANY_GRAPH, ABOVE, SIGN, st.lists(st.integers(0, 8), unique=True), st.booleans())
def test_gathered_edges_are_those_of_the_nodes(
    drawn: tuple[int, Edges], above: float, sign: int, picks: list[int], confined: bool
) -> None:
    nodes, edges = drawn
    asked = np.array([pick for pick in picks if pick < nodes], np.int32)
    within = (np.arange(nodes) % 2).astype(np.uint8) if confined else ANYWHERE
    expected = sorted(
        (a, b, float(np.float32(w)))
        for a, b, w in followed(edges, above, sign)
        if a in asked and (not confined or b % 2)
    )
    answers = []
    for name in ENGINES:
        with engine(name):
            found = walks.gather(lists_of(nodes, edges), asked, np.float32(above), sign, within, len(edges))
        near, far, weight, raw = (column.tolist() for column in found)
        assert sorted(zip(near, far, weight, strict=True)) == expected
        assert raw == [w * 2 for w in weight]
        answers.append((near, far, weight))
    assert answers[0] == answers[1]


@QUICK
@given(ANY_GRAPH)
def test_lists_fall_in_weight_and_both_engines_build_the_same(drawn: tuple[int, Edges]) -> None:
    nodes, edges = drawn
    built = []
    for name in ENGINES:
        with engine(name):
            lists = lists_of(nodes, edges)
        for node in range(nodes):
            weights = np.abs(lists.weight[lists.indptr[node] : lists.indptr[node + 1]])
            assert (np.diff(weights) <= 0).all()
        built.append(
            [getattr(lists, name).tolist() for name in ("indptr", "neighbour", "weight", "raw_weight")]
        )
    assert built[0] == built[1]


def random_graph(seed: int, sites: int = 5, size: int = 60, edges: int = 1500) -> FeatureGraph:
    """Skip edges, hubs, tied weights of both signs, weights above 1."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, sites * size, (2, edges))
    low, high = np.minimum(a, b), np.maximum(a, b)
    forward = low // size < high // size
    key = np.unique(low[forward] * sites * size + high[forward])
    weight = rng.choice([0.1, -0.1, 0.3, -0.5, 0.5, 1.5, -2.0], key.size)
    columns = EdgeArrays(key // (sites * size), key % (sites * size), weight, weight)
    return FeatureGraph.from_edges(tuple(f"s{i}" for i in range(sites)), (size,) * sites, columns)


@pytest.mark.parametrize("seed", range(4))
def test_compiled_sweeps_equal_plain_ones_bit_by_bit(seed: int) -> None:
    graph = random_graph(seed)
    rng = np.random.default_rng(seed)
    for _ in range(12):
        a, b = int(rng.integers(0, 120)), int(rng.integers(180, 300))
        depth = rng.choice(np.array([0, 2, 3])) or None
        only = {"min_weight": float(rng.choice([0.0, 0.1, 0.3])), "depth": depth and int(depth)}
        told = []
        for name in ENGINES:
            with engine(name):
                up = graph.ancestors(graph.feature(b), **only)
                down = graph.descendants(graph.feature(a), **only)
                ways = graph.path(graph.feature(a), graph.feature(b), k=4, **only)
                way = graph.path(graph.feature(a), graph.feature(b), **only)
                told.append(
                    [
                        *(x.nodes.tolist() for x in (up, down)),
                        *(x.influence.tolist() for x in (up, down) if x.influence is not None),
                        *(x.edge_items() for x in (up, down)),
                        ways.paths,
                        way.paths,
                    ]
                )
        assert told[0] == told[1]
        assert told[0][-1] == told[0][-2][:1] or only["depth"] is not None


def test_two_threads_ask_one_graph_at_once() -> None:
    from concurrent.futures import ThreadPoolExecutor

    graph = random_graph(9, size=200, edges=20_000)
    with engine("compiled"):
        alone = [graph.ancestors(f"s4/{i}").nodes.tolist() for i in range(100)]

    def ask(i: int) -> list[int]:
        with engine("compiled"):
            return graph.ancestors(f"s4/{i}").nodes.tolist()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(100))) == alone


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[1]), **environment},
        timeout=120,
    )
    return done.stdout.strip()


ASK = """
import numpy as np, sys
from circuitlogic.graph import walks
from circuitlogic.graph.columns import EdgeArrays
from circuitlogic.graph.store import FeatureGraph
one = np.ones(1)
graph = FeatureGraph.from_edges(("a", "b"), (1, 1), EdgeArrays(np.array([0]), np.array([1]), one, one))
"""


def test_without_numba_every_graph_is_walked_plainly() -> None:
    hidden = "import sys; sys.modules['numba'] = None\nimport importlib.util as u; real = u.find_spec\n"
    hidden += "u.find_spec = lambda name, *a: None if name == 'numba' else real(name, *a)\n"
    ask = "with walks.engine('compiled'): print(len(graph.ancestors('b/0').nodes), walks.compiled_kernels())"
    assert run(hidden + ASK + ask) == "2 None"


def test_small_graphs_do_not_load_numba() -> None:
    assert run(ASK + "print(len(graph.ancestors('b/0').nodes), 'numba' in sys.modules)") == "2 False"


def test_a_read_only_installation_compiles_without_a_cache(tmp_path: Path) -> None:
    """No cache folder can be written: not beside the package, not in the home, not where Numba is told."""
    refuse = (
        "from numba.core import caching\n"
        "caching._CacheLocator.ensure_cache_path = lambda self: (_ for _ in ()).throw(OSError('read-only'))\n"
    )
    ask = "with walks.engine('compiled'): print(graph.ancestors('b/0').nodes.tolist())"
    assert run(refuse + ASK + ask, HOME=str(tmp_path)) == "[1, 0]"
    assert not list(tmp_path.rglob("*.nb*"))


@QUICK
@given(ANY_GRAPH, st.integers(0, 8), ABOVE, SIGN, DEPTH, st.integers(1, 3), st.booleans())
def test_heads_change_no_answer(
    drawn: tuple[int, Edges],
    pick: int,
    above: float,
    sign: int,
    depth: int | None,
    width: int,
    confined: bool,
) -> None:
    nodes, edges = drawn
    within = (np.arange(nodes) % 3 > 0).astype(np.uint8) if confined else ANYWHERE
    lists = lists_of(nodes, edges)
    headed = lists.with_heads(width)
    assert headed.heads.shape == ((nodes, 2 * width) if len(edges) >= width * nodes else (0, 0))
    answers = []
    for name in ENGINES:
        for held in (lists, headed):
            with engine(name):
                found, ends, count = walks.reach(held, pick % nodes, np.float32(above), sign, depth, within)
            answers.append((found.tolist(), ends.tolist(), count))
    assert answers == [answers[0]] * 4


def test_long_lists_have_heads_that_survive_a_threshold() -> None:
    rng = np.random.default_rng(0)
    edges = [(a, b, float(w)) for a in range(30) for b, w in enumerate(rng.uniform(0.1, 1, 30))]
    lists = lists_of(30, edges)
    assert lists.heads.shape == (30, 32)
    first = lists.heads[3].reshape(16, 2)
    start = int(lists.indptr[3])
    assert first[:, 1].tolist() == lists.neighbour[start : start + 16].tolist()
    assert first[:, 0].view(np.float32).tolist() == lists.weight[start : start + 16].tolist()
    assert lists.thresholded(np.float32(0.2)).heads.shape == (30, 32)
    assert lists.thresholded(np.float32(0.9)).heads.size == 0
