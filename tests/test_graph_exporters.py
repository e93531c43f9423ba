"""Formats: what each writes can be read by its own reader, labels are harmless, our own loses nothing."""

import csv
import io
import json
from pathlib import Path

import networkx as nx
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from circuitlogic.errors import ConfigError, DataError, UnknownNameError
from circuitlogic.graph import queries
from circuitlogic.graph.columns import EdgeArrays, NodeColumns
from circuitlogic.graph.comparison import differences
from circuitlogic.graph.exporters import EXPORTERS, Exporter, export, register, render
from circuitlogic.graph.importers import READERS, graph_from_parts, read_graph_file
from circuitlogic.graph.own_json import graph_from_json, graph_to_json, read_graph
from circuitlogic.graph.store import FeatureGraph

HOSTILE = ["</data><script>&\"'", "\x00\x1b[31m\x07", "=cmd|' /C calc'!A0", '𝄞 ä,\n;"x"', "${7*7}", ""]


def sample(labels: list[str] = HOSTILE) -> FeatureGraph:
    nodes = NodeColumns.of(
        6,
        label=labels,
        kind=["", "", "", "", "and-not", "or"],
        firing_rate=np.array([0.1, 1 / 3, np.nan, 0.5, 0.0, 1e-7]),
        bias=np.array([np.nan] * 4 + [-0.25, -0.0]),
    )
    weight = np.array([0.1, -1 / 3, 2.5, 0.7])
    edges = EdgeArrays(np.array([0, 1, 2, 3]), np.array([3, 3, 4, 5]), weight, weight * 7)
    return FeatureGraph.from_edges(("in", "mid.x", "out-1"), (3, 1, 2), edges, nodes, 0.1)


def same(one: FeatureGraph, other: FeatureGraph) -> bool:
    return differences(one, other) == ()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=8), min_size=6, max_size=6))
def test_export_then_import_is_identity(labels: list[str]) -> None:
    graph = sample(labels)
    content = render(graph, "json")[""]
    back = graph_from_json(content)
    assert same(graph, back)
    assert graph_to_json(back) == content


def test_import_of_an_empty_graph_and_of_isolated_features() -> None:
    for sites, sizes in (((), ()), (("a", "b"), (3, 0))):
        graph = FeatureGraph.from_edges(sites, sizes, EdgeArrays.empty())
        assert same(graph, graph_from_json(graph_to_json(graph)))


def test_own_json_carries_an_answer_as_a_graph(tmp_path: Path) -> None:
    answer = queries.ancestors(sample(), "mid.x/0")
    (file,) = export(answer, tmp_path / "deep" / "cone.json", "json")
    back = read_graph(file)
    assert back.edge_count == 2
    assert back.sites == sample().sites
    assert back.nodes.label.take(np.arange(6)) == [*HOSTILE[:2], "", HOSTILE[3], "", ""]


DOCUMENT = json.loads(graph_to_json(sample()))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "not a JSON document"),
        (b"[" * 100_000, "not a JSON document"),
        (b"[]", "its $schema is None"),
        (DOCUMENT | {"$schema": "circuitlogic/graph/2"}, "its $schema is 'circuitlogic/graph/2'"),
        (DOCUMENT | {"edges": [{"source": "in/0"}]}, "edges.0.target: Field required"),
        (DOCUMENT | {"extra": 1}, "extra: Extra inputs"),
        (DOCUMENT | {"threshold": float("nan")}, "threshold"),
        (DOCUMENT | {"sites": [{"name": "in", "size": 10**12}]}, "sites.0.size"),
        (DOCUMENT | {"sites": [{"name": f"s{i}", "size": 40_000_000} for i in range(2)]}, "at most"),
        (DOCUMENT | {"edges": [DOCUMENT["edges"][0] | {"weight": float("inf")}]}, "edges.0.weight"),
        (DOCUMENT | {"edges": [DOCUMENT["edges"][0] | {"weight": "0.5"}]}, "edges.0.weight"),
        (DOCUMENT | {"edges": [DOCUMENT["edges"][0] | {"source": "in/3"}]}, "in has features 0..2"),
        (DOCUMENT | {"edges": [DOCUMENT["edges"][0] | {"target": "In/0"}]}, "unknown feature 'In/0'"),
        (DOCUMENT | {"nodes": DOCUMENT["nodes"] * 2}, "node in/0 is given twice"),
        (DOCUMENT | {"nodes": [{"id": "in/0", "label": "\ud800"}]}, "holds a lone surrogate"),
    ],
)
def test_damaged_documents_are_refused_in_one_line(tmp_path: Path, content: object, line: str) -> None:
    file = tmp_path / "graph.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(DataError) as caught:
        read_graph(file)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_graph(tmp_path / "none.json")


