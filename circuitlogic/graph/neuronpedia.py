"""The attribution-graph JSON of Neuronpedia and circuit-tracer (schema 1.0.0): for their viewers, and back.

That format describes one prompt; a feature graph has none. So every node stands at position 0 of the prompt
`(weights)`, its layer is the number of its site, and what the format has no place for is kept under keys of ours,
which its schema allows.
"""

from collections.abc import Mapping
from typing import Any

from circuitlogic.errors import DataError
from circuitlogic.graph.attributes import GRAPH_KEYS
from circuitlogic.graph.subgraph import SubGraph

_PROMPT = "(weights)"
_TYPE = "cross layer transcoder"


def to_neuronpedia(answer: SubGraph) -> dict[str, Any]:
    """The answer as a document of that schema."""
    layers = {site: number for number, site in enumerate(answer.graph.sites)}
    nodes: list[dict[str, Any]] = []
    ids: dict[str, str] = {}
    for name, data in answer.node_items():
        layer, index = layers[data.get("site", "")], data.get("index", 0)
        ids[name] = f"{layer}_{index}_0"
        words = (data.get("label"), data.get("kind"))
        own = {key: value for key, value in data.items() if key not in ("site", "index", "influence")}
        nodes.append(
            {
                "node_id": ids[name],
                "feature": cantor(layer, index),
                "layer": str(layer),
                "ctx_idx": 0,
                "feature_type": _TYPE,
                "jsNodeId": f"{layer}_{index}-0",
                "clerp": " · ".join([name, *(word for word in words if word)]),
                "influence": data.get("influence"),
                "activation": None,
                "circuitlogic": {"id": name, **own},
            }
        )
    links = [{"source": ids[a], "target": ids[b], **data} for a, b, data in answer.edge_items()]
    return {
        "metadata": _metadata(answer),
        "qParams": _parameters(answer, ids),
        "nodes": nodes,
        "links": links,
    }


def _metadata(answer: SubGraph) -> dict[str, Any]:
    graph = answer.graph
    return {
        "slug": "circuitlogic",
        "scan": "circuitlogic",
        "schema_version": 1,
        "prompt_tokens": [_PROMPT],
        "prompt": _PROMPT,
        "info": {
            "description": "Weights between features, no prompt: layers are sites, positions mean nothing.",
            "generator": {"name": "circuitlogic"},
        },
        "circuitlogic": {
            GRAPH_KEYS.sites: [
                {"name": name, "size": size} for name, size in zip(graph.sites, graph.site_sizes, strict=True)
            ],
            GRAPH_KEYS.threshold: graph.threshold,
        },
    }


def _parameters(answer: SubGraph, ids: Mapping[str, str]) -> dict[str, Any]:
    """The viewer opens with the features asked about pinned."""
    pinned = [ids[str(feature)] for feature in answer.asked]
    clicked = pinned[0] if pinned else ""
    return {"pinnedIds": pinned, "supernodes": [], "linkType": "both", "clickedId": clicked, "sg_pos": ""}


def cantor(layer: int, index: int) -> int:
    """The pairing function by which that format numbers features over all layers."""
    return (layer + index) * (layer + index + 1) // 2 + index


def from_neuronpedia(
    document: Mapping[str, Any],
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """About the graph, its nodes and its edges, from a document that `to_neuronpedia` made.

    Raises:
        DataError: another tool made it: its nodes are tokens, errors and features of one prompt.
    """
    about = document["metadata"].get("circuitlogic")
    if about is None:
        raise DataError("an attribution graph of one prompt, not a feature graph written by circuitlogic")
    nodes = [node["circuitlogic"] for node in document["nodes"]]
    names = {node["node_id"]: node["circuitlogic"]["id"] for node in document["nodes"]}
    edges = [
        {**link, "source": names[link["source"]], "target": names[link["target"]]}
        for link in document["links"]
    ]
    return about, nodes, edges
