"""The formats a feature graph, or an answer about it, leaves in. One registry; a new format is one function.

Labels are hostile: every writer escapes them in the way of its format. `circuitlogic/graph/1` (`json`) is the
lossless one and the one that is read back (`circuitlogic.graph.own_json`); the others are for other tools.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from circuitlogic.csv_text import csv_line
from circuitlogic.graph.attributes import GRAPH_KEYS, EdgeData, NodeData
from circuitlogic.graph.queries import whole
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.graph.subgraph import SubGraph
from circuitlogic.registry import Registry
from circuitlogic.whole_files import write_bytes

if TYPE_CHECKING:
    import networkx

Parts: TypeAlias = Mapping[str, bytes]
"""Content by part name: `""` is the main file, `nodes` goes beside it as `NAME.nodes.SUFFIX`."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FORMULA = re.compile(r"'*\s*[=+\-@]")


@dataclass(frozen=True, slots=True)
class Exporter:
    """One format."""

    name: str
    """What the user calls it."""
    suffix: str
    """Of its files, with the dot."""
    write: Callable[[SubGraph], Parts]
    """Makes the files' content; same answer, same bytes."""
    loses: str = ""
    """What of a graph the format cannot carry, in words; empty: nothing."""


EXPORTERS: Registry[Exporter] = Registry("graph format")


def register(exporter: Exporter) -> None:
    """Add a format.

    Raises:
        ConfigError: the name is taken.
    """
    EXPORTERS.add(exporter.name, exporter)


def render(source: FeatureGraph | SubGraph, name: str) -> Parts:
    """The content of the files that `export` would write.

    Raises:
        UnknownNameError: there is no such format.
    """
    return EXPORTERS[name].write(whole(source) if isinstance(source, FeatureGraph) else source)


def export(source: FeatureGraph | SubGraph, path: Path, name: str) -> tuple[Path, ...]:
    """Write `source` in format `name` at `path`, and say which files that made.

    Raises:
        UnknownNameError: there is no such format.
    """
    files = {_beside(path, part): content for part, content in render(source, name).items()}
    for file, content in files.items():
        write_bytes(file, content)
    return tuple(files)


def _beside(path: Path, part: str) -> Path:
    return path.with_name(f"{path.stem}.{part}{path.suffix}") if part else path


def to_plain(answer: SubGraph, text: Callable[[str], str] = str) -> "networkx.DiGraph[str]":
    """What every NetworkX writer gets: string ids, plain scalars, nothing unknown; `text` cleans strings."""
    view = answer.to_networkx()
    graph = answer.graph
    sites = [{"name": n, "size": s} for n, s in zip(graph.sites, graph.site_sizes, strict=True)]
    view.graph |= {GRAPH_KEYS.sites: json.dumps(sites), GRAPH_KEYS.threshold: graph.threshold}
    for _, data in view.nodes(data=True):
        data.update({key: text(value) for key, value in data.items() if isinstance(value, str)})
    return view


def _graphml(answer: SubGraph) -> Parts:
    import networkx

    stream = io.BytesIO()
    networkx.write_graphml_xml(to_plain(answer, _xml_text), stream)
    return {"": stream.getvalue()}


def _xml_text(text: str) -> str:
    """XML has no way to write most control characters; they become U+FFFD."""
    return _NOT_XML.sub("\ufffd", text)


def _node_link(answer: SubGraph) -> Parts:
    import networkx

    return {"": _json(networkx.node_link_data(to_plain(answer), edges="edges"))}


def _cytoscape(answer: SubGraph) -> Parts:
    import networkx

    return {"": _json(networkx.cytoscape_data(to_plain(answer)))}


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, allow_nan=False, indent=1).encode() + b"\n"


def _csv(answer: SubGraph) -> Parts:
    node_rows = ({"id": name, **data} for name, data in answer.node_items())
    edge_rows = ({"source": a, "target": b, **data} for a, b, data in answer.edge_items())
    return {
        "": _table(["source", "target", *EdgeData.__annotations__], edge_rows),
        "nodes": _table(["id", *NodeData.__annotations__], node_rows),
    }


def _table(columns: list[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    lines = [csv_line(columns)]
    lines += [csv_line(_cell(row.get(name, "")) for name in columns) for row in rows]
    return "".join(lines).encode()


def _cell(value: object) -> object:
    """Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _parquet(answer: SubGraph) -> Parts:
    from circuitlogic.graph.parquet import write_edges, write_nodes

    edges, nodes = io.BytesIO(), io.BytesIO()
    write_edges(answer.graph, answer.edges, edges)
    write_nodes(answer.graph, answer.nodes, nodes)
    return {"": edges.getvalue(), "nodes": nodes.getvalue()}


def _own_json(answer: SubGraph) -> Parts:
    from circuitlogic.graph.own_json import graph_to_json

    return {"": graph_to_json(answer.to_graph())}


def _neuronpedia(answer: SubGraph) -> Parts:
    from circuitlogic.graph.neuronpedia import to_neuronpedia

    return {"": _json(to_neuronpedia(answer))}


def _dot(answer: SubGraph) -> Parts:
    from circuitlogic.graph.dot_text import to_dot

    return {"": to_dot(answer).encode()}


register(Exporter("json", ".json", _own_json))
register(
    Exporter("graphml", ".graphml", _graphml, "control characters in labels, which XML has no way to write")
)
register(Exporter("node-link", ".json", _node_link))
register(Exporter("cytoscape", ".cyjs", _cytoscape))
register(Exporter("csv", ".csv", _csv, "the threshold, and sites without features"))
register(Exporter("parquet", ".parquet", _parquet))
register(Exporter("neuronpedia", ".json", _neuronpedia))
register(Exporter("dot", ".dot", _dot, "anything but what is drawn, and is not read back"))
