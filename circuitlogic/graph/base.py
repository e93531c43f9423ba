"""`BaseGraph`: features grouped by site and the edges between them, as flat arrays; what a node number means.

Nodes are grouped by site in the network's order. Connectors give edges that only go forward in that order (they
may skip sites): such a graph is *layered*, acyclic, and every sweep over it is one pass over the sites. A graph
brought from elsewhere may have edges within a site, backwards, or from a feature to itself: see `circles`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import ConfigError, DataError, UnknownNameError, unknown_name
from circuitlogic.features import Edge, FeatureId
from circuitlogic.graph.adjacency import Adjacency
from circuitlogic.graph.columns import EdgeArrays, IntArray, NodeColumns, TextColumn
from circuitlogic.graph.validation import checked_edges, checked_sites, checked_threshold, is_layered
from circuitlogic.graph.walks import sort_lists

G = TypeVar("G", bound="BaseGraph")
_DIGITS = 10
"""No feature's index has so many."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BaseGraph:
    """Features grouped by site, and their edges. `FeatureGraph` is what users hold."""

    sites: tuple[str, ...]
    """Site names in the network's order."""
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
    layered: bool = True
    """Whether every edge leads to a later site. False is never wrong, only slower."""

    offsets: NDArray[np.int64] = field(init=False, repr=False)
    """First node number of each site, and the number of nodes; shape [sites + 1]."""
    spans: Mapping[str, range] = field(init=False, repr=False)
    """Site -> node numbers of its features."""

    def __post_init__(self) -> None:
        """Number the nodes."""
        offsets = np.concatenate([[0], np.cumsum(self.site_sizes)]).astype(np.int64)
        object.__setattr__(self, "offsets", offsets)
        spans = {
            site: range(*ends) for site, ends in zip(self.sites, pairwise(offsets.tolist()), strict=True)
        }
        object.__setattr__(self, "spans", spans)

    @classmethod
    def from_edges(
        cls: type[G],
        sites: tuple[str, ...],
        sizes: tuple[int, ...],
        edges: EdgeArrays,
        nodes: NodeColumns | None = None,
        threshold: float = 0.0,
    ) -> G:
        """Build the graph from edges in any order; the result does not depend on that order.

        Only of an edge that is given twice the last counts, as in `networkx.DiGraph`. Circles and edges from a
        feature to itself are welcome.

        Raises:
            DataError: sites or sizes make no sense; an edge is not finite, zero, out of range, or below the
                threshold; `nodes` has another number of rows.
        """
        offsets = checked_sites(sites, sizes)
        total = int(offsets[-1])
        threshold = checked_threshold(threshold)
        clean = checked_edges(sites, offsets, edges, threshold)
        if nodes is not None and len(nodes) != total:
            raise DataError(f"node columns have {len(nodes)} rows, the sites have {total} features")
        return cls(
            sites=tuple(sites),
            site_sizes=tuple(int(size) for size in sizes),
            inputs=sort_lists(total, clean.target, clean.source, clean),
            outputs=sort_lists(total, clean.source, clean.target, clean),
            nodes=nodes if nodes is not None else NodeColumns.of(total),
            threshold=threshold,
            layered=is_layered(offsets, clean),
        )

    def __repr__(self) -> str:
        counts = f"{len(self.sites)} sites, {len(self):,} features, {self.edge_count:,} edges"
        return f"{type(self).__name__}({counts} above {self.threshold:g})"

    def __len__(self) -> int:
        return sum(self.site_sizes)

    @property
    def edge_count(self) -> int:
        """Number of edges."""
        return len(self.inputs)

    def site_of(self, nodes: IntArray) -> NDArray[np.int64]:
        """Position in `sites` of each node's site."""
        return np.searchsorted(self.offsets, nodes, side="right") - 1

    def node(self, feature: FeatureId | str) -> int:
        """The feature's node number.

        Raises:
            ConfigError: a string that is not `site/index`.
            UnknownNameError: there is no such site or feature.
        """
        if isinstance(feature, str):
            site, _, index = feature.rpartition("/")
            members = self.spans.get(site)
            if members is not None and index.isdecimal() and index.isascii() and len(index) < _DIGITS:
                number = int(index)
                if number < len(members):
                    return members.start + number  # what is asked all day takes a quarter of a microsecond
            feature = FeatureId.parse(feature)
        if feature.site not in self.spans:
            raise unknown_name("feature", str(feature), (f"{site}/{feature.index}" for site in self.sites))
        members = self.spans[feature.site]
        if not 0 <= feature.index < len(members):
            held = f"features 0..{len(members) - 1}" if len(members) else "no features"
            raise UnknownNameError(f"unknown feature {str(feature)!r}: {feature.site} has {held}")
        return members[feature.index]

    def members(self, site: str) -> range:
        """Node numbers of the site's features.

        Raises:
            UnknownNameError: there is no such site.
        """
        if site not in self.spans:
            raise unknown_name("site", site, self.sites)
        return self.spans[site]

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

    def edges_at(self, positions: IntArray) -> EdgeArrays:
        """The edges at `positions` of `inputs`."""
        inputs = self.inputs
        targets = np.searchsorted(inputs.indptr, positions, side="right") - 1
        ends = inputs.neighbour[positions], targets
        return EdgeArrays(*ends, inputs.weight[positions], inputs.raw_weight[positions])

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

    def thresholded(self: G, threshold: float) -> G:
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

    def labels(self) -> dict[FeatureId, str]:
        """What people call features; foreign text."""
        named = self.nodes.label.filled()
        return dict(zip(self.features(named), self.nodes.label.take(named), strict=True))

    def with_labels(self: G, labels: Mapping[str, str]) -> G:
        """With the labels of some features (`site/index`) replaced; an empty text removes one."""
        return replace(self, nodes=replace(self.nodes, label=self._renamed(self.nodes.label, labels)))

    def with_gates(self: G, kinds: Mapping[str, str], fidelity: Mapping[str, float] | None = None) -> G:
        """With the gate kinds of some features (`site/index`), and how well their formulas do, replaced."""
        column = self.nodes.fidelity.copy()
        for feature, f1 in (fidelity or {}).items():
            column[self.node(feature)] = f1
        kind = self._renamed(self.nodes.kind, kinds)
        return replace(self, nodes=replace(self.nodes, kind=kind, fidelity=column))

    def _renamed(self, column: TextColumn, changes: Mapping[str, str]) -> TextColumn:
        texts = column.take(np.arange(len(column)))
        for feature, text in changes.items():
            texts[self.node(feature)] = text
        return TextColumn.of(texts)
