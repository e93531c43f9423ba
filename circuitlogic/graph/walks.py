"""Walks over neighbour lists by the engine that suits the graph: compiled kernels for large ones, else plain NumPy.

Both give the same answers (`circuitlogic.graph.plain` defines them). Loading Numba and its kernels takes about a
second, which a small graph never earns back; where Numba is missing every graph is walked plainly.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.graph import plain
from circuitlogic.graph.adjacency import Adjacency
from circuitlogic.graph.columns import ByteArray, EdgeArrays, IntArray, RealArray
from circuitlogic.graph.plain import ANYWHERE

Engine: TypeAlias = Literal["auto", "plain", "compiled"]

COMPILED_FROM = 200_000
"""Edges from which on kernels pay."""

_engine: ContextVar[Engine] = ContextVar("engine", default="auto")


@contextmanager
def engine(name: Engine) -> Generator[None]:
    """Walk with this engine, whatever the size of the graph: for measurements and tests."""
    token = _engine.set(name)
    try:
        yield
    finally:
        _engine.reset(token)


@cache
def compiled_kernels() -> ModuleType | None:
    """The compiled walks; None where Numba is missing."""
    if find_spec("numba") is None:
        return None
    from circuitlogic.graph import compiled

    return compiled


def _kernels(edges: int) -> ModuleType | None:
    name = _engine.get()
    if name == "plain" or (name == "auto" and edges < COMPILED_FROM):
        return None
    return compiled_kernels()


def reach(
    lists: Adjacency,
    start: int,
    above: np.float32,
    sign: int,
    depth: int | None = None,
    within: ByteArray = ANYWHERE,
) -> tuple[NDArray[np.int32], IntArray, int]:
    """See `plain.reach`."""
    kernels = _kernels(lists.neighbour.size)
    if kernels is None:
        return plain.reach(lists, start, above, sign, depth, within)
    own = lists.scratch()
    count, levels, followed = kernels.reach(
        lists.indptr,
        lists.neighbour,
        lists.weight,
        lists.heads,
        start,
        above,
        sign,
        -1 if depth is None else depth,
        within,
        own.memory,
    )
    found = own.queue[: count + levels].copy()
    lists.spare.append(own)
    return found[:count], found[count:], followed


def gather(
    lists: Adjacency, nodes: IntArray, above: np.float32, sign: int, within: ByteArray, most: int
) -> tuple[IntArray, IntArray, RealArray, RealArray]:
    """See `plain.gather`. There may be fewer than `most` edges, but not more."""
    kernels = _kernels(lists.neighbour.size)
    if kernels is None:
        return plain.gather(lists, nodes, above, sign, within)
    ends, weights = np.empty((2, most), np.int32), np.empty((2, most), np.float32)
    arrays = lists.indptr, lists.neighbour, lists.weight, lists.raw_weight
    out = ends[0], ends[1], weights[0], weights[1]
    count = kernels.gather(*arrays, nodes, above, sign, within, *out)
    return ends[0, :count], ends[1, :count], weights[0, :count], weights[1, :count]


def fan(lists: Adjacency, nodes: IntArray, above: np.float32, sign: int) -> IntArray:
    """How many edges of each of `nodes` are followed."""
    if not sign:
        return lists.degree(nodes, above)
    positions, counts = lists.positions(nodes, above)
    rows = np.repeat(np.arange(nodes.size), counts)
    return np.bincount(rows[lists.weight[positions] * sign > 0], minlength=nodes.size)


def influence(
    lists: Adjacency,
    offsets: IntArray,
    order: IntArray,
    start: int,
    above: np.float32,
    sign: int,
    within: ByteArray = ANYWHERE,
) -> NDArray[np.float64]:
    """See `plain.influence`."""
    kernels = _kernels(lists.neighbour.size)
    if kernels is None:
        return plain.influence(lists, offsets, order, start, above, sign, within)
    felt = np.full(lists.nodes, np.nan)
    arrays = lists.indptr, lists.neighbour, lists.weight
    kernels.influence(*arrays, order, start, above, sign, within, felt)
    return felt


def best_path(
    lists: Adjacency,
    inputs: Adjacency,
    offsets: IntArray,
    ends: tuple[int, int],
    above: np.float32,
    sign: int,
    within: ByteArray = ANYWHERE,
) -> list[int]:
    """See `plain.best_path`."""
    kernels = _kernels(lists.neighbour.size)
    if kernels is None:
        return plain.best_path(lists, inputs, offsets, ends, above, sign, within)
    strength, via = np.full(lists.nodes, -1.0), np.full(lists.nodes, -1, np.int32)
    goal_site = int(np.searchsorted(offsets, ends[1], side="right")) - 1
    kernels.best_path(
        lists.indptr,
        lists.neighbour,
        lists.weight,
        inputs.indptr,
        inputs.neighbour,
        inputs.weight,
        ends[0],
        ends[1],
        int(offsets[goal_site - 1]),
        int(offsets[goal_site]),
        above,
        sign,
        within,
        strength,
        via,
    )
    return plain.walked_back(via, *ends)


def best_paths(
    lists: Adjacency,
    inputs: Adjacency,
    offsets: IntArray,
    order: IntArray,
    count: int,
    hops: int,
    above: np.float32,
    sign: int,
) -> tuple[RealArray, IntArray, IntArray]:
    """See `plain.best_paths`, which pulls along in-edges where the kernel pushes along out-edges (`lists`)."""
    kernels = _kernels(lists.neighbour.size)
    if kernels is None:
        return plain.best_paths(inputs, offsets, order, count, hops, above, sign)
    shape = (order.size, hops + 1, count)
    strength, via, rank = np.full(shape, -1.0), np.full(shape, -1), np.full(shape, -1)
    strength[0, 0, 0] = 1.0
    row = np.full(lists.nodes, -1, np.int32)
    row[order] = np.arange(order.size)
    arrays = lists.indptr, lists.neighbour, lists.weight
    kernels.best_paths(*arrays, order, row, count, hops, above, sign, strength, via, rank)
    return strength, via, rank


def sort_lists(nodes: int, owner: IntArray, neighbour: IntArray, edges: EdgeArrays) -> Adjacency:
    """Edges grouped by `owner`, each list by falling |weight|, ties as given."""
    indptr = np.zeros(nodes + 1, np.int64)
    np.cumsum(np.bincount(owner, minlength=nodes), out=indptr[1:])
    kernels = _kernels(owner.size)
    if kernels is None or owner.size >= 2**32:
        return plain.sort_lists(indptr, owner, neighbour, edges)
    neighbours = np.empty(owner.size, np.int32)
    weights, raw_weights = np.empty(owner.size, np.float32), np.empty(owner.size, np.float32)
    place, key = indptr[:-1].copy(), np.empty(owner.size, np.uint64)
    ends = owner.astype(np.int32, copy=False), neighbour.astype(np.int32, copy=False)
    columns = (column.astype(np.float32, copy=False) for column in (edges.weight, edges.raw_weight))
    kernels.sort_lists(indptr, *ends, *columns, place, key, neighbours, weights, raw_weights)
    return Adjacency(indptr, neighbours, weights, raw_weights).with_heads()
