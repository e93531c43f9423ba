"""Reading back what `circuitlogic.graph.exporters` writes: each format becomes a document of our own schema first.

So whatever the file holds, `own_json` checks it and builds the graph. Foreign files of these formats are read, too,
if their node ids are `site/index`; without a list of sites, these are ordered so that edges go forward, as far as
they do.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from circuitlogic.errors import CircuitLogicError, DataError
from circuitlogic.features import FeatureId
from circuitlogic.graph.attributes import GRAPH_KEYS
from circuitlogic.graph.neuronpedia import from_neuronpedia
from circuitlogic.graph.own_json import SCHEMA, graph_from_document, graph_from_json
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.registry import Registry

Records: TypeAlias = list[dict[str, Any]]

_NODE = {"label": str, "kind": str, "firing_rate": float, "scale": float, "bias": float, "fidelity": float}
_EDGE = {"weight": float, "raw_weight": float}
_ESCAPED = re.compile(r"''*\s*[=+\-@]")


@dataclass(frozen=True, slots=True)
class Reader:
    """How one format is read back."""

    document: Callable[[Mapping[str, bytes]], dict[str, Any]]
    """The files' contents, by part name, as a document of our own schema."""
    nodes_beside: bool = False
    """Whether the nodes are in a file of their own."""
    whole: bool = True
    """Whether all of a graph comes back."""


def read_graph_file(path: Path, form: str) -> FeatureGraph:
    """Read a file that `export` wrote in this format; csv and parquet look for `NAME.nodes.SUFFIX` beside it.

    Raises:
        UnknownNameError: there is no such format, or it cannot be read back.
        DataError: a file is missing, is not of this format, or describes an impossible graph.
    """
    reader = READERS[form]
    beside = path.with_name(f"{path.stem}.nodes{path.suffix}")
    try:
        parts = {"": path.read_bytes()}
        if reader.nodes_beside:
            parts["nodes"] = beside.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    return graph_from_parts(parts, form, str(path))