def check_view(view: "nx.DiGraph[str]") -> None:
    assert set(view.nodes) == {str(f) for f in queries.whole(sample()).features}
    weights = {(a, b): data["weight"] for a, b, data in view.edges(data=True)}
    assert weights == {(a, b): data["weight"] for a, b, data in queries.whole(sample()).edge_items()}
    assert "firing_rate" not in view.nodes["in/2"]
    assert view.nodes["out-1/0"]["kind"] == "and-not"
    assert view.nodes["in/0"]["label"] == HOSTILE[0]


def test_graphml_is_read_back_and_control_characters_are_gone() -> None:
    content = render(sample(), "graphml")[""]
    view = nx.read_graphml(io.BytesIO(content))
    check_view(view)
    assert view.nodes["in/1"]["label"] == "\ufffd\ufffd[31m\ufffd"
    assert b"<script" not in content


def test_node_link_is_read_back() -> None:
    document = json.loads(render(sample(), "node-link")[""])
    view = nx.node_link_graph(document, edges="edges")
    check_view(view)
    assert view.nodes["in/1"]["label"] == HOSTILE[1]


def test_cytoscape_is_read_back() -> None:
    document = json.loads(render(sample(), "cytoscape")[""])
    check_view(nx.cytoscape_graph(document))


def test_csv_cells_are_not_formulas(tmp_path: Path) -> None:
    edges_file, nodes_file = export(sample(), tmp_path / "graph.csv", "csv")
    assert (edges_file.name, nodes_file.name) == ("graph.csv", "graph.nodes.csv")
    with edges_file.open(newline="") as stream:
        edges = list(csv.DictReader(stream))
    with nodes_file.open(newline="", encoding="utf-8") as stream:
        nodes = list(csv.DictReader(stream))
    assert [float(row["weight"]) for row in edges] == sample().edges().weight.tolist()
    assert nodes[2]["label"] == "'" + HOSTILE[2]
    assert nodes[3]["label"] == HOSTILE[3]
    assert nodes[2]["firing_rate"] == ""


def test_parquet_has_edges_and_nodes(tmp_path: Path) -> None:
    edges, nodes = (pq.read_table(file) for file in export(sample(), tmp_path / "g.parquet", "parquet"))
    assert edges["weight"].to_pylist() == sample().edges().weight.tolist()
    assert nodes["label"].to_pylist() == HOSTILE


@pytest.mark.parametrize("name", sorted(EXPORTERS))
def test_every_format_is_deterministic_and_takes_empty_and_partial_graphs(name: str) -> None:
    empty = FeatureGraph.from_edges((), (), EdgeArrays.empty())
    cone = queries.ancestors(sample(), "out-1/1")
    for source in (empty, cone, sample()):
        assert dict(render(source, name)) == dict(render(source, name))


def test_unknown_and_doubled_formats_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean graphml"):
        render(sample(), "graphlm")
    with pytest.raises(ConfigError, match="registered already"):
        register(Exporter("csv", ".csv", lambda _: {}))


@settings(max_examples=15, deadline=None)
@example(["\r", "a\r\nb", "\n", '"', ",", "\r,"], "csv")
@given(st.lists(st.text(max_size=8), min_size=6, max_size=6), st.sampled_from(sorted(READERS)))
def test_every_format_that_is_read_back_loses_only_what_it_says(labels: list[str], form: str) -> None:
    graph = sample(labels)
    back = graph_from_parts(render(graph, form), form)
    printable = all(c in "\t\n" or (c >= " " and c not in "\ufffe\uffff") for label in labels for c in label)
    allowed = {"csv": {"threshold"}, "graphml": set() if printable else {"label"}}.get(form, set())
    assert set(differences(graph, back)) <= allowed
    assert bool(EXPORTERS[form].loses) == (form in ("csv", "graphml"))


