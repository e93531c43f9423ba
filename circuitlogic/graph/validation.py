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
) -> EdgeArrays:
    """The edges sorted by (target, source), ends as int32, weights rounded to float32.

    An edge that is given twice counts once, with the weight given last, as in `networkx.DiGraph`.

    Raises:
        DataError: an edge that no graph may have; the message names the first one.
    """
    source, target, total = edges.source, edges.target, int(offsets[-1])
    for ends in (source, target):
        if ends.size and not (int(ends.min()) >= 0 and int(ends.max()) < total):
            at = int(np.argmax((source < 0) | (source >= total) | (target < 0) | (target >= total)))
            raise DataError(
                f"edge {source[at]} -> {target[at]} leaves the graph: it has nodes 0..{total - 1}"
            )
    source, target = source.astype(np.int32, copy=False), target.astype(np.int32, copy=False)
    with np.errstate(over="ignore"):
        weight, raw = (w.astype(np.float32, copy=False) for w in (edges.weight, edges.raw_weight))

    def refuse(bad: BoolArray, what: str) -> None:
        if bad.any():
            at = int(np.argmax(bad))
            named = " -> ".join(_name(sites, offsets, int(end[at])) for end in (source, target))
            raise DataError(f"edge {named} {what.format(weight=weight[at], raw=raw[at])}")

    refuse(~np.isfinite(weight), "has weight {weight}: weights must be finite")
    refuse(~np.isfinite(raw), "has raw weight {raw}: weights must be finite")
    refuse(weight == 0, "has weight 0: only non-zero entries are edges")
    if threshold > 0:
        refuse(
            np.abs(weight) < np.float32(threshold), f"has weight {{weight}}, below the threshold {threshold}"
        )
    key = target.astype(np.int64) * total + source
    step = np.diff(key)
    if not (step > 0).all():
        order = np.argsort(key, kind="stable")
        order = order[np.diff(key[order], append=-1) != 0]
        source, target, weight, raw = source[order], target[order], weight[order], raw[order]
    return EdgeArrays(source, target, weight, raw)


def is_layered(offsets: NDArray[np.int64], edges: EdgeArrays) -> bool:
    """Whether every edge leads to a later site: then one pass over the sites finds what else takes many."""
    site = np.repeat(np.arange(offsets.size - 1, dtype=np.int32), np.diff(offsets))
    return bool((site[edges.source] < site[edges.target]).all())


def _name(sites: Sequence[str], offsets: NDArray[np.int64], node: int) -> str:
    site = int(np.searchsorted(offsets, node, side="right")) - 1
    return f"{sites[site]}/{node - int(offsets[site])}"