def graph_from_parts(parts: Mapping[str, bytes], form: str, origin: str = "the graph") -> FeatureGraph:
    """The same from the files' contents, by part name.

    Raises:
        UnknownNameError: there is no such format, or it cannot be read back.
        DataError: not of this format, or an impossible graph.
    """
    reader = READERS[form]
    if form == "json":
        return graph_from_json(parts[""])
    try:
        return graph_from_document(reader.document(parts))
    except CircuitLogicError as error:
        raise DataError(f"{origin}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError, OSError) as error:
        what = f"{type(error).__name__} {error}".splitlines()[0]
        raise DataError(f"{origin} is not a {form} file: {what}") from error


def _document(about: Mapping[str, Any], nodes: Records, edges: Records) -> dict[str, Any]:
    """A document of our own schema; `about` may hold `sites` (JSON text or a list) and `threshold`."""
    sites = about.get(GRAPH_KEYS.sites)
    if isinstance(sites, str):
        sites = json.loads(sites)
    names = [node["id"] for node in nodes]
    return {
        "$schema": SCHEMA,
        "threshold": float(about.get(GRAPH_KEYS.threshold, 0.0)),
        "sites": _sites(names, edges) if sites is None else sites,
        "nodes": [node for node in (_picked(node, _NODE, ("id",)) for node in nodes) if len(node) > 1],
        "edges": [_picked(edge, _EDGE, ("source", "target")) for edge in edges],
    }


def _sites(names: Iterable[str], edges: Records) -> list[dict[str, Any]]:
    """Sites in an order in which edges go forward; as many features as the largest index asks for.

    Where sites feed each other in a circle the first one met goes first.
    """
    sizes: dict[str, int] = {}
    for name in names:
        feature = FeatureId.parse(name)
        sizes[feature.site] = max(sizes.get(feature.site, 0), feature.index + 1)
    feeding = {site: set[str]() for site in sizes}
    for edge in edges:
        source, target = (FeatureId.parse(edge[end]).site for end in ("source", "target"))
        feeding.setdefault(target, set()).update({source} - {target})
    order: list[str] = []
    while feeding:
        free = next((site for site, before in feeding.items() if not before - {*order}), next(iter(feeding)))
        order.append(free)
        del feeding[free]
    return [{"name": site, "size": sizes.get(site, 0)} for site in order]


def _picked(record: Mapping[str, Any], known: Mapping[str, type], ends: tuple[str, ...]) -> dict[str, Any]:
    """What our schema has, of its types; a lone weight counts as both."""
    found: dict[str, Any] = {name: str(record[name]) for name in ends}
    for name, kind in known.items():
        value = record.get(name)
        if value is not None and value != "":
            found[name] = kind(value)
    if "weight" in known:
        found.setdefault("raw_weight", found["weight"])
    return found


def _object(content: bytes) -> dict[str, Any]:
    found = json.loads(content)
    if not isinstance(found, dict):
        raise DataError(f"a JSON {type(found).__name__}, an object is needed")
    return found


def _records(found: Any) -> Records:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise DataError("nodes and edges must be lists of objects")
    return found


def _graphml(parts: Mapping[str, bytes]) -> dict[str, Any]:
    import networkx

    try:
        view: Any = networkx.read_graphml(io.BytesIO(parts[""]))
    except networkx.NetworkXError as error:
        raise DataError(str(error).splitlines()[0]) from error
    nodes = [{**data, "id": name} for name, data in view.nodes(data=True)]
    edges = [{**data, "source": a, "target": b} for a, b, data in view.edges(data=True)]
    return _document(view.graph, nodes, edges)


def _node_link(parts: Mapping[str, bytes]) -> dict[str, Any]:
    found = _object(parts[""])
    edges = found["edges"] if "edges" in found else found["links"]
    return _document(found.get("graph", {}), _records(found["nodes"]), _records(edges))


def _cytoscape(parts: Mapping[str, bytes]) -> dict[str, Any]:
    found = _object(parts[""])
    elements = found["elements"]
    nodes, edges = ([one["data"] for one in elements[name]] for name in ("nodes", "edges"))
    return _document(dict(found.get("data", ())), nodes, edges)


def _csv(parts: Mapping[str, bytes]) -> dict[str, Any]:
    edges, nodes = (_rows(parts[name]) for name in ("", "nodes"))
    return _document({}, nodes, edges)


def _rows(content: bytes) -> Records:
    rows = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""))
    if not {"source", "target", "weight"} <= {*(rows.fieldnames or ())} and "id" not in (
        rows.fieldnames or ()
    ):
        raise DataError("no columns source, target and weight, or id")
    return [
        {key: value[1:] if _ESCAPED.match(value) else value for key, value in row.items()} for row in rows
    ]


def _parquet(parts: Mapping[str, bytes]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        tables = {name: pq.read_table(io.BytesIO(content)) for name, content in parts.items()}
    except pa.ArrowException as error:
        raise DataError(str(error).splitlines()[0]) from error
    about = {key.decode(): value.decode() for key, value in (tables["nodes"].schema.metadata or {}).items()}
    nodes = [{**row, "id": f"{row['site']}/{row['index']}"} for row in tables["nodes"].to_pylist()]
    edges = [
        {
            **row,
            "source": f"{row['source_site']}/{row['source_index']}",
            "target": f"{row['target_site']}/{row['target_index']}",
        }
        for row in tables[""].to_pylist()
    ]
    return _document(about, nodes, edges)


def _neuronpedia(parts: Mapping[str, bytes]) -> dict[str, Any]:
    return _document(*from_neuronpedia(_object(parts[""])))


READERS: Registry[Reader] = Registry(
    "readable graph format",
    {
        "json": Reader(lambda parts: json.loads(parts[""])),
        "graphml": Reader(_graphml),
        "node-link": Reader(_node_link),
        "cytoscape": Reader(_cytoscape),
        "csv": Reader(_csv, nodes_beside=True, whole=False),
        "parquet": Reader(_parquet, nodes_beside=True),
        "neuronpedia": Reader(_neuronpedia),
    },
)
