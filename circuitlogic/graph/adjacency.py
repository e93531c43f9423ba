"""Neighbour lists in three flat arrays, each list sorted by |weight|, strongest first.

A question with a threshold reads a prefix of each list: it costs what its answer costs, whatever the hubs.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from circuitlogic.graph.columns import ByteArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Scratch:
    """Memory that walks use again and again; clean whenever no walk is under way."""

    marks: ByteArray
    """0 everywhere, shape [nodes]."""
    queue: NDArray[np.int32]
    """Shape [nodes]."""
    ends: NDArray[np.int64]
    """Shape [nodes + 1]."""


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
    spare: list[Scratch] = field(default_factory=list[Scratch], init=False, repr=False)
    """Scratch memory that no walk holds at the moment: one piece per thread that ever walked at once."""

    def __len__(self) -> int:
        return self.neighbour.size

    @property
    def nodes(self) -> int:
        """How many nodes have a list."""
        return self.indptr.size - 1

    def scratch(self) -> Scratch:
        """Memory for one walk, to be appended to `spare` when it is clean again."""
        try:
            return self.spare.pop()
        except IndexError:
            marks, queue = np.zeros(self.nodes, np.uint8), np.empty(self.nodes, np.int32)
            return Scratch(marks, queue, np.empty(self.nodes + 1, np.int64))

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
        kept, counts = self.positions(np.arange(self.nodes), above)
        indptr = np.zeros_like(self.indptr)
        np.cumsum(counts, out=indptr[1:])
        return Adjacency(indptr, self.neighbour[kept], self.weight[kept], self.raw_weight[kept])
