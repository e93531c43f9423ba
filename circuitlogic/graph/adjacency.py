"""Neighbour lists in three flat arrays, each list sorted by |weight|, strongest first.

A question with a threshold reads a prefix of each list: it costs what its answer costs, whatever the hubs. Where
lists are long their strongest edges are kept once more side by side, as *heads*: two cache lines per node, so that
a selective walk waits for memory once per node and touches a tenth of the pages.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from circuitlogic.graph.columns import IntArray

HEAD = 16
"""Edges in a head; graphs whose lists are shorter than that on average have none."""


@dataclass(frozen=True, slots=True, eq=False)
class Scratch:
    """Memory that walks use again and again; clean whenever no walk is under way."""

    memory: NDArray[np.uint64]
    """Room for `queue`, then two bits per node and one per 64 nodes, which are 0."""
    queue: NDArray[np.int32]
    """Its first part, shape [2 * nodes + 2]."""
    marks: NDArray[np.bool_]
    """The same two for walks without bits, also 0, shape [2, nodes]."""


_NO_HEADS = np.zeros((0, 0), np.int32)


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
    heads: NDArray[np.int32] = field(default_factory=lambda: _NO_HEADS, repr=False)
    """Bits of the weight and neighbour of each list's first edges, in turn; weight 0 where the list has ended.

    Shape [nodes, 2 * `HEAD`], or [0, 0].
    """
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
            size = self.nodes + 1
            words = (size + 63) >> 6
            memory = np.zeros(size + 2 * words + ((words + 63) >> 6), np.uint64)
            return Scratch(memory, memory[:size].view(np.int32), np.zeros((2, self.nodes), np.bool_))

    def with_heads(self, width: int = HEAD) -> "Adjacency":
        """The same lists with heads of `width` edges, if they are longer on average."""
        if len(self) < width * self.nodes or not self.nodes:
            return self
        lengths = np.diff(self.indptr)
        heads = np.zeros((self.nodes, width, 2), np.int32)
        for place in range(width):
            owners = np.flatnonzero(lengths > place)
            edges = self.indptr[owners] + place
            heads[owners, place, 0] = self.weight[edges].view(np.int32)
            heads[owners, place, 1] = self.neighbour[edges]
        return replace(self, heads=heads.reshape(self.nodes, 2 * width))

    def degree(self, owners: IntArray, above: np.float32, beyond: int = 0) -> NDArray[np.int64]:
        """How many edges of each owner have |weight| > `above`, the first `beyond` left out: a run of the list."""
        start = self.indptr[owners] + beyond
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

    def positions(
        self, owners: IntArray, above: np.float32, beyond: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the edges of `owners` with |weight| > `above` lie, list by list; how many each owner has.

        The first `beyond` edges of each list are left out; there must be so many.
        """
        counts = self.degree(owners, above, beyond)
        first = np.cumsum(counts) - counts
        inside = np.arange(int(counts.sum()), dtype=np.int64)
        return inside + np.repeat(self.indptr[owners] + beyond - first, counts), counts

    def thresholded(self, above: np.float32) -> "Adjacency":
        """Only the edges with |weight| > `above`, in the same order."""
        kept, counts = self.positions(np.arange(self.nodes), above)
        indptr = np.zeros_like(self.indptr)
        np.cumsum(counts, out=indptr[1:])
        lists = Adjacency(indptr, self.neighbour[kept], self.weight[kept], self.raw_weight[kept])
        return lists.with_heads()
