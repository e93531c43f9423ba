"""Node and edge tables as Parquet, for other tools. Sites are dictionary-encoded, unknown is null."""

import json
from io import BufferedIOBase
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from circuitlogic.graph.attributes import GRAPH_KEYS
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.columns import EdgeArrays, IntArray


def write_nodes(graph: BaseGraph, nodes: IntArray, stream: BufferedIOBase) -> None:
    """One row per node: site, index, label, kind, firing_rate, scale, bias, fidelity."""
    columns = graph.nodes
    texts = {"label": columns.label.take(nodes), "kind": columns.kind.take(nodes)}
    table = _ends(graph, nodes, "")
    table |= {name: pa.array(column, pa.string()) for name, column in texts.items()}
    table |= {name: pa.array(column[nodes], from_pandas=True) for name, column in columns.numbers().items()}
    sites = [{"name": n, "size": s} for n, s in zip(graph.sites, graph.site_sizes, strict=True)]
    about = {GRAPH_KEYS.sites: json.dumps(sites), GRAPH_KEYS.threshold: repr(graph.threshold)}
    pq.write_table(pa.table(table, metadata=about), stream)


def write_edges(graph: BaseGraph, edges: EdgeArrays, stream: BufferedIOBase) -> None:
    """One row per edge: source_site, source_index, target_site, target_index, weight, raw_weight."""
    table = _ends(graph, edges.source, "source_") | _ends(graph, edges.target, "target_")
    table |= {"weight": pa.array(edges.weight), "raw_weight": pa.array(edges.raw_weight)}
    pq.write_table(pa.table(table), stream)


def _ends(graph: BaseGraph, nodes: IntArray, prefix: str) -> dict[str, Any]:
    """The Arrow columns `site` and `index` of `nodes`."""
    sites = graph.site_of(nodes)
    names = pa.array(list(graph.sites), pa.string())
    indices = nodes - graph.offsets[sites]
    return {
        f"{prefix}site": pa.DictionaryArray.from_arrays(pa.array(sites.astype(np.int32)), names),
        f"{prefix}index": pa.array(indices.astype(np.int32)),
    }
