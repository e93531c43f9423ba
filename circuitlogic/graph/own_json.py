"""The project's own JSON form of a feature graph, `circuitlogic/graph/1`: nothing lost, anyone can read it.

    {"$schema": "circuitlogic/graph/1", "threshold": 0.1,
     "sites": [{"name": "hidden.1", "size": 256}, ...],
     "nodes": [{"id": "hidden.1/30", "label": "loop", "kind": "or", "firing_rate": 0.02, "scale": 1.4}, ...],
     "edges": [{"source": "hidden.1/30", "target": "hidden.2/4", "weight": 0.26, "raw_weight": 0.31}, ...]}

Features that have no edge and of which nothing is known are not listed; `sites` still counts them.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from circuitlogic.errors import CircuitLogicError, DataError
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.columns import EdgeArrays, NodeColumns
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.subgraph import SubGraph, Told

SCHEMA = "circuitlogic/graph/1"
_MOST_FEATURES = 50_000_000
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Site(_Strict):
    name: str
    size: Annotated[int, Field(ge=0, le=_MOST_FEATURES)]


class _Node(_Strict):
    id: str
    label: str = ""
    kind: str = ""
    firing_rate: Finite | None = None
    scale: Finite | None = None
    bias: Finite | None = None
    fidelity: Finite | None = None


class _Edge(_Strict):
    source: str
    target: str
    weight: Finite
    raw_weight: Finite


class _Document(_Strict):
    schema_: Annotated[Literal["circuitlogic/graph/1"], Field(alias="$schema")]
    threshold: Annotated[Finite, Field(ge=0)]
    sites: list[_Site]
    nodes: list[_Node]
    edges: list[_Edge]


def graph_to_json(graph: BaseGraph) -> bytes:
    """The whole graph; same graph, same bytes."""
    edges, known = graph.edges(), graph.nodes
    listed = np.zeros(len(graph), np.bool_)
    listed[edges.source] = listed[edges.target] = True
    listed[known.label.filled()] = listed[known.kind.filled()] = True
    for column in known.numbers().values():
        listed |= np.isfinite(column)
    view = SubGraph(graph, (), np.flatnonzero(listed), Told(lambda: edges))
    where = ("site", "index")
    document = {
        "$schema": SCHEMA,
        "threshold": graph.threshold,
        "sites": [{"name": n, "size": s} for n, s in zip(graph.sites, graph.site_sizes, strict=True)],
        "nodes": [
            {"id": name, **{key: value for key, value in data.items() if key not in where}}
            for name, data in view.node_items()
        ],
        "edges": [{"source": a, "target": b, **data} for a, b, data in view.edge_items()],
    }
    return json.dumps(document, allow_nan=False, indent=1).encode() + b"\n"


def read_graph(path: Path) -> FeatureGraph:
    """Read a file that `graph_to_json` made.

    Raises:
        DataError: the file cannot be read, is not of this form, or describes an impossible graph.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        return graph_from_json(content)
    except CircuitLogicError as error:
        raise DataError(f"{path}: {error}") from error


def graph_from_json(content: bytes) -> FeatureGraph:
    """The graph in a document of schema `circuitlogic/graph/1`.

    Raises:
        DataError: it is another document, or describes an impossible graph.
        UnknownNameError: an edge or node names a feature that the sites do not have.
    """
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError("not a JSON document") from error
    return graph_from_document(found)


def graph_from_document(found: Any) -> FeatureGraph:
    """The same from the document's plain values.

    Raises:
        DataError: it is another document, or describes an impossible graph.
        UnknownNameError: an edge or node names a feature that the sites do not have.
    """
    document = _parse(found)
    sites, sizes = tuple(s.name for s in document.sites), tuple(s.size for s in document.sites)
    if sum(sizes) > _MOST_FEATURES:
        raise DataError(f"{sum(sizes)} features: a graph file may describe at most {_MOST_FEATURES}")
    bare = FeatureGraph.from_edges(sites, sizes, EdgeArrays.empty())
    edges = EdgeArrays(
        np.array([bare.node(edge.source) for edge in document.edges], np.int64),
        np.array([bare.node(edge.target) for edge in document.edges], np.int64),
        np.array([edge.weight for edge in document.edges], np.float64),
        np.array([edge.raw_weight for edge in document.edges], np.float64),
    )
    return FeatureGraph.from_edges(sites, sizes, edges, _columns(bare, document.nodes), document.threshold)


def _columns(bare: BaseGraph, nodes: list[_Node]) -> NodeColumns:
    rows = [bare.node(node.id) for node in nodes]
    if len(set(rows)) < len(rows):
        twice = next(node.id for row, node in zip(rows, nodes, strict=True) if rows.count(row) > 1)
        raise DataError(f"node {twice} is given twice")
    label, kind = [""] * len(bare), [""] * len(bare)
    numbers = {name: np.full(len(bare), np.nan) for name in bare.nodes.numbers()}
    for row, node in zip(rows, nodes, strict=True):
        label[row], kind[row] = node.label, node.kind
        for name, column in numbers.items():
            value = getattr(node, name)
            column[row] = np.nan if value is None else value
    return NodeColumns.of(len(bare), label, kind, **numbers)


def _parse(found: Any) -> _Document:
    schema = found.get("$schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise DataError(f"not a feature graph of schema {SCHEMA!r}: its $schema is {schema!r:.60}")
    try:
        return _Document.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise DataError(f"{place}: {first['msg']}") from error
