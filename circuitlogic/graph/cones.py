"""`Cone`: what a feature reaches, with its edges and influences worked out only when they are asked for.

A path's strength is the product of |weight| along it. In a layered graph one pass over the sites finds the
strongest path exactly, for weights above 1 and edges that skip sites too; for others see `circles`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuitlogic.graph import circles, walks
from circuitlogic.graph.adjacency import Adjacency
from circuitlogic.graph.base import BaseGraph
from circuitlogic.graph.columns import ByteArray, EdgeArrays, IntArray
from circuitlogic.graph.filters import Rule
from circuitlogic.graph.walks import ANYWHERE


class Cone(NamedTuple):
    """All nodes that one reaches, itself first. A tuple, as a frozen dataclass takes as long to make as a walk."""

    graph: BaseGraph
    backward: bool
    """Whether it holds ancestors."""
    rule: Rule
    """Which edges were followed."""
    bound: int | None
    """On depth."""
    within: ByteArray
    """Where the walk was confined to; empty: nowhere."""
    nodes: NDArray[np.int32]
    """Node numbers, nearest first, then by number."""
    ends: IntArray
    """Where in `nodes` each level ends, the start's level first."""
    followed: int
    """How many edges were."""

    @property
    def start(self) -> int:
        """Where the walk began."""
        return int(self.nodes[0])

    @property
    def lists(self) -> Adjacency:
        """The neighbour lists that the walk went along."""
        return self.graph.inputs if self.backward else self.graph.outputs

    @property
    def opened(self) -> NDArray[np.int32]:
        """The nodes whose edges were followed: the first of `nodes`."""
        if self.bound is None or self.ends.size <= self.bound:
            return self.nodes
        return self.nodes[: self.ends[-2]]

    def depth(self) -> NDArray[np.int32]:
        """Fewest edges between each node and the start."""
        return np.repeat(np.arange(self.ends.size, dtype=np.int32), np.diff(self.ends, prepend=0))

    def edges(self) -> EdgeArrays:
        """Every edge followed: by its end nearer to the start in the order of `nodes`, strongest first."""
        rule = self.rule
        found = walks.gather(self.lists, self.opened, rule.above, rule.sign, self.within, self.followed)
        near, far, weight, raw = found
        return EdgeArrays(far, near, weight, raw) if self.backward else EdgeArrays(near, far, weight, raw)

    def influence(self) -> NDArray[np.float64]:
        """Signed weight product of the strongest path between each node and the start.

        NaN: a circle makes paths to it stronger each time round.
        """
        return self.influences()[self.nodes]

    def influences(self) -> NDArray[np.float64]:
        """The same by node number; NaN outside the cone, too."""
        if not self.graph.layered:
            opened = np.zeros(len(self.graph), np.bool_)
            opened[self.opened] = True
            ground = circles.Ground(self.lists, self.rule.above, self.rule.sign, self.within)
            return circles.strengths(ground, self.start, opened).product
        order = np.sort(self.opened)
        if self.backward:
            order = order[::-1].copy()
        rule, offsets = self.rule, self.graph.offsets
        return walks.influence(self.lists, offsets, order, self.start, rule.above, rule.sign, self.within)


def cone(
    graph: BaseGraph,
    start: int,
    backward: bool,
    rule: Rule,
    depth: int | None = None,
    within: ByteArray = ANYWHERE,
) -> Cone:
    """The ancestors (`backward`) or descendants of `start`, at most `depth` edges away."""
    lists = graph.inputs if backward else graph.outputs
    found = walks.reach(lists, start, rule.above, rule.sign, depth, within)
    return Cone(graph, backward, rule, depth, within, *found)
