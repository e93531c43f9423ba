"""Neighbour lists in three flat arrays, each list sorted by |weight|, strongest first.

A question with a threshold reads a prefix of each list: it costs what its answer costs, whatever the hubs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitlogic.graph.columns import EdgeArrays, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Adjacency:
    """The edges into (or out of) every node. Ties of |weight| are in order of the neighbour's number."""

    indptr: NDArray[np.int64]
    """The list of node v is `indptr[v]:indptr[v + 1]`; shape [nodes + 1]."""
    neighbour: NDArray[np.int32]
    """Node number of the other end, shape [edges]."""
    weight: NDArray[np.float32]
    """Weight between unit-scale features, shape [edges]."""
    raw_weight: NDArray[np.float32]
    """The connector's own entry, shape [edges]."""

    def __len__(self) -> int:
        return self.neighbour.size

    @classmethod
    def build(cls, nodes: int, owner: IntArray, neighbour: IntArray, edges: EdgeArrays) -> "Adjacency":
        """Group `edges` by `owner`; they must come sorted by (owner, neighbour), which then settles ties."""
        weight = edges.weight.astype(np.float32)
        falling = np.uint32(0xFFFFFFFF) - np.abs(weight).view(
            np.uint32
        )  # bits of a float >= 0 sort as it does
        order = np.argsort(owner.astype(np.uint64) << np.uint64(32) | falling, kind="stable")
        indptr = np.zeros(nodes + 1, np.int64)
        np.cumsum(np.bincount(owner, minlength=nodes), out=indptr[1:])
        raw = edges.raw_weight.astype(np.float32)
        return cls(indptr, neighbour[order].astype(np.int32), weight[order], raw[order])

    def degree(self, owners: IntArray, above: np.float32) -> NDArray[np.int64]:
        """How many edges of each owner have |weight| > `above`: the length of the list's prefix."""
        start = self.indptr[owners]
        low, high = start.copy(), self.indptr[owners + 1]
        if above <= 0 or low.size == 0:
            return high - start
        for _ in range(int((high - low).max()).bit_length()):
            middle = (low + high) >> 1
            inside = middle < high
            strong = np.abs(self.weight[np.where(inside, middle, 0)]) > above
            low = np.where(inside & strong, middle + 1, low)
            high = np.where(inside & ~strong, middle, high)
        return low - start

    def positions(self, owners: IntArray, above: np.float32) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the edges of `owners` with |weight| > `above` lie, list by list; how many each owner has."""
        counts = self.degree(owners, above)
        first = np.cumsum(counts) - counts
        inside = np.arange(int(counts.sum()), dtype=np.int64)
        return inside + np.repeat(self.indptr[owners] - first, counts), counts

    def thresholded(self, above: np.float32) -> "Adjacency":
        """Only the edges with |weight| > `above`, in the same order."""
        nodes = np.arange(self.indptr.size - 1)
        kept, counts = self.positions(nodes, above)
        indptr = np.zeros_like(self.indptr)
        np.cumsum(counts, out=indptr[1:])
        return type(self)(indptr, self.neighbour[kept], self.weight[kept], self.raw_weight[kept])
