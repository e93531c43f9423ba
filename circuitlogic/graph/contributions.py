"""Which ancestors carry how much of a feature's activation: on average over its firings, and on one example.

In unit scale the connector says F_j = w·F + b where F_j > 0. Every feature v that fires on an example passes that
on to its inputs, so with G_u = sum over v that u feeds of w_vu * G_v * [F_v > 0], G_j = 1:

    F_j = sum over direct inputs u of w_ju F_u + b_j + r_j,

and the same again for every F_u that fires, down to any depth. G_u F_u is what u *carries*: exact on each example,
for all edges that leave a cut of the cone together; a feature and its own inputs carry the same twice. The
remainder r_j is what the graph leaves unexplained, b_j the bias; both are told beside the ancestors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Unpack, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import DataError, NothingLeftError
from circuitlogic.graph import walks
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.circles import order_against_edges
from circuitlogic.graph.columns import RealArray
from circuitlogic.graph.cones import Cone, cone
from circuitlogic.graph.filters import ConeFilters, at_sites, counted, edge_rule
from circuitlogic.graph.queries import Feature

MOST_FIRINGS = 2_000
"""Of more firings the first so many are averaged over."""


@runtime_checkable
class SiteActivity(Protocol):
    """Activations of one site's features on some samples, raw units."""

    def column(self, index: int) -> NDArray[np.float64]:
        """One feature on every sample."""
        ...


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one ancestor carries, in unit scale: in typical firings of the feature asked about."""

    feature: str
    depth: int
    """Fewest edges to the feature asked about."""
    weight: float
    """Summed weight products of the paths to it, all taken as open."""
    carried: float
    """Mean over the samples of what it carries."""
    share: float
    """`carried` over the feature's own mean activation on these samples."""
    active: float
    """Share of the samples on which it fires."""


@dataclass(frozen=True, slots=True)
class Contributions:
    """Where a feature's activation comes from."""

    feature: str
    samples: int
    """How many samples it fires on that were averaged over; 1 for an example."""
    example: int | None
    """The sample asked about; None: the average."""
    activation: float
    """The feature's own mean activation on them, unit scale."""
    direct: float
    """Mean of what all direct inputs together carry."""
    bias: float
    unexplained: float
    """`activation` - `direct` - `bias`: what the graph does not predict."""
    ancestors: tuple[Contribution, ...]
    """Largest |carried| first."""
    left_out: int
    """How many ancestors `limit` cut off."""


def contributions(
    graph: BaseGraph,
    feature: Feature,
    activity: Mapping[str, SiteActivity],
    example: int | None = None,
    **only: Unpack[ConeFilters],
) -> Contributions:
    """Ask which ancestors carry how much of `feature`.

    Args:
        graph: The graph to ask.
        feature: Whose activation.
        activity: True features of each site of the cone, the samples of all of them in one order.
        example: One sample; None averages over those on which the feature fires.
        only: Filters; `depth` is 1 unless given.

    Raises:
        DataError: a site has no activations, a feature no known scale, there is no such sample, or edges lead in
            a circle.
        NothingLeftError: the feature does not fire on the samples.
    """
    rule, limit = edge_rule(only), counted("limit", only.get("limit"))
    start = graph.node(feature)
    walk = cone(graph, start, True, rule, counted("depth", only.get("depth", 1)))
    own = _unit(graph, activity, start)
    rows = _samples(graph, start, own, example)
    active = {int(node): _unit(graph, activity, int(node))[rows] for node in walk.nodes}
    gains, sums = _gains(walk, active, rows.size)
    rows_of = zip(walk.nodes.tolist(), walk.depth().tolist(), strict=True)
    found = [
        _contribution(graph, node, depth, gains[node] * active[node], active[node], sums[node], own[rows])
        for node, depth in rows_of
        if node != start
    ]
    if (sites := only.get("sites")) is not None:
        kept = at_sites(graph, np.array([graph.node(one.feature) for one in found], np.int64), sites)
        found = [one for one, keep in zip(found, kept.tolist(), strict=True) if keep]
    found.sort(key=lambda one: -abs(one.carried))
    bias = float(np.nan_to_num(graph.nodes.bias[start]))
    inputs = cone(graph, start, True, rule, 1).edges()
    carried = (
        float(w) * float(active[int(u)].mean()) for u, w in zip(inputs.source, inputs.weight, strict=True)
    )
    direct = sum(carried, 0.0)
    mean = float(own[rows].mean())
    shown = tuple(found[:limit])
    name = str(graph.feature(start))
    about = (name, rows.size, example, mean, direct, bias, mean - direct - bias)
    return Contributions(*about, shown, len(found) - len(shown))


