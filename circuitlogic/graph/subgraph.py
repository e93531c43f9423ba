"""`SubGraph`: the answer to a question about a graph. Arrays first; NetworkX and pandas on request."""

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from circuitlogic.features import FeatureId
from circuitlogic.graph.attributes import EdgeData, NodeData
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.columns import EdgeArrays, IntArray, NodeColumns, RealArray, TextColumn

if TYPE_CHECKING:
    import networkx
    import pandas


@runtime_checkable
class Details(Protocol):
    """What there is to tell of an answer's nodes; each part is worked out when it is asked for."""

    def edges(self) -> EdgeArrays:
        """See `SubGraph.edges`."""
        ...

    def depth(self) -> IntArray | None:
        """See `SubGraph.depth`."""
        ...

    def influence(self) -> RealArray | None:
        """See `SubGraph.influence`."""
        ...


def _unknown() -> None:
    """Nothing to tell."""


@dataclass(frozen=True, slots=True)
class Told:
    """Details from three functions."""

    edges: Callable[[], EdgeArrays] = EdgeArrays.empty
    depth: Callable[[], IntArray | None] = _unknown
    influence: Callable[[], RealArray | None] = _unknown


@dataclass(frozen=True, slots=True)
class Path:
    """One directed path."""

    features: tuple[FeatureId, ...]
    """From the source to the target."""
    weights: tuple[float, ...]
    """Weight of each edge along it."""
    product: float
    """Product of the weights, with its sign; paths are ranked by its absolute value."""


@dataclass(frozen=True, slots=True)
class Frames:
    """An answer as pandas tables."""

    nodes: "pandas.DataFrame"
    """Indexed by `site/index`; columns named as in `circuitlogic.graph.attributes.NodeData`."""
    edges: "pandas.DataFrame"
    """Columns source, target, weight, raw_weight."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphArrays:
    """An answer as arrays that need no `FeatureGraph` to be read."""

    site: IntArray
    """Position of each feature's site in `FeatureGraph.sites`, shape [nodes]."""
    index: IntArray
    """Index of each feature in its site, shape [nodes]."""
    ends: IntArray
    """Row of the source and of the target of each edge, shape [2, edges]."""
    weight: RealArray
    """Shape [edges]."""
    raw_weight: RealArray
    """Shape [edges]."""


