"""`FeatureGraph`: all features and edges of a study as flat arrays, built once, opened memory-mapped.

Nodes are grouped by site in topological order; edges only go forward in that order (they may skip sites), so
the graph is acyclic and every sweep over it is one pass over the sites.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import ConfigError, DataError, StudyError, UnknownNameError, unknown_name
from circuitlogic.features import Edge, FeatureId
from circuitlogic.graph import disk
from circuitlogic.graph.adjacency import Adjacency
from circuitlogic.graph.columns import EdgeArrays, IntArray, NodeColumns, TextColumn
from circuitlogic.graph.validation import checked_edges, checked_sites, checked_threshold


@dataclass(frozen=True, slots=True, eq=False)
class FeatureGraph:
    """All features and edges of a study. Make it with `from_edges` or `open`."""

    sites: tuple[str, ...]
    """Site names in topological order."""
    site_sizes: tuple[int, ...]
    """Features per site."""
    inputs: Adjacency
    """Edges into each node."""
    outputs: Adjacency
    """The same edges, out of each node."""
    nodes: NodeColumns
    """Attributes of each node."""
    threshold: float = 0.0
    """Edges have |weight| above it (unit-scale weights)."""

    @classmethod
    def from_edges(
        cls,
        sites: tuple[str, ...],
        sizes: tuple[int, ...],
        edges: EdgeArrays,
        nodes: NodeColumns | None = None,
        threshold: float = 0.0,
    ) -> "FeatureGraph":
        """Build the graph from edges in any order; the result does not depend on that order.

        Raises:
            DataError: sites or sizes make no sense; an edge is not finite, zero, doubled, out of range, below
                the threshold, or does not go forward in site order; `nodes` has another number of rows.
        """
        offsets = checked_sites(sites, sizes)
        total = int(offsets[-1])
        threshold = checked_threshold(threshold)
        by_target, by_source = checked_edges(sites, offsets, edges, threshold)
        if nodes is not None and len(nodes) != total:
            raise DataError(f"node columns have {len(nodes)} rows, the sites have {total} features")
        return cls(
            sites=tuple(sites),
            site_sizes=tuple(int(size) for size in sizes),
            inputs=Adjacency.build(total, by_target.target, by_target.source, by_target),
            outputs=Adjacency.build(total, by_source.source, by_source.target, by_source),
            nodes=nodes if nodes is not None else NodeColumns.of(total),
            threshold=threshold,
        )

    def __len__(self) -> int:
        return sum(self.site_sizes)

    @property
    def edge_count(self) -> int:
        """Number of edges."""
        return len(self.inputs)

    @property
    def offsets(self) -> NDArray[np.int64]:
        """First node number of each site, and the number of nodes; shape [sites + 1]."""
        return np.concatenate([[0], np.cumsum(self.site_sizes)]).astype(np.int64)

    def site_of(self, nodes: IntArray) -> NDArray[np.int64]:
        """Position in `sites` of each node's site."""
        return np.searchsorted(self.offsets, nodes, side="right") - 1

    def node(self, feature: FeatureId | str) -> int:
        """The feature's node number.

        Raises:
            ConfigError: a string that is not `site/index`.
            UnknownNameError: there is no such site or feature.
        """
        wanted = FeatureId.parse(feature) if isinstance(feature, str) else feature
        members = self.members(wanted.site)
        if not 0 <= wanted.index < len(members):
            held = f"features 0..{len(members) - 1}" if len(members) else "no features"
            raise UnknownNameError(f"unknown feature {str(wanted)!r}: {wanted.site} has {held}")
        return members[wanted.index]

    def members(self, site: str) -> range:
        """Node numbers of the site's features.

        Raises:
            UnknownNameError: there is no such site.
        """
        if site not in self.sites:
            raise unknown_name("site", site, self.sites)
        position = self.sites.index(site)
        first = sum(self.site_sizes[:position])
        return range(first, first + self.site_sizes[position])

    def feature(self, node: int) -> FeatureId:
        """Whose node number this is."""
        return self.features(np.array([node]))[0]

    def features(self, nodes: IntArray) -> tuple[FeatureId, ...]:
        """Whose node numbers these are."""
        sites = self.site_of(nodes)
        indices = nodes - self.offsets[sites]
        return tuple(
            FeatureId(self.sites[s], i) for s, i in zip(sites.tolist(), indices.tolist(), strict=True)
        )

    def edges(self) -> EdgeArrays:
        """All edges: by target, strongest |weight| first."""
        inputs = self.inputs
        targets = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(inputs.indptr))
        return EdgeArrays(inputs.neighbour, targets, inputs.weight, inputs.raw_weight)

    def edges_into(self, feature: FeatureId | str) -> tuple[Edge, ...]:
        """The feature's inputs, strongest |weight| first."""
        node = self.node(feature)
        target, inputs = self.feature(node), self.inputs
        span = slice(int(inputs.indptr[node]), int(inputs.indptr[node + 1]))
        rows = zip(
            self.features(inputs.neighbour[span]),
            inputs.weight[span].tolist(),
            inputs.raw_weight[span].tolist(),
            strict=True,
        )
        return tuple(Edge(source, target, weight, raw) for source, weight, raw in rows)

    def thresholded(self, threshold: float) -> "FeatureGraph":
        """The same features with only the edges whose |weight| > `threshold`.

        Raises:
            ConfigError: `threshold` is negative or not finite.
        """
        if not (np.isfinite(threshold) and threshold >= 0):
            raise ConfigError(f"threshold {threshold} makes no sense: give a number from 0 up")
        above = np.float32(threshold)
        return replace(
            self,
            inputs=self.inputs.thresholded(above),
            outputs=self.outputs.thresholded(above),
            threshold=max(self.threshold, float(threshold)),
        )

    def with_labels(self, labels: Mapping[str, str]) -> "FeatureGraph":
        """With the labels of some features (`site/index`) replaced; an empty text removes one."""
        return replace(self, nodes=replace(self.nodes, label=self._renamed(self.nodes.label, labels)))

    def with_gate_kinds(self, kinds: Mapping[str, str]) -> "FeatureGraph":
        """With the gate kinds of some features (`site/index`) replaced."""
        return replace(self, nodes=replace(self.nodes, kind=self._renamed(self.nodes.kind, kinds)))

    def _renamed(self, column: TextColumn, changes: Mapping[str, str]) -> TextColumn:
        texts = column.take(np.arange(len(column)))
        for feature, text in changes.items():
            texts[self.node(feature)] = text
        return TextColumn.of(texts)

    def save(self, folder: Path) -> None:
        """Write the graph's folder (see `circuitlogic.graph.disk`), nodes and edges as Parquet beside."""
        from circuitlogic.graph.parquet import write_edges, write_nodes

        nodes = self.nodes
        arrays: dict[str, disk.AnyArray] = {
            "firing_rate": nodes.firing_rate,
            "scale": nodes.scale,
            "bias": nodes.bias,
        }
        for side, lists in (("in", self.inputs), ("out", self.outputs)):
            arrays |= {f"{side}_indptr": lists.indptr, f"{side}_neighbour": lists.neighbour}
            arrays |= {f"{side}_weight": lists.weight, f"{side}_raw_weight": lists.raw_weight}
        for name, column in (("label", nodes.label), ("kind", nodes.kind)):
            arrays |= {f"{name}_characters": column.characters, f"{name}_cuts": column.cuts}
        copies: dict[str, disk.Writer] = {
            "nodes.parquet": lambda stream: write_nodes(self, np.arange(len(self)), stream),
            "edges.parquet": lambda stream: write_edges(self, self.edges(), stream),
        }
        disk.write(folder, disk.Header(self.sites, self.site_sizes, self.threshold), arrays, copies)

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
            nodes = NodeColumns(label, kind, arrays["firing_rate"], arrays["scale"], arrays["bias"])
        except DataError as error:
            raise StudyError(f"{folder} is damaged: {error}; make the graph again") from error
        columns = ("indptr", "neighbour", "weight", "raw_weight")
        inputs, outputs = (
            Adjacency(*(arrays[f"{side}_{name}"] for name in columns)) for side in ("in", "out")
        )
        return cls(header.sites, header.site_sizes, inputs, outputs, nodes, header.threshold)