@pytest.mark.parametrize("form", sorted(READERS))
def test_an_answer_and_an_empty_graph_come_back(form: str, tmp_path: Path) -> None:
    empty = FeatureGraph.from_edges(("a", "b"), (2, 1), EdgeArrays.empty())
    assert same(empty, graph_from_parts(render(empty, form), form))
    cone = sample().ancestors("out-1/0")
    export(cone, tmp_path / "cone.x", form)
    back = read_graph_file(tmp_path / "cone.x", form)
    assert {(a, b) for a, b, _ in back.whole().edge_items()} == {(a, b) for a, b, _ in cone.edge_items()}


@pytest.mark.parametrize("form", sorted(READERS))
@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b"<graphml/>", b'{"nodes": 1}'])
def test_other_files_are_refused_in_one_line(form: str, content: bytes) -> None:
    if form == "graphml" and content == b"<graphml/>":
        pytest.skip("that is a GraphML file, if an odd one")
    with pytest.raises(DataError) as caught:
        graph_from_parts({"": content, "nodes": content}, form)
    assert "\n" not in str(caught.value)


def test_a_graphml_file_of_somebody_else_is_read() -> None:
    view = nx.DiGraph([("a/0", "b/2", {"weight": 0.5}), ("b/1", "c/0", {"weight": -1.5})])
    stream = io.BytesIO()
    nx.write_graphml(view, stream)
    graph = graph_from_parts({"": stream.getvalue()}, "graphml")
    assert (graph.sites, graph.site_sizes) == (("a", "b", "c"), (1, 3, 1))
    assert [edge.weight for edge in graph.edges_into("c/0")] == [-1.5]


REQUIRED = {
    "node_id": str,
    "layer": (str, int),
    "ctx_idx": int,
    "feature_type": str,
    "jsNodeId": str,
    "clerp": str,
}


def test_neuronpedia_documents_meet_the_published_schema() -> None:
    """Required keys and types of version 1.0.0."""
    answer = sample().ancestors("out-1/0")
    document = json.loads(render(answer, "neuronpedia")[""])
    assert {"metadata", "qParams", "nodes", "links"} <= document.keys()
    about = document["metadata"]
    assert isinstance(about["prompt_tokens"], list)
    assert all(isinstance(about[key], str) for key in ("slug", "scan", "prompt"))
    assert document["qParams"]["pinnedIds"] == ["2_0_0"]
    for node in document["nodes"]:
        assert all(isinstance(node[key], kind) for key, kind in REQUIRED.items())
        assert isinstance(node["feature"], int)
        assert node["influence"] is None or isinstance(node["influence"], float)
    ids = [node["node_id"] for node in document["nodes"]]
    assert len(set(ids)) == len(ids) == 2
    assert len({node["feature"] for node in document["nodes"]}) == 2
    for link in document["links"]:
        assert {link["source"], link["target"]} <= set(ids)
        assert isinstance(link["weight"], float)
    clerps = {node["node_id"]: node["clerp"] for node in document["nodes"]}
    assert clerps["2_0_0"].startswith("out-1/0 · ")
    assert clerps["2_0_0"].endswith("and-not")


def test_an_attribution_graph_of_another_tool_is_refused() -> None:
    document = {"metadata": {"slug": "x"}, "qParams": {}, "nodes": [], "links": []}
    with pytest.raises(DataError, match="of one prompt"):
        graph_from_parts({"": json.dumps(document).encode()}, "neuronpedia")


def test_dot_is_what_graphviz_reads() -> None:
    pygraphviz = pytest.importorskip("pygraphviz")
    drawn = pygraphviz.AGraph(string=render(sample(), "dot")[""].decode())
    features = {node.attr["feature"] for node in drawn.nodes()}
    assert features == {str(f) for f in queries.whole(sample()).features}
    weights = sorted(float(edge.attr["value"]) for edge in drawn.edges())
    assert weights == sorted(sample().edges().weight.tolist())
    drawn.close()
