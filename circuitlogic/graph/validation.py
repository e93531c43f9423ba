"""What may become a feature graph, and the one-line refusals of what may not."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import ConfigError, DataError
from circuitlogic.features import FeatureId
from circuitlogic.graph.columns import BoolArray, EdgeArrays


def checked_sites(sites: Sequence[str], sizes: Sequence[int]) -> NDArray[np.int64]:
    """First node number of each site, and the number of nodes; shape [sites + 1].

    Raises:
        DataError: names that cannot be part of a feature id, doubled names, negative sizes, too many nodes.
    """
    if len(sites) != len(sizes):
        raise DataError(f"{len(sites)} sites but {len(sizes)} sizes")
    for position, (site, size) in enumerate(zip(sites, sizes, strict=True)):
        try:
            FeatureId.parse(f"{site}/0")
        except ConfigError as error:
            raise DataError(f"{site!r} cannot name a site: use letters, digits, '.', '_' and '-'") from error
        if site in sites[:position]:
            raise DataError(f"site {site!r} is given twice")
        if size < 0:
            raise DataError(f"site {site!r} has {size} features")
    offsets = np.cumsum([0, *sizes], dtype=np.int64)
    if offsets[-1] >= 2**31:
        raise DataError(f"{offsets[-1]} features: a graph holds at most {2**31 - 1}")
    return offsets


def checked_threshold(threshold: float) -> float:
    """The threshold as a plain number.

    Raises:
        DataError: it is negative or not finite.
    """
    if not (math.isfinite(threshold) and threshold >= 0):
        raise DataError(f"threshold {threshold} makes no sense: give a number from 0 up")
    return float(threshold)


def checked_edges(
    sites: Sequence[str], offsets: NDArray[np.int64], edges: EdgeArrays, threshold: float
) -> tuple[EdgeArrays, EdgeArrays]:
    """The edges sorted by (target, source), and by (source, target), weights rounded to float32.

    Raises:
        DataError: an edge that no graph may have; the message names the first one.
    """
    source, target = edges.source.astype(np.int64), edges.target.astype(np.int64)
    total = int(offsets[-1])
    outside = (source < 0) | (source >= total) | (target < 0) | (target >= total)
    if outside.any():
        at = int(np.argmax(outside))
        raise DataError(f"edge {source[at]} -> {target[at]} leaves the graph: it has nodes 0..{total - 1}")
    with np.errstate(over="ignore"):
        weight, raw = edges.weight.astype(np.float32), edges.raw_weight.astype(np.float32)

    def refuse(bad: BoolArray, what: str) -> None:
        if bad.any():
            at = int(np.argmax(bad))
            named = " -> ".join(_name(sites, offsets, int(end[at])) for end in (source, target))
            raise DataError(f"edge {named} {what.format(weight=weight[at], raw=raw[at])}")

    refuse(~np.isfinite(weight), "has weight {weight}: weights must be finite")
    refuse(~np.isfinite(raw), "has raw weight {raw}: weights must be finite")
    refuse(weight == 0, "has weight 0: only non-zero entries are edges")
    refuse(np.abs(weight) < np.float32(threshold), f"has weight {{weight}}, below the threshold {threshold}")
    site_of_source, site_of_target = (np.searchsorted(offsets, end, side="right") for end in (source, target))
    refuse(site_of_source >= site_of_target, f"does not go forward: sites are ordered {', '.join(sites)}")

    by_target = np.argsort(target * total + source, kind="stable")
    key = (target * total + source)[by_target]
    twice = np.zeros(len(edges), np.bool_)
    twice[by_target[1:]] = key[1:] == key[:-1]
    refuse(twice, "is given twice")
    clean = EdgeArrays(source, target, weight, raw)
    return clean.where(by_target), clean.where(np.argsort(source * total + target, kind="stable"))


def _name(sites: Sequence[str], offsets: NDArray[np.int64], node: int) -> str:
    site = int(np.searchsorted(offsets, node, side="right")) - 1
    return f"{sites[site]}/{node - int(offsets[site])}"
