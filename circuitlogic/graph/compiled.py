"""The walks of `circuitlogic.graph.plain` compiled by Numba: same arguments, same answers, no arrays between steps.

Compiled code is cached on disk where a place for it can be written, and compiled anew each time where none can.
Neighbour lists fall in |weight|, so a walk leaves a list at the first edge that is too weak.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.compiling import compiled
from circuitlogic.graph.columns import ByteArray, IntArray, RealArray
from circuitlogic.graph.instructions import fetch_row, lowest_bit

WordArray: TypeAlias = NDArray[np.uint64]

_AHEAD = 32
"""A walk asks for the head of the node that comes so many later: about as many as memory answers at once."""


@compiled
def _meet(fresh: WordArray, rough: WordArray, far: int) -> None:
    """Set the bit of `far` in `fresh`, and in `rough` the bit of its word; without a branch."""
    word = far >> 6
    fresh[word] |= np.uint64(1) << np.uint64(far & 63)
    rough[word >> 6] |= np.uint64(1) << np.uint64(word & 63)


@compiled
def _meet_all(
    neighbour: IntArray,
    weight: RealArray,
    above: np.float32,
    sign: int,
    within: ByteArray,
    fresh: WordArray,
    rough: WordArray,
) -> int:
    """Meet the neighbours in a list; gives how many edges were followed. No weight is read if `above` < 0."""
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
        if fresh[far >> 6] >> np.uint64(far & 63) & np.uint64(1):
            continue  # in a long list most have been met: a branch that is guessed right
        _meet(fresh, rough, far)
    return followed


@compiled
def _next_level(known: WordArray, fresh: WordArray, rough: WordArray, queue: IntArray, count: int) -> int:
    """Put who was met and is not `known` yet into the queue, by number; gives its new length.

    All become known; `fresh` and `rough` are zero afterwards.
    """
    for block in range(rough.size):
        words, rough[block] = rough[block], 0
        while words:
            word = (block << 6) + lowest_bit(words)
            words &= words - np.uint64(1)
            left, fresh[word] = fresh[word] & ~known[word], 0
            known[word] |= left
            while left:
                queue[count] = (word << 6) + lowest_bit(left)
                count += 1
                left &= left - np.uint64(1)
    return count


@compiled
def _parts(memory: WordArray, size: int) -> tuple[IntArray, WordArray, WordArray, WordArray]:
    """Of a scratch memory: the queue, then a bit for who is known, for who was just met, and for words of these."""
    words = (size + 63) >> 6
    queue, marks = memory[:size].view(np.int32), memory[size:]
    return queue, marks[:words], marks[words : 2 * words], marks[2 * words :]


@compiled
def _fetch(heads: IntArray, nodes: IntArray) -> None:
    """Ask for the heads of these nodes."""
    for node in nodes:
        fetch_row(heads, node)


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
    memory: WordArray,
) -> tuple[int, int, int]:
    """See `plain.reach`. `memory` is that of a `Scratch`, whose `queue` gets the nodes, then where each level ends.

    Gives how many nodes, levels and edges followed there are.
    """
    read_weights = above > 0 or sign != 0
    least = above if read_weights else np.float32(-1)
    confined = within.size > 0
    width = heads.shape[1] >> 1 if read_weights else 0
    strengths = heads.view(np.float32)
    queue, known, fresh, rough = _parts(memory, indptr.size)
    known[start >> 6] = np.uint64(1) << np.uint64(start & 63)
    ends = queue[indptr.size :]
    queue[0], ends[0] = start, 1
    count, level, opened, followed = 1, 0, 0, 0
    while opened < count and (depth < 0 or level < depth):
        first = count
        headed = first if width else 0
        _fetch(heads, queue[opened : min(opened + _AHEAD, headed)])
        for at in range(opened, first):
            node = queue[at]
            if at + _AHEAD < headed:
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
                _meet(fresh, rough, far)
            if longer:
                rest = slice(indptr[node] + width, indptr[node + 1])
                followed += _meet_all(neighbour[rest], weight[rest], least, sign, within, fresh, rough)
        opened = first
        count = _next_level(known, fresh, rough, queue, count)
        if count == first:
            break
        level += 1
        ends[level] = count
    for at in range(count):
        known[queue[at] >> 6] = 0
    for at in range(level + 1):
        queue[count + at] = ends[at]
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
