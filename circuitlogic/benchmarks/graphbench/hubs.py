"""The graph that is asked: edges between consecutive sites, sources drawn with hubs, weights that fall off."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.graph.columns import EdgeArrays

THRESHOLD = 0.1


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the graph is."""

    sites: int = 6
    features: int = 32_768
    """Per site."""
    edges: int = 10_000_000
    """Asked for; a pair that is drawn twice counts once, so there are a few per cent fewer."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the sites."""
        return tuple(f"layers.{i}" for i in range(self.sites))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Features of each site."""
        return (self.features,) * self.sites


def hub_edges(shape: Shape, seed: int) -> EdgeArrays:
    """The edges, sorted by target and source as connectors give them.

    A source's popularity is Pareto (exponent 1.5), targets are uniform, |weight| is the threshold plus an
    exponential of mean 0.15, and one weight in three is negative.
    """
    rng = np.random.default_rng(seed)
    per_pair = shape.edges // (shape.sites - 1)
    parts: list[EdgeArrays] = []
    for site in range(shape.sites - 1):
        popularity = np.cumsum(rng.pareto(1.5, shape.features) + 1.0)
        drawn = rng.random(per_pair) * popularity[-1]
        source = np.searchsorted(popularity, drawn).clip(0, shape.features - 1)
        target = rng.integers(0, shape.features, per_pair)
        key = np.unique(target * shape.features + source)
        weight = (THRESHOLD + rng.exponential(0.15, key.size)).astype(np.float32)
        weight[rng.random(key.size) < 1 / 3] *= -1
        ends = (
            key % shape.features + site * shape.features,
            key // shape.features + (site + 1) * shape.features,
        )
        parts.append(EdgeArrays(ends[0].astype(np.int32), ends[1].astype(np.int32), weight, weight * 2))
    return EdgeArrays.concatenate(parts)


def selective_threshold(edges: EdgeArrays, nodes: int, fan_in: int = 6) -> float:
    """The threshold that leaves about so many in-edges per node."""
    share = min(1.0, fan_in * nodes / max(1, len(edges)))
    return float(np.quantile(np.abs(edges.weight), 1 - share))
