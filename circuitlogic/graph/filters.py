"""What narrows a question, named and explained once, for the functions and for the graph's methods."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias, TypedDict

import numpy as np

from circuitlogic.errors import ConfigError
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.columns import BoolArray, ByteArray, IntArray
from circuitlogic.graph.walks import ANYWHERE

Sign: TypeAlias = Literal["+", "-"]
_SIGNS: dict[str | None, int] = {None: 0, "+": 1, "-": -1}


class EdgeFilters(TypedDict, total=False):
    """Which edges count."""

    min_weight: float
    """Follow only edges with |weight| above it; default 0."""
    sign: Sign | None
    """Follow only positive (`+`) or negative (`-`) edges."""


class PathFilters(EdgeFilters, total=False):
    """Which paths count."""

    depth: int | None
    """At most so many edges away (of a path: long)."""
    sites: Collection[str] | None
    """Keep only features of these sites. A cone's paths may pass through others, a path's features may not."""


class Filters(EdgeFilters, total=False):
    """Which features an answer keeps."""

    sites: Collection[str] | None
    """Keep only features of these sites."""
    limit: int | None
    """Keep only so many features, those with the strongest |influence| (where there is none: the first)."""


class ConeFilters(PathFilters, total=False):
    """Which features a cone keeps."""

    limit: int | None
    """Keep only so many features, those with the strongest |influence|."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which edges a walk follows."""

    above: np.float32
    """Only |weight| above it."""
    sign: int
    """1 or -1: only weights of that sign; 0: both."""


_INFINITY = float("inf")


def edge_rule(only: EdgeFilters | PathFilters | Filters | ConeFilters) -> Rule:
    """The edges to follow.

    Raises:
        ConfigError: `min_weight` is negative or not finite, or `sign` is neither `+` nor `-` nor None.
    """
    return _rule(only.get("min_weight", 0.0), only.get("sign"))


@lru_cache(64)
def _rule(min_weight: float, sign: str | None) -> Rule:
    """Kept: whoever asks all day asks with few thresholds, and a rule takes as long to make as a short walk."""
    if not 0 <= min_weight < _INFINITY:
        raise ConfigError(f"min_weight {min_weight} makes no sense: give a number from 0 up")
    if sign not in _SIGNS:
        raise ConfigError(f"sign {sign!r} makes no sense: give '+' or '-', or leave it out for both")
    return Rule(np.float32(min_weight), _SIGNS[sign])


def counted(name: str, count: int | None) -> int | None:
    """`count`; None means no bound.

    Raises:
        ConfigError: `count` is below 1.
    """
    if count is not None and count < 1:
        raise ConfigError(f"{name} {count} makes no sense: give a number from 1 up")
    return count


def at_sites(graph: BaseGraph, nodes: IntArray, sites: Collection[str]) -> BoolArray:
    """Which of `nodes` lie at one of `sites`.

    Raises:
        UnknownNameError: there is no such site.
    """
    chosen = np.zeros(nodes.size, np.bool_)
    for site in sites:
        members = graph.members(site)
        chosen |= (nodes >= members.start) & (nodes < members.stop)
    return chosen


def mask(graph: BaseGraph, nodes: IntArray) -> ByteArray:
    """1 at `nodes`, 0 elsewhere: confines a walk to them."""
    inside = np.zeros(len(graph), np.uint8)
    inside[nodes] = 1
    return inside


def passable(graph: BaseGraph, sites: Collection[str] | None, ends: IntArray) -> ByteArray:
    """Confines a walk to `sites`, its `ends` excepted."""
    if sites is None:
        return ANYWHERE
    inside = at_sites(graph, np.arange(len(graph)), sites).astype(np.uint8)
    inside[ends] = 1
    return inside
