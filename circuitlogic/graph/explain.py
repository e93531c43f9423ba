"""One line on why an answer is empty: what was asked, what there is instead."""

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np

from circuitlogic.graph.adjacency import Adjacency
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.columns import RealArray
from circuitlogic.graph.filters import Rule
from circuitlogic.graph.subgraph import Path, SubGraph

_SIGNS = {0: "", 1: "positive ", -1: "negative "}


def empty_cone(answer: SubGraph, backward: bool, keep: Rule, sites: Collection[str] | None) -> str:
    """Why a cone holds only its start."""
    graph, start = answer.graph, answer.starts[0]
    lists = graph.inputs if backward else graph.outputs
    side = "inputs" if backward else "outputs"
    return _cut_off(graph, start, _weights(lists, start), side, keep, sites)


def no_neighbors(answer: SubGraph, keep: Rule, sites: Collection[str] | None) -> str:
    """Why a feature has neither inputs nor outputs."""
    graph, start = answer.graph, answer.starts[0]
    weights = np.concatenate([_weights(lists, start) for lists in (graph.inputs, graph.outputs)])
    return _cut_off(graph, start, weights, "inputs or outputs", keep, sites)


def _cut_off(
    graph: BaseGraph,
    start: int,
    weights: RealArray,
    side: str,
    keep: Rule,
    sites: Collection[str] | None,
) -> str:
    if keep.sign:
        weights = weights[weights * keep.sign > 0]
    if not weights.size:
        return f"{graph.feature(start)} has no {_SIGNS[keep.sign]}{side}"
    top = float(np.abs(weights).max())
    if top <= keep.above:
        return nothing_above(float(keep.above), top)
    return (
        f"{graph.feature(start)} has {_SIGNS[keep.sign]}{side}, but none at {', '.join(sorted(sites or ()))}"
    )


def nothing_above(threshold: float, strongest: float) -> str:
    """The threshold is above everything, with enough digits to see it."""
    for digits in (2, 3, 4, 6, 9):
        if float(f"{strongest:.{digits}f}") > 0 and f"{strongest:.{digits}f}" != f"{threshold:.{digits}f}":
            return f"nothing above {threshold:.{digits}f}; strongest {strongest:.{digits}f}"
    return f"nothing above {np.float32(threshold)!s}; strongest {np.float32(strongest)!s}"


def no_path(graph: BaseGraph, start: int, goal: int, keep: Rule, loose: Path | None) -> str:
    """Why `goal` is out of reach. `loose`: the strongest path whatever its weights, length and sites."""
    a, b = graph.feature(start), graph.feature(goal)
    if start == goal:
        return f"{a} is the same feature at both ends: a path needs two"
    if graph.layered and graph.sites.index(a.site) >= graph.sites.index(b.site):
        return f"no path from {a} to {b}: edges only go forward, and {a.site} does not come before {b.site}"
    if loose is None:
        with_these = " with these settings" if keep.above > 0 and not graph.layered else ""
        return f"no {_SIGNS[keep.sign]}path from {a} to {b}{with_these}"
    weakest = min(abs(weight) for weight in loose.weights)
    if weakest <= keep.above:
        return (
            f"no path from {a} to {b} with every edge above {float(keep.above):.2g}; "
            f"the strongest path needs an edge of {weakest:.3g}"
        )
    sites = ", ".join(feature.site for feature in loose.features[1:-1]) or "no other site"
    return f"no such path from {a} to {b}; the strongest has {len(loose.weights)} edges, through {sites}"


def nothing_common(answer: SubGraph, keep: Rule) -> str:
    """Why two features share no ancestors."""
    graph = answer.graph
    for start in answer.starts:
        weights = _weights(graph.inputs, start)
        if not weights.size:
            return f"{graph.feature(start)} has no inputs"
        top = float(np.abs(weights).max())
        if top <= keep.above:
            return f"{graph.feature(start)}: {nothing_above(float(keep.above), top)}"
    names = " and ".join(str(graph.feature(start)) for start in answer.starts)
    return f"{names} share no ancestors{' with these settings' if keep.above > 0 or keep.sign else ''}"


def nothing_found(graph: BaseGraph, asked: Mapping[str, object]) -> str:
    """Why no feature meets the conditions."""
    column, kind = graph.nodes.kind, asked.get("kind")
    if kind is not None:
        counts = Counter(column.take(column.filled()))
        if kind not in counts:
            there = ", ".join(f"{name!r} {count}" for name, count in sorted(counts.items()))
            return f"no feature has gate kind {kind!r}; " + (
                f"there are: {there}" if there else "none has any"
            )
    least = asked.get("min_fidelity")
    if isinstance(least, float) and not (graph.nodes.fidelity >= least).any():
        known = graph.nodes.fidelity[np.isfinite(graph.nodes.fidelity)]
        best = f"the best has {known.max():.2f}" if known.size else "it is known of none"
        return f"no feature has fidelity {least:g} or more; {best}"
    words = ", ".join(f"{name} {value!r}" for name, value in asked.items() if value is not None)
    return f"no feature has {words}" if words else "the graph has no features"


def no_ends(graph: BaseGraph, above: np.float32, sites: Collection[str] | None) -> str:
    """Why there are no roots or leaves."""
    if sites is not None and graph.edge_count and float(np.abs(graph.inputs.weight).max()) > above:
        return f"there are none at {', '.join(sorted(sites))}"
    if not graph.edge_count:
        return "the graph has no edges"
    return nothing_above(float(above), float(np.abs(graph.inputs.weight).max()))


def _weights(lists: Adjacency, node: int) -> RealArray:
    return lists.weight[int(lists.indptr[node]) : int(lists.indptr[node + 1])]
