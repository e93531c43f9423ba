"""The walks of `circuitlogic.graph.plain` compiled by Numba: same arguments, same answers, no arrays between steps.

Compiled code is cached on disk where a place for it can be written, and compiled anew each time where none can.
Neighbour lists fall in |weight|, so a walk leaves a list at the first edge that is too weak.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.compiling import compiled
from circuitlogic.graph.columns import ByteArray, IntArray, RealArray
from circuitlogic.graph.instructions import fetch_row, lowest_bit

WordArray: TypeAlias = NDArray[np.uint64]

_AHEAD = 8
"""A walk asks for the head of the node that comes so many later: about as long as memory takes to answer."""


@compiled
def _keep(met: WordArray, fresh: WordArray, queue: IntArray, count: int, far: int) -> Any:
    """Put `far` into the queue if its bit in `met` is not set yet, and set both bits; gives the new length.

    Without a branch: whether a neighbour is new is as good as random.
    """
    word, bit = far >> 6, np.uint64(far & 63)
    new = ~(met[word] >> bit) & np.uint64(1)
    queue[count] = far
    met[word] |= new << bit
    fresh[word] |= new << bit
    return count + np.int64(new)


@compiled
def _put_in_order(fresh: WordArray, queue: IntArray, first: int, count: int) -> None:
    """Order `queue[first:count]`, whose bits are set in `fresh`, and clear these."""
    low, high = fresh.size, -1
    for at in range(first, count):
        low, high = min(low, queue[at] >> 6), max(high, queue[at] >> 6)
    if count - first > high - low:
        at = first
        for word in range(low, high + 1):
            left = fresh[word]
            fresh[word] = 0
            while left:
                queue[at] = (word << 6) + lowest_bit(left)
                at += 1
                left &= left - np.uint64(1)
        return
    queue[first:count].sort()
    for at in range(first, count):
        fresh[queue[at] >> 6] = 0


@compiled
def _along(
    neighbour: IntArray,
    weight: RealArray,
    above: np.float32,
    sign: int,
    within: ByteArray,
    met: WordArray,
    fresh: WordArray,
    queue: IntArray,
    count: int,
) -> tuple[int, int]:
    """Put the neighbours in a list into the queue; gives its new length and how many edges were followed.

    Weights are not read if `above` is negative.
    """
    confined = within.size > 0
    followed = 0
    for edge in range(neighbour.size):
        if above >= 0:
            if abs(weight[edge]) <= above:
                break
            if sign * weight[edge] < 0:
                continue
        far = neighbour[edge]
        if confined and within[far] == 0:
            continue
        followed += 1
        if met[far >> 6] >> np.uint64(far & 63) & np.uint64(1):
            continue  # in a long list most have been met: a branch that is guessed right
        count = _keep(met, fresh, queue, count, far)
    return count, followed


@compiled
def reach(
    indptr: IntArray,
    neighbour: IntArray,
    weight: RealArray,
    heads: IntArray,
    start: int,
    above: np.float32,
    sign: int,
    depth: int,
    within: ByteArray,
    marks: WordArray,
    queue: IntArray,
    ends: IntArray,
) -> tuple[int, int, int]:
    """See `plain.reach`. Fills `queue` with the nodes and `ends` with where each level ends.

    `marks` must be zero and is left so. Gives how many nodes, levels and edges followed there are.
    """
    read_weights = above > 0 or sign != 0
    least = above if read_weights else np.float32(-1)
    confined = within.size > 0
    width = heads.shape[1] >> 1 if read_weights else 0
    strengths = heads.view(np.float32)
    met, fresh = marks[0], marks[1]
    met[start >> 6] = np.uint64(1) << np.uint64(start & 63)
    queue[0] = start
    ends[0] = 1
    count, level, opened, followed = 1, 0, 0, 0
    while opened < count and (depth < 0 or level < depth):
        first = count
        for at in range(opened, first):
            node = queue[at]
            if width and at + _AHEAD < first:
                fetch_row(heads, queue[at + _AHEAD])
            longer = True
            for place in range(width):
                strength = strengths[node, 2 * place]
                if abs(strength) <= above:
                    longer = False
                    break
                far = heads[node, 2 * place + 1]
                if sign * strength < 0 or (confined and within[far] == 0):
                    continue
                followed += 1
                count = _keep(met, fresh, queue, count, far)
            if longer:
                begin, end = indptr[node] + width, indptr[node + 1]
                count, more = _along(
                    neighbour[begin:end], weight[begin:end], least, sign, within, met, fresh, queue, count
                )
                followed += more
        opened = first
        if count == first:
            break
        _put_in_order(fresh, queue, first, count)
        level += 1
        ends[level] = count
    for at in range(count):
        met[queue[at] >> 6] = 0
    return count, level + 1, followed


@compiled
def gather(
    indptr: IntArray,
    neighbour: IntArray,
    weight: RealArray,
    raw_weight: RealArray,
    nodes: IntArray,
    above: np.float32,
    sign: int,
    within: ByteArray,
    near: IntArray,
    far: IntArray,
    weights: RealArray,
    raw_weights: RealArray,
) -> int:
    """See `plain.gather`. Fills the last four with the edges, whose number it gives."""
    read_weights = above > 0 or sign != 0
    confined = within.size > 0
    count = 0
    for node in nodes:
        for edge in range(indptr[node], indptr[node + 1]):
            if read_weights:
                if abs(weight[edge]) <= above:
                    break
                if sign * weight[edge] < 0:
                    continue
            if confined and within[neighbour[edge]] == 0:
                continue
            near[count] = node
            far[count] = neighbour[edge]
            weights[count] = weight[edge]
            raw_weights[count] = raw_weight[edge]
            count += 1
    return count


@compiled
def influence(
    indptr: IntArray,
    neighbour: IntArray,
    weight: RealArray,
    order: IntArray,
    start: int,
    above: np.float32,
    sign: int,
    within: ByteArray,
    felt: RealArray,
) -> None:
    """See `plain.influence`. `felt` holds NaN everywhere and gets a number for every node reached."""
    confined = within.size > 0
    felt[start] = 1.0
    for node in order:
        carried = felt[node]
        for edge in range(indptr[node], indptr[node + 1]):
            if abs(weight[edge]) <= above:
                break
            if sign * weight[edge] < 0:
                continue
            far = neighbour[edge]
            if confined and within[far] == 0:
                continue
            offered = carried * weight[edge]
            if not abs(offered) <= abs(felt[far]):  # also where nothing has come yet, which is NaN
                felt[far] = offered


@compiled
def best_paths(
    indptr: IntArray,
    neighbour: IntArray,
    weight: RealArray,
    order: IntArray,
    row: IntArray,
    count: int,
    hops: int,
    above: np.float32,
    sign: int,
    strength: RealArray,
    via: IntArray,
    rank: IntArray,
) -> None:
    """See `plain.best_paths`. Fills the last three, shape [rows, hops + 1, count]; strength starts at -1."""
    for at in range(order.size):
        node = order[at]
        for edge in range(indptr[node], indptr[node + 1]):
            size = abs(weight[edge])
            if size <= above:
                break
            far = row[neighbour[edge]]
            if far < 0 or sign * weight[edge] < 0:
                continue
            for hop in range(max(hops, 1)):
                after = hop + 1 if hops else 0
                for nth in range(count):
                    if strength[at, hop, nth] < 0:
                        break
                    product = strength[at, hop, nth] * size
                    place = count
                    while place > 0 and strength[far, after, place - 1] < product:
                        place -= 1
                    for moved in range(count - 1, place, -1):
                        strength[far, after, moved] = strength[far, after, moved - 1]
                        via[far, after, moved] = via[far, after, moved - 1]
                        rank[far, after, moved] = rank[far, after, moved - 1]
                    if place < count:
                        strength[far, after, place] = product
                        via[far, after, place] = at
                        rank[far, after, place] = nth


@compiled
def best_path(
    indptr: IntArray,
    neighbour: IntArray,
    weight: RealArray,
    in_indptr: IntArray,
    in_neighbour: IntArray,
    in_weight: RealArray,
    start: int,
    goal: int,
    last: int,
    first_beyond: int,
    above: np.float32,
    sign: int,
    within: ByteArray,
    strength: RealArray,
    via: IntArray,
) -> None:
    """See `plain.best_path`. `strength` starts at -1, `via` needs no value; both [nodes]."""
    confined = within.size > 0
    strength[start] = 1.0
    for node in range(start, last):
        carried = strength[node]
        if carried < 0:
            continue
        for edge in range(indptr[node], indptr[node + 1]):
            size = abs(weight[edge])
            if size <= above:
                break
            far = neighbour[edge]
            if far >= first_beyond or sign * weight[edge] < 0 or (confined and within[far] == 0):
                continue
            product = carried * size
            if product > strength[far]:
                strength[far] = product
                via[far] = node
    for edge in range(in_indptr[goal], in_indptr[goal + 1]):
        size = abs(in_weight[edge])
        if size <= above:
            break
        near = in_neighbour[edge]
        if near < start or strength[near] < 0 or sign * in_weight[edge] < 0:
            continue
        product = strength[near] * size
        if product > strength[goal] or (product == strength[goal] and near < via[goal]):
            strength[goal] = product
            via[goal] = near


@compiled
def sort_lists(
    indptr: IntArray,
    owner: IntArray,
    neighbour: IntArray,
    weight: RealArray,
    raw_weight: RealArray,
    place: NDArray[np.int64],
    key: NDArray[np.uint64],
    neighbours: IntArray,
    weights: RealArray,
    raw_weights: RealArray,
) -> None:
    """See `plain.sort_lists`. Fills the last three; `place` is a copy of `indptr[:-1]`, `key` is scratch."""
    bits = weight.view(np.uint32)
    for edge in range(owner.size):
        to = place[owner[edge]]
        place[owner[edge]] = to + 1
        falling = np.uint64(0x7FFFFFFF) - np.uint64(bits[edge] & np.uint32(0x7FFFFFFF))
        key[to] = falling << np.uint64(32) | np.uint64(edge)
    for node in range(indptr.size - 1):
        key[indptr[node] : indptr[node + 1]].sort()
    for to in range(owner.size):
        edge = np.int64(key[to] & np.uint64(0xFFFFFFFF))
        neighbours[to] = neighbour[edge]
        weights[to] = weight[edge]
        raw_weights[to] = raw_weight[edge]