@dataclass(frozen=True, eq=False, init=False, repr=False)
class SubGraph:
    """Some features of a graph and some of the edges between them. Edges and influences are worked out late."""

    graph: BaseGraph
    """Where the features live."""
    starts: tuple[int, ...]
    """Node numbers of the features asked about; empty for an answer that starts from none."""
    nodes: IntArray
    """Node numbers in the answer, starts included; nearest first, then by number (`ranked` orders them anew)."""
    details: Details
    """See `edges`, `depth` and `influence`."""
    paths: tuple[Path, ...] = ()
    """For path questions: the paths, strongest first."""
    explanation: str = ""
    """Why the answer is empty, in one line; empty text if it is not."""
    left_out: int = 0
    """How many features `limit` cut off."""

    def __init__(
        self,
        graph: BaseGraph,
        starts: tuple[int, ...],
        nodes: IntArray,
        details: Details,
        paths: tuple[Path, ...] = (),
        explanation: str = "",
        left_out: int = 0,
    ) -> None:
        """What a frozen dataclass does, in half the time: this is a tenth of a short answer."""
        own = vars(self)
        own["graph"], own["starts"], own["nodes"], own["details"] = graph, starts, nodes, details
        own["paths"], own["explanation"], own["left_out"] = paths, explanation, left_out

    def __repr__(self) -> str:
        about = f" about {' and '.join(map(str, self.asked))}" if self.starts else ""
        hidden = f", {self.left_out:,} left out" if self.left_out else ""
        why = f": {self.explanation}" if self.explanation else ""
        return f"SubGraph({self.nodes.size:,} features{about}{hidden}{why})"

    @cached_property
    def edges(self) -> EdgeArrays:
        """Edges in the answer; both ends are among `nodes`."""
        return self.details.edges()

    @cached_property
    def depth(self) -> IntArray | None:
        """Fewest edges between each node and the nearest start; None where the question has no start."""
        return self.details.depth()

    @cached_property
    def influence(self) -> RealArray | None:
        """Signed weight product of the strongest path between each node and the start (1 at the start itself)."""
        return self.details.influence()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found besides the features asked about."""
        return self.nodes.size <= len(self.starts) and not len(self.edges)

    @property
    def asked(self) -> tuple[FeatureId, ...]:
        """The features asked about."""
        return tuple(map(self.graph.feature, self.starts))

    @property
    def features(self) -> tuple[FeatureId, ...]:
        """The features in the answer, in the order of `nodes`."""
        return self.graph.features(self.nodes)

    def ranked(self) -> "SubGraph":
        """The same answer, its nodes nearest first, then strongest |influence| first, then by number."""
        if self.depth is None or self.influence is None:
            return self
        return self.taking(np.lexsort((self.nodes, -np.abs(self.influence), self.depth)))

    def taking(self, rows: IntArray) -> "SubGraph":
        """Only the nodes at these rows of `nodes`, in this order, with the edges among them."""
        everyone = rows.size == self.nodes.size

        def edges() -> EdgeArrays:
            if everyone:
                return self.edges
            inside = np.zeros(len(self.graph), np.bool_)
            inside[self.nodes[rows]] = True
            return self.edges.where(inside[self.edges.source] & inside[self.edges.target])

        def depth() -> IntArray | None:
            return None if self.depth is None else self.depth[rows]

        def influence() -> RealArray | None:
            return None if self.influence is None else self.influence[rows]

        return replace(self, nodes=self.nodes[rows], details=Told(edges, depth, influence))

    def node_items(self) -> list[tuple[str, NodeData]]:
        """Each feature's id and attributes, as plain Python values, unknown ones left out."""
        table = self.graph.nodes
        records: list[tuple[str, NodeData]] = []
        texts = zip(table.label.take(self.nodes), table.kind.take(self.nodes), strict=True)
        for feature, (label, kind) in zip(self.features, texts, strict=True):
            data = NodeData(site=feature.site, index=feature.index)
            if label:
                data["label"] = label
            if kind:
                data["kind"] = kind
            records.append((str(feature), data))
        for name, column in self._numbers().items():
            known = np.flatnonzero(np.isfinite(column))
            for row, value in zip(known.tolist(), column[known].tolist(), strict=True):
                cast(dict[str, object], records[row][1])[name] = value
        return records

    def edge_items(self) -> list[tuple[str, str, EdgeData]]:
        """Each edge's source, target and attributes, as plain Python values."""
        names = np.array([str(feature) for feature in self.features], dtype=object)
        source, target = names[self._rows(self.edges.source)], names[self._rows(self.edges.target)]
        weights = zip(self.edges.weight.tolist(), self.edges.raw_weight.tolist(), strict=True)
        return [
            (a, b, EdgeData(weight=weight, raw_weight=raw))
            for a, b, (weight, raw) in zip(source.tolist(), target.tolist(), weights, strict=True)
        ]

    def to_networkx(self) -> "networkx.DiGraph[str]":
        """A `networkx.DiGraph` with nodes `site/index`; keys as in `circuitlogic.graph.attributes`."""
        import networkx

        with collector_paused():
            view: networkx.DiGraph[str] = networkx.DiGraph()
            view.add_nodes_from((name, dict(data)) for name, data in self.node_items())
            view.add_edges_from((a, b, dict(data)) for a, b, data in self.edge_items())
        return view

    def to_pandas(self) -> Frames:
        """The answer's nodes and edges as data frames."""
        import pandas

        names = [str(feature) for feature in self.features]
        table, rows = self.graph.nodes, self.nodes
        columns: dict[str, object] = {
            "site": [feature.site for feature in self.features],
            "index": rows - self.graph.offsets[self.graph.site_of(rows)],
            "label": table.label.take(rows),
            "kind": table.kind.take(rows),
            **self._numbers(),
        }
        nodes = pandas.DataFrame(columns, index=pandas.Index(names, name="feature"))
        source, target = self._rows(self.edges.source).tolist(), self._rows(self.edges.target).tolist()
        edges = pandas.DataFrame(
            {
                "source": [names[row] for row in source],
                "target": [names[row] for row in target],
                "weight": self.edges.weight,
                "raw_weight": self.edges.raw_weight,
            }
        )
        return Frames(nodes, edges)

    def to_arrays(self) -> GraphArrays:
        """The answer as self-contained arrays: edge ends are rows of the node arrays."""
        site = self.graph.site_of(self.nodes)
        ends = np.stack([self._rows(self.edges.source), self._rows(self.edges.target)])
        index = self.nodes - self.graph.offsets[site]
        return GraphArrays(site, index, ends, self.edges.weight, self.edges.raw_weight)

    def to_graph(self) -> BaseGraph:
        """A feature graph of the same sites holding only the answer's edges and node attributes."""
        old, graph = self.graph.nodes, self.graph
        kept = np.full(len(graph), False)
        kept[self.nodes] = True
        columns = NodeColumns(
            _only(old.label, kept),
            _only(old.kind, kept),
            *(np.where(kept, column, np.nan) for column in old.numbers().values()),
        )
        return type(graph).from_edges(graph.sites, graph.site_sizes, self.edges, columns, graph.threshold)

    def with_explanation(self, explanation: str) -> "SubGraph":
        """The same answer, saying why it is empty."""
        return replace(self, explanation=explanation)

    def _numbers(self) -> dict[str, IntArray | RealArray]:
        """The nodes' numerical attributes, by name; NaN where unknown."""
        columns: dict[str, IntArray | RealArray] = {
            name: column[self.nodes] for name, column in self.graph.nodes.numbers().items()
        }
        if self.depth is not None:
            columns["depth"] = self.depth
        if self.influence is not None:
            columns["influence"] = self.influence
        return columns

    def _rows(self, nodes: IntArray) -> NDArray[np.intp]:
        """Position in `self.nodes` of each of `nodes`."""
        order = np.argsort(self.nodes, kind="stable")
        return order[np.searchsorted(self.nodes[order], nodes)]


def _only(column: TextColumn, kept: NDArray[np.bool_]) -> TextColumn:
    return TextColumn.of([column[i] if keep else "" for i, keep in enumerate(kept.tolist())])


@contextmanager
def collector_paused() -> Generator[None]:
    """Building millions of dicts is quadratic in garbage collections unless they are paused."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
