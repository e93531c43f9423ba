"""Owns what a cone diagram is drawn from: features as nodes, connector entries as edges, what to keep."""

import heapq
import math
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from circuitlogic.errors import DataError
from circuitlogic.features import FeatureId


@dataclass(frozen=True, slots=True)
class CircuitNode:
    """One feature of a circuit."""

    feature: FeatureId
    label: str = ""
    """What the feature means, in words of a person or a file (untrusted); empty if nobody has said."""
    kind: str = ""
    """Name of its gate's kind; empty for a feature that is only an input."""
    box: str = ""
    """Text of its gate's box, e.g. `>=1`; empty: taken from the gate's formula."""


@dataclass(frozen=True, slots=True)
class CircuitEdge:
    """One connection between two features of a circuit."""

    source: FeatureId
    target: FeatureId
    weight: float
    """Between unit-scale features; finite."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """A part of the feature graph: a cone, a layer, or all of it.

    Raises:
        DataError: a node appears twice, an edge ends at a feature that is no node, or a weight is not finite.
    """

    nodes: tuple[CircuitNode, ...]
    edges: tuple[CircuitEdge, ...]

    def __post_init__(self) -> None:
        features = {node.feature for node in self.nodes}
        if len(features) != len(self.nodes):
            raise DataError("a circuit lists a feature twice: give each feature one node")
        for edge in self.edges:
            for end in (edge.source, edge.target):
                if end not in features:
                    raise DataError(
                        f"edge {edge.source} -> {edge.target} ends at {end}, not a node of the circuit"
                    )
            if not math.isfinite(edge.weight):
                raise DataError(f"edge {edge.source} -> {edge.target} has weight {edge.weight}, not finite")


def site_order(circuit: Circuit) -> tuple[str, ...]:
    """The sites, inputs first: topological where the edges allow it, else in the order of the nodes."""
    pending = list(dict.fromkeys(node.feature.site for node in circuit.nodes))
    before: dict[str, set[str]] = {site: set() for site in pending}
    for edge in circuit.edges:
        if edge.source.site != edge.target.site:
            before[edge.target.site].add(edge.source.site)
    ordered: list[str] = []
    while pending:
        ready = next((site for site in pending if before[site] <= set(ordered)), pending[0])
        pending.remove(ready)
        ordered.append(ready)
    return tuple(ordered)


def strongest_part(circuit: Circuit, max_nodes: int, keep: Collection[FeatureId] = ()) -> Circuit:
    """The part of at most `max_nodes` features that grows from `keep` along the strongest edges.

    Each step adds the feature with the largest |weight| to those already in (ties: first edge), so what is
    kept hangs together; with nothing left to grow along, growth starts anew at the strongest other edge.
    """
    if len(circuit.nodes) <= max_nodes:
        return circuit
    kept: set[FeatureId] = set()
    for feature in _growth(circuit, keep):
        if len(kept) >= max_nodes:
            break
        kept.add(feature)
    return Circuit(
        tuple(node for node in circuit.nodes if node.feature in kept),
        tuple(edge for edge in circuit.edges if edge.source in kept and edge.target in kept),
    )


def _growth(circuit: Circuit, keep: Collection[FeatureId]) -> Iterator[FeatureId]:
    """All features, in the order in which they are added."""
    at: dict[FeatureId, list[int]] = defaultdict(list)
    for position, edge in enumerate(circuit.edges):
        at[edge.source].append(position)
        at[edge.target].append(position)
    by_strength = sorted(range(len(circuit.edges)), key=lambda i: (-abs(circuit.edges[i].weight), i))
    ends = (circuit.edges[i].target for i in by_strength)
    starts = [n.feature for n in circuit.nodes if n.feature in keep]
    taken: set[FeatureId] = set()
    frontier: list[tuple[float, int]] = []
    seeds = (starts, *([end] for end in ends), *([node.feature] for node in circuit.nodes))
    for seed in seeds:
        arrivals = seed[::-1]
        while arrivals or frontier:
            if not arrivals:
                position = heapq.heappop(frontier)[1]
                arrivals = [circuit.edges[position].target, circuit.edges[position].source]
            feature = arrivals.pop()
            if feature in taken:
                continue
            taken.add(feature)
            yield feature
            for position in at[feature]:
                heapq.heappush(frontier, (-abs(circuit.edges[position].weight), position))
