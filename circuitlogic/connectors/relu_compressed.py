"""The samples that a ReLU row needs, as small CSR rows: with y > 0, or with an input of its working set firing."""

import numpy as np

from circuitlogic.compiling import compiled


def _members(
    positive: np.ndarray, working: np.ndarray, starts: np.ndarray, samples: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """Samples kept: those with y > 0 first, then those on which the working set fires; `place` learns where."""
    most = len(positive)
    for i in working:
        most += starts[i + 1] - starts[i]
    members = np.empty(most, np.int64)
    count = 0
    for sample in positive:
        members[count] = sample
        place[sample] = count
        count += 1
    for i in working:
        for p in range(starts[i], starts[i + 1]):
            if place[samples[p]] < 0:
                members[count] = samples[p]
                place[samples[p]] = count
                count += 1
    return members[:count]


members_of = compiled(_members)


def _local_rows(
    working: np.ndarray,
    starts: np.ndarray,
    samples: np.ndarray,
    values: np.ndarray,
    place: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The kept samples' values of the working set as CSR: (starts, positions in the working set, values)."""
    first = np.zeros(count + 1, np.int64)
    for i in working:
        for p in range(starts[i], starts[i + 1]):
            first[place[samples[p]] + 1] += 1
    for row in range(count):
        first[row + 1] += first[row]
    at, own, inside = first[:-1].copy(), np.empty(first[count], np.int64), np.empty(first[count])
    for a in range(len(working)):
        for p in range(starts[working[a]], starts[working[a] + 1]):
            row = place[samples[p]]
            own[at[row]], inside[at[row]] = a, values[p]
            at[row] += 1
    return first, own, inside


local_rows = compiled(_local_rows)


def _activate(first: np.ndarray, own: np.ndarray, inside: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """w·x of every kept sample."""
    for row in range(len(out)):
        value = 0.0
        for p in range(first[row], first[row + 1]):
            value += w[own[p]] * inside[p]
        out[row] = value


activate = compiled(_activate)
