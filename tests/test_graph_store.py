"""The feature graph itself: what it refuses, how thresholds act, and its folder on disk."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitlogic.errors import CircuitLogicError, ConfigError, DataError, StudyError, UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.graph import queries
from circuitlogic.graph.columns import EdgeArrays, NodeColumns, TextColumn
from circuitlogic.graph.store import FeatureGraph

SITES, SIZES = ("pixels", "hidden.1", "out"), (3, 2, 2)
LABELS = ["", "loop", "<script>", "naïve 😀", "", "a\x00b\n", ""]


def arrays(rows: list[tuple[int, int, float]]) -> EdgeArrays:
    source, target, weight = zip(*rows, strict=True)
    return EdgeArrays(
        np.array(source), np.array(target), np.array(weight, float), np.array(weight, np.float32) / 2
    )


ROWS = [(0, 3, 0.2), (1, 3, -0.9), (2, 3, 0.2), (2, 4, 0.4), (3, 5, 1.5), (0, 6, -0.1), (4, 5, 0.3)]


def sample(rows: list[tuple[int, int, float]] = ROWS, threshold: float = 0.0) -> FeatureGraph:
    nodes = NodeColumns.of(
        7, label=LABELS, kind=["", "", "", "or", "not", "", ""], scale=np.linspace(0.5, 2, 7)
    )
    return FeatureGraph.from_edges(SITES, SIZES, arrays(rows), nodes, threshold)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_lists_are_strongest_first_and_ties_by_number() -> None:
    graph = sample()
    edges = graph.edges_into("hidden.1/0")
    assert {edge.target for edge in edges} == {FeatureId("hidden.1", 0)}
    assert [str(edge.source) for edge in edges] == ["pixels/1", "pixels/0", "pixels/2"]
    assert [edge.weight for edge in edges] == pytest.approx([-0.9, 0.2, 0.2])
    assert [edge.raw_weight for edge in edges] == pytest.approx([-0.45, 0.1, 0.1])
    assert graph.outputs.neighbour.tolist() == [3, 6, 3, 4, 3, 5, 5]
    assert graph.edge_count == 7
    assert len(graph) == 7


def test_long_lists_of_ties_stay_in_order_of_number() -> None:
    rng = np.random.default_rng(0)
    ends, weight = rng.permutation(5000), rng.integers(1, 4, 5000).astype(float)
    edges = EdgeArrays(ends, np.full(5000, 5000), weight, weight)
    graph = FeatureGraph.from_edges(("a", "b"), (5000, 1), edges)
    expected = sorted(zip((-weight).tolist(), ends.tolist(), strict=True))
    assert graph.inputs.neighbour.tolist() == [end for _, end in expected]


@settings(max_examples=40, deadline=None)
@given(st.permutations(ROWS))
def test_order_of_the_edges_given_does_not_matter(rows: list[tuple[int, int, float]]) -> None:
    one, other = sample(), sample(rows)
    for a, b in ((one.inputs, other.inputs), (one.outputs, other.outputs)):
        assert a.indptr.tolist() == b.indptr.tolist()
        assert a.neighbour.tolist() == b.neighbour.tolist()
        assert a.weight.tolist() == b.weight.tolist()


def test_node_and_feature_are_inverse() -> None:
    graph = sample()
    assert [graph.node(graph.feature(i)) for i in range(7)] == list(range(7))
    assert graph.node("out/1") == 6
    assert graph.members("hidden.1") == range(3, 5)


def test_empty_sites_do_not_confuse_numbers() -> None:
    graph = FeatureGraph.from_edges(("a", "b", "c"), (1, 0, 1), arrays([(0, 1, 0.5)]))
    assert [str(graph.feature(i)) for i in range(2)] == ["a/0", "c/0"]
    with pytest.raises(UnknownNameError, match="b has no features"):
        graph.node("b/0")


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([(0, 3, np.nan)], "edge pixels/0 -> hidden.1/0 has weight nan"),
        ([(0, 3, 0.5), (1, 4, np.inf)], "edge pixels/1 -> hidden.1/1 has weight inf"),
        ([(0, 3, 1e300)], "weights must be finite"),
        ([(0, 3, 0.0)], "only non-zero entries are edges"),
        ([(0, 7, 0.5)], "edge 0 -> 7 leaves the graph: it has nodes 0..6"),
        ([(-1, 3, 0.5)], "leaves the graph"),
        ([(0, 3, np.nan), (0, 3, 0.5)], "has weight nan"),
    ],
)
def test_impossible_edges_are_refused(rows: list[tuple[int, int, float]], line: str) -> None:
    with np.errstate(over="ignore"):
        edges = arrays(rows)
    with pytest.raises(DataError) as caught:
        FeatureGraph.from_edges(SITES, SIZES, edges)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_a_doubled_edge_the_last_counts() -> None:
    graph = sample([(0, 3, 0.5), (1, 3, 0.7), (0, 3, -0.4), (0, 3, 0.1)])
    assert graph.edge_count == 2
    assert [edge.weight for edge in graph.edges_into("hidden.1/0")] == pytest.approx([0.7, 0.1])
    assert [edge.raw_weight for edge in graph.edges_into("hidden.1/0")] == pytest.approx([0.35, 0.05])


@pytest.mark.parametrize(
    ("edge", "layered"), [((0, 6), True), ((0, 0), False), ((0, 1), False), ((5, 3), False)]
)
def test_a_graph_knows_whether_it_is_layered(tmp_path: Path, edge: tuple[int, int], layered: bool) -> None:
    graph = sample([*ROWS[:3], (*edge, 0.5)])
    graph.save(tmp_path)
    assert graph.layered == FeatureGraph.open(tmp_path).layered == layered


def test_heads_lie_on_disk(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ends = np.repeat(np.arange(40), 40), np.tile(np.arange(40, 80), 40)
    weight = rng.uniform(0.1, 1, 1600)
    graph = FeatureGraph.from_edges(("a", "b"), (40, 40), EdgeArrays(*ends, weight, weight))
    graph.save(tmp_path)
    opened = FeatureGraph.open(tmp_path)
    assert opened.inputs.heads.shape == (80, 32)
    assert opened.inputs.heads.tolist() == graph.inputs.heads.tolist()
    assert opened.ancestors("b/3", min_weight=0.6).nodes.tolist() == (
        graph.ancestors("b/3", min_weight=0.6).nodes.tolist()
    )
    replace_array(tmp_path, "in_heads.npy", np.zeros((2, 1280), np.int32))
    with pytest.raises(StudyError, match="is damaged"):
        FeatureGraph.open(tmp_path)


def test_an_infinite_raw_weight_is_refused() -> None:
    edges = EdgeArrays(np.array([0]), np.array([3]), np.array([0.5]), np.array([np.nan]))
    with pytest.raises(DataError, match="raw weight nan"):
        FeatureGraph.from_edges(SITES, SIZES, edges)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: FeatureGraph.from_edges(("a", "a"), (1, 1), EdgeArrays.empty()), "'a' is given twice"),
        (lambda: FeatureGraph.from_edges(("a/b",), (1,), EdgeArrays.empty()), "'a/b' cannot name a site"),
        (lambda: FeatureGraph.from_edges(("a",), (1, 2), EdgeArrays.empty()), "1 sites but 2 sizes"),
        (lambda: FeatureGraph.from_edges(("a",), (-1,), EdgeArrays.empty()), "has -1 features"),
        (lambda: FeatureGraph.from_edges(("a",), (2**31,), EdgeArrays.empty()), "holds at most"),
        (lambda: sample(threshold=0.15), "below the threshold 0.15"),
        (lambda: sample(threshold=-1.0), "threshold -1"),
        (lambda: FeatureGraph.from_edges(("a",), (1,), EdgeArrays.empty(), NodeColumns.of(2)), "2 rows"),
        (lambda: NodeColumns.of(2, scale=np.array([1.0, np.inf])), "scale of node 1 is infinite"),
        (lambda: NodeColumns.of(2, label=["x"]), "one length"),
        (lambda: TextColumn.of(["\ud800"]), "surrogate"),
        (lambda: EdgeArrays(np.zeros(1, int), np.zeros(2, int), np.zeros(1), np.zeros(1)), "one length"),
    ],
)
def test_impossible_graphs_are_refused(make: object, line: str) -> None:
    with pytest.raises(DataError, match=line):
        make()  # type: ignore[operator]


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 2), st.floats(0, 2))
def test_raising_the_threshold_only_removes_edges(one: float, two: float) -> None:
    low, high = sorted((one, two))
    graph = sample()

    def kept(threshold: float) -> set[tuple[int, int, float]]:
        edges = graph.thresholded(threshold).edges()
        return set(zip(edges.source.tolist(), edges.target.tolist(), edges.weight.tolist(), strict=True))

    everything = kept(0.0)
    assert kept(low) == {edge for edge in everything if abs(edge[2]) > np.float32(low)}
    assert kept(high) <= kept(low)
    twice = graph.thresholded(low).thresholded(high)
    assert twice.outputs.neighbour.tolist() == graph.thresholded(high).outputs.neighbour.tolist()
    assert twice.threshold == high


@pytest.mark.parametrize("threshold", [-0.1, float("nan"), float("inf")])
def test_thresholds_that_make_no_sense_are_refused(threshold: float) -> None:
    with pytest.raises(ConfigError, match="threshold"):
        sample().thresholded(threshold)


def test_names_can_be_replaced() -> None:
    graph = sample().with_labels({"out/1": "seven", "pixels/1": ""}).with_gates({"out/0": "and"})
    assert graph.nodes.label.take(np.arange(7)) == ["", "", "<script>", "naïve 😀", "", "a\x00b\n", "seven"]
    assert [str(f) for f in queries.find(graph, kind="and").features] == ["out/0"]
    assert sample().nodes.label[6] == ""
    with pytest.raises(UnknownNameError):
        graph.with_labels({"out/9": "x"})


@pytest.mark.parametrize("graph", [sample(), FeatureGraph.from_edges((), (), EdgeArrays.empty())])
def test_saving_twice_gives_the_same_bytes(tmp_path: Path, graph: FeatureGraph) -> None:
    graph.save(tmp_path / "one")
    opened = FeatureGraph.open(tmp_path / "one", check=True)
    opened.save(tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    opened.save(tmp_path / "one")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_an_opened_graph_is_the_saved_one_and_is_read_only(tmp_path: Path) -> None:
    sample().save(tmp_path)
    opened = FeatureGraph.open(tmp_path)
    assert (opened.sites, opened.site_sizes, opened.threshold) == (SITES, SIZES, 0.0)
    assert opened.nodes.label.take(np.arange(7)) == LABELS
    assert opened.nodes.scale.tolist() == sample().nodes.scale.tolist()
    assert queries.whole(opened).node_items() == queries.whole(sample()).node_items()
    assert queries.whole(opened).edge_items() == queries.whole(sample()).edge_items()
    answer = queries.ancestors(opened, "out/0")
    assert answer.edge_items() == queries.ancestors(sample(), "out/0").edge_items()
    with pytest.raises(ValueError, match="read-only"):
        opened.inputs.weight[0] = 1


def test_parquet_copies_hold_the_same_rows(tmp_path: Path) -> None:
    sample().save(tmp_path)
    nodes, edges = (pq.read_table(tmp_path / f"{name}.parquet").to_pylist() for name in ("nodes", "edges"))
    assert [row["label"] for row in nodes] == LABELS
    assert nodes[3]["site"] == "hidden.1"
    assert nodes[3]["bias"] is None
    assert edges[0] == {
        "source_site": "pixels",
        "source_index": 1,
        "target_site": "hidden.1",
        "target_index": 0,
        "weight": pytest.approx(-0.9),
        "raw_weight": pytest.approx(-0.45),
    }
    assert len(edges) == 7


def corrupt_record(folder: Path, **changes: object) -> None:
    record = json.loads((folder / "graph.json").read_text())
    (folder / "graph.json").write_text(json.dumps(record | changes))


def replace_array(folder: Path, name: str, array: np.ndarray) -> None:
    """A file of the same length in bytes with another array in it."""
    np.save(folder / name, array)


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda f: (f / "graph.json").unlink(), "graph.json is missing"),
        (lambda f: (f / "graph.json").write_text("{"), "graph.json is damaged"),
        (lambda f: (f / "graph.json").write_text("[]"), "graph.json is damaged"),
        (lambda f: (f / "graph.json").write_bytes(b"\xff\xfe"), "graph.json is damaged"),
        (lambda f: corrupt_record(f, **{"$schema": "circuitlogic/graph-folder/9"}), "graph-folder/9"),
        (lambda f: corrupt_record(f, sites=[{"name": "a b", "size": 7}]), "cannot name a site"),
        (lambda f: corrupt_record(f, sites=[{"name": "a", "size": 6}]), "does not fit"),
        (lambda f: corrupt_record(f, threshold=-1), "threshold"),
        (lambda f: corrupt_record(f, edges=6), "does not fit"),
        (lambda f: corrupt_record(f, files={}), "does not list"),
        (lambda f: (f / "in_weight.npy").unlink(), "in_weight.npy is missing"),
        (lambda f: (f / "in_weight.npy").write_bytes((f / "in_weight.npy").read_bytes()[:-5]), "151 bytes"),
        (lambda f: (f / "out_indptr.npy").write_bytes(b""), "0 bytes, 192 expected"),
        (lambda f: (f / "in_weight.npy").write_bytes(b"x" * 156), "not a readable array"),
        (lambda f: replace_array(f, "in_weight.npy", np.zeros(7, np.int32)), "int32 of 1 dimensions"),
        (lambda f: replace_array(f, "in_indptr.npy", np.arange(8)[::-1].copy()), "does not fit"),
        (lambda f: replace_array(f, "scale.npy", np.full(7, np.inf)), "scale of node 0 is infinite"),
    ],
)
def test_a_damaged_folder_is_one_clear_line(tmp_path: Path, damage: object, line: str) -> None:
    sample().save(tmp_path)
    damage(tmp_path)  # type: ignore[operator]
    with pytest.raises(StudyError, match=line) as caught:
        FeatureGraph.open(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_check_finds_changed_numbers(tmp_path: Path) -> None:
    sample().save(tmp_path)
    replace_array(tmp_path, "out_weight.npy", np.ones(7, np.float32))
    with pytest.raises(StudyError, match=r"out_weight\.npy is damaged: its content has changed"):
        FeatureGraph.open(tmp_path, check=True)


def test_a_save_that_fails_leaves_the_old_graph_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample().save(tmp_path)
    before = contents(tmp_path)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("circuitlogic.graph.parquet.write_edges", full)
    with pytest.raises(OSError, match="no space"):
        sample([(0, 3, 9.0)]).save(tmp_path)
    assert contents(tmp_path) == before


def test_a_save_killed_between_its_files_leaves_nothing_that_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample().save(tmp_path)
    import os

    real, calls = os.replace, []

    def dying(source: str, target: str) -> None:
        calls.append(target)
        if len(calls) == 4:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr("os.replace", dying)
    with pytest.raises(KeyboardInterrupt):
        sample([(0, 3, 9.0)]).save(tmp_path)
    monkeypatch.undo()
    with pytest.raises(CircuitLogicError, match="missing"):
        FeatureGraph.open(tmp_path)
    assert not list(tmp_path.glob(".*"))
    sample().save(tmp_path)
    assert FeatureGraph.open(tmp_path, check=True).edge_count == 7


def test_connector_parts_become_node_numbers() -> None:
    part = EdgeArrays(np.array([0, 1]), np.array([1, 0]), np.ones(2), np.ones(2))
    joined = EdgeArrays.concatenate([part.shifted(0, 3), part.shifted(3, 5)])
    assert joined.source.tolist() == [0, 1, 3, 4]
    assert joined.target.tolist() == [4, 3, 6, 5]
