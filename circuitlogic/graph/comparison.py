"""What two feature graphs differ in: whether a format carried everything."""

import numpy as np

from circuitlogic.graph.base import BaseGraph


def differences(one: BaseGraph, other: BaseGraph) -> tuple[str, ...]:
    """Names of what differs; empty: the graphs are the same."""
    if (one.sites, one.site_sizes) != (other.sites, other.site_sizes):
        return ("sites",)
    found = ["threshold"] if one.threshold != other.threshold else []
    arrays = {"indptr": "edges", "neighbour": "edges", "weight": "weight", "raw_weight": "raw_weight"}
    found += [
        what
        for name, what in arrays.items()
        if not np.array_equal(getattr(one.inputs, name), getattr(other.inputs, name))
    ]
    everyone = np.arange(len(one))
    for name, column in one.nodes.numbers().items():
        if not np.array_equal(column, other.nodes.numbers()[name], equal_nan=True):
            found.append(name)
    for name, texts in (("label", other.nodes.label), ("kind", other.nodes.kind)):
        if getattr(one.nodes, name).take(everyone) != texts.take(everyone):
            found.append(name)
    return tuple(dict.fromkeys(found))