def _contribution(
    graph: BaseGraph,
    node: int,
    depth: int,
    carried: RealArray,
    activation: RealArray,
    weight: float,
    target: RealArray,
) -> Contribution:
    mean, whole = float(carried.mean()), float(target.mean())
    share = mean / whole if whole else float("nan")
    name = str(graph.feature(node))
    return Contribution(name, depth, weight, mean, share, float((activation > 0).mean()))


def _unit(graph: BaseGraph, activity: Mapping[str, SiteActivity], node: int) -> NDArray[np.float64]:
    """A feature's activation on every sample, unit scale."""
    feature = graph.feature(node)
    if feature.site not in activity:
        raise DataError(
            f"no activations of {feature.site}: contributions need those of every site of the cone"
        )
    scale = float(graph.nodes.scale[node])
    if not scale > 0:
        raise DataError(f"{feature} has no known scale: its activation has no unit")
    return activity[feature.site].column(feature.index) / scale


def _samples(graph: BaseGraph, start: int, own: RealArray, example: int | None) -> NDArray[np.int64]:
    if example is None:
        firing = np.flatnonzero(own > 0)[:MOST_FIRINGS]
        if not firing.size:
            raise NothingLeftError(f"{graph.feature(start)} does not fire on any of {own.size} samples")
        return firing
    if not 0 <= example < own.size:
        raise DataError(f"no example {example}: there are 0..{own.size - 1}")
    if own[example] <= 0:
        firing = np.flatnonzero(own > 0)[:4].tolist()
        others = f"; it fires on {', '.join(map(str, firing))}" if firing else ""
        raise NothingLeftError(f"{graph.feature(start)} does not fire on example {example}{others}")
    return np.array([example], np.int64)


def _gains(
    walk: Cone, active: Mapping[int, RealArray], samples: int
) -> tuple[dict[int, NDArray[np.float64]], dict[int, float]]:
    """G of every node on every sample, and the sums of path weights with every node taken as firing."""
    gains = {int(node): np.zeros(samples) for node in walk.nodes}
    sums = dict.fromkeys(gains, 0.0)
    gains[walk.start], sums[walk.start] = np.ones(samples), 1.0
    rule = walk.rule
    for node in _from_the_start(walk):
        passed = gains[node] * (active[node] > 0)
        alone = np.array([node], np.int32)
        most = int(walk.lists.degree(alone, rule.above)[0])
        _, far, weight, _ = walks.gather(walk.lists, alone, rule.above, rule.sign, walk.within, most)
        for source, size in zip(far.tolist(), weight.tolist(), strict=True):
            gains[source] += size * passed
            sums[source] += size * sums[node]
    return gains, sums


def _from_the_start(walk: Cone) -> list[int]:
    """The nodes whose edges were followed, each after all that it feeds.

    Raises:
        DataError: edges lead in a circle.
    """
    opened = set(walk.opened.tolist())
    if walk.graph.layered:
        return sorted(opened, reverse=True)
    order = order_against_edges(walk.edges(), lambda node: str(walk.graph.feature(node)))
    return [node for node in order if node in opened]
