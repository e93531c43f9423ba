"""Owns gates of many inputs: k of n, with single vetoes, found on the seen states alone (never 2^n of
anything)."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.activity import BoolArray, FloatArray
from circuitlogic.logic.states import States

_ROUNDS = 80


@dataclass(frozen=True, slots=True)
class Count:
    """At least `threshold` of `positive` and none of `negative`; literals are columns of the states."""

    positive: tuple[int, ...]
    negative: tuple[int, ...]
    threshold: int
    f1: float
    objective: float

    def values(self, bits: FloatArray) -> BoolArray:
        """[states] what it says."""
        enough = bits[:, list(self.positive)].sum(axis=1) > self.threshold - 0.5
        return enough & ~(bits[:, list(self.negative)] > 0.5).any(axis=1)


def widest_count(states: States, effects: FloatArray, associations: FloatArray, price: float) -> Count | None:
    """The best count found over all literals: prefixes first,
    then single changes while the objective falls."""
    positive = [int(i) for i in np.argsort(-effects, kind="stable") if effects[i] > 0]
    negative = [int(i) for i in np.argsort(effects, kind="stable") if effects[i] < 0]
    by_data = [i for i in np.argsort(-associations, kind="stable").tolist() if effects[i] > 0]
    if len(positive) < 2:
        return None
    starts = [_best_prefix(states, order, price) for order in (positive, by_data)]
    found = [_climbed(states, start, positive, negative, price) for start in starts]
    return min(found, key=lambda count: (count.objective, count.positive, count.negative))


def _best_prefix(states: States, order: list[int], price: float) -> Count:
    counts = np.zeros(states.samples.shape[0], dtype=np.int64)
    best: Count | None = None
    for size, literal in enumerate(order, start=1):
        counts += states.bits[:, literal] > 0.5
        threshold, f1, objective = _best_threshold(states, counts, None, size, 0, price)
        if best is None or objective < best.objective:
            best = Count(tuple(sorted(order[:size])), (), threshold, f1, objective)
    if best is None:
        raise ValueError("no literals to count")
    return best


def _best_threshold(
    states: States, counts: np.ndarray, vetoed: BoolArray | None, size: int, vetoes: int, price: float
) -> tuple[int, float, float]:
    """The k with the lowest objective for these counts: k, F1, objective."""
    samples, firing = states.samples, states.firing
    if vetoed is not None:
        samples, firing = np.where(vetoed, 0.0, samples), np.where(vetoed, 0.0, firing)
    said = np.cumsum(np.bincount(counts, weights=samples, minlength=size + 1)[::-1])[::-1]
    hits = np.cumsum(np.bincount(counts, weights=firing, minlength=size + 1)[::-1])[::-1]
    k = np.arange(1, size + 1)
    f1 = 2 * hits[1:] / np.maximum(said[1:] + states.total, 1e-30)
    objective = 1 - f1 + price * (size + vetoes + ((k > 1) & (k < size)))
    at = int(np.argmin(objective))
    return at + 1, float(f1[at]), float(objective[at])


def _climbed(states: States, start: Count, positive: list[int], negative: list[int], price: float) -> Count:
    best = start
    on = states.bits > 0.5
    for _ in range(_ROUNDS):
        counts = on[:, list(best.positive)].sum(axis=1)
        vetoes = on[:, list(best.negative)].sum(axis=1)
        before = best
        for literal in positive:
            inside = literal in before.positive
            if inside and len(before.positive) <= 1:
                continue
            members = tuple(sorted(set(before.positive) ^ {literal}))
            moved = counts - on[:, literal] if inside else counts + on[:, literal]
            scored = _best_threshold(states, moved, vetoes > 0, len(members), len(before.negative), price)
            if scored[2] < best.objective - 1e-9:
                best = Count(members, before.negative, *scored)
        for literal in negative:
            inside = literal in before.negative
            members = tuple(sorted(set(before.negative) ^ {literal}))
            moved = vetoes - on[:, literal] if inside else vetoes + on[:, literal]
            scored = _best_threshold(states, counts, moved > 0, len(before.positive), len(members), price)
            if scored[2] < best.objective - 1e-9:
                best = Count(before.positive, members, *scored)
        if best is before:
            break
    return best
