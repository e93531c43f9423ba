"""`FeatureGraph`: all features and edges of a study, built once, opened memory-mapped, and asked.

Each question of `circuitlogic.graph.queries` is a method here: `graph.ancestors("hidden.2/30", depth=2)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from circuitlogic.errors import DataError, StudyError
from circuitlogic.graph import contributions, disk, queries
from circuitlogic.graph.adjacency import HEAD, Adjacency
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.columns import NodeColumns, TextColumn
from circuitlogic.graph.subgraph import Frames, GraphArrays
from circuitlogic.graph.validation import checked_sites, checked_threshold

if TYPE_CHECKING:
    import networkx


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FeatureGraph(BaseGraph):
    """All features and edges of a study. Make it with `from_edges` or `open`."""

    ancestors = queries.ancestors
    descendants = queries.descendants
    neighbors = queries.neighbors
    path = queries.path
    between = queries.between
    common = queries.common
    roots = queries.roots
    leaves = queries.leaves
    find = queries.find
    whole = queries.whole
    contributions = contributions.contributions

    def to_networkx(self) -> "networkx.DiGraph[str]":
        """The whole graph as a `networkx.DiGraph`; keys as in `circuitlogic.graph.attributes`."""
        return self.whole().to_networkx()

    def to_pandas(self) -> Frames:
        """The whole graph's nodes and edges as data frames."""
        return self.whole().to_pandas()

    def to_arrays(self) -> GraphArrays:
        """The whole graph as self-contained arrays."""
        return self.whole().to_arrays()

    def save(self, folder: Path) -> None:
        """Write the graph's folder (see `circuitlogic.graph.disk`), nodes and edges as Parquet beside."""
        from circuitlogic.graph.parquet import write_edges, write_nodes

        nodes = self.nodes
        arrays: dict[str, disk.AnyArray] = {
            "firing_rate": nodes.firing_rate,
            "scale": nodes.scale,
            "bias": nodes.bias,
            "fidelity": nodes.fidelity,
        }
        for side, lists in (("in", self.inputs), ("out", self.outputs)):
            arrays |= {f"{side}_indptr": lists.indptr, f"{side}_neighbour": lists.neighbour}
            arrays |= {f"{side}_weight": lists.weight, f"{side}_raw_weight": lists.raw_weight}
            arrays[f"{side}_heads"] = lists.heads.reshape(-1)
        for name, column in (("label", nodes.label), ("kind", nodes.kind)):
            arrays |= {f"{name}_characters": column.characters, f"{name}_cuts": column.cuts}
        copies: dict[str, disk.Writer] = {
            "nodes.parquet": lambda stream: write_nodes(self, np.arange(len(self)), stream),
            "edges.parquet": lambda stream: write_edges(self, self.edges(), stream),
        }
        header = disk.Header(self.sites, self.site_sizes, self.threshold, self.layered)
        disk.write(folder, header, arrays, copies)

    @classmethod
    def open(cls, folder: Path, check: bool = False) -> "FeatureGraph":
        """Open a saved graph without reading it: arrays are memory-mapped, queries touch what they need.

        Args:
            folder: Where `save` wrote it.
            check: Also compare the SHA-256 of every file, which reads all of it.

        Raises:
            StudyError: the folder or one of its files is missing, damaged, or of another schema.
        """
        header, arrays = disk.read(folder, check)
        try:
            checked_sites(header.sites, header.site_sizes)
            checked_threshold(header.threshold)
            label = TextColumn(arrays["label_characters"], arrays["label_cuts"])
            kind = TextColumn(arrays["kind_characters"], arrays["kind_cuts"])
            numbers = (arrays[name] for name in ("firing_rate", "scale", "bias", "fidelity"))
            nodes = NodeColumns(label, kind, *numbers)
        except DataError as error:
            raise StudyError(f"{folder} is damaged: {error}; make the graph again") from error
        disk.let_go(arrays)
        inputs, outputs = _opened(arrays, "in"), _opened(arrays, "out")
        where = header.sites, header.site_sizes
        return cls(*where, inputs, outputs, nodes, header.threshold, header.layered)


def _opened(arrays: Mapping[str, disk.AnyArray], side: str) -> Adjacency:
    names = ("indptr", "neighbour", "weight", "raw_weight")
    heads = arrays[f"{side}_heads"]
    shape = (-1, 2 * HEAD) if heads.size else (0, 0)
    return Adjacency(*(arrays[f"{side}_{name}"] for name in names), heads=heads.reshape(shape))
