"""What every input has in common with the residuals of many ReLU rows at once: Σ θ·x, chunk of samples by chunk.

A chunk of samples stays in the second cache while all rows of a block read it. Row by row, every sample came from
memory again: four times as slow with 200,000 samples.
"""

import numpy as np

from circuitlogic.compiling import compiled

_CHUNK = 1024


def _add_correlations(
    first: np.ndarray,
    stop: np.ndarray,
    samples: np.ndarray,
    theta: np.ndarray,
    starts: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    out: np.ndarray,
) -> None:
    """out[k // 2] += Σ θ·x over list k: `samples[first[k]:stop[k]]`, in rising order, with their θ."""
    at, end, left = first.copy(), 0, True
    while left:
        end, left = end + _CHUNK, False
        for k in range(len(first)):
            row, p = out[k // 2], at[k]
            while p < stop[k] and samples[p] < end:
                sample, value = samples[p], theta[p]
                for entry in range(starts[sample], starts[sample + 1]):
                    row[columns[entry]] += value * values[entry]
                p += 1
            at[k] = p
            left = left or p < stop[k]


add_correlations = compiled(_add_correlations)


def _fill_lists(
    members: np.ndarray, extra: np.ndarray, positive: int, first: int, samples: np.ndarray, theta: np.ndarray
) -> int:
    """Write a row's two lists, from `first` and from `first + positive` on; returns where the second stops.

    The first `positive` members are in order already; of the others only those with a θ count.
    """
    for p in range(positive):
        samples[first + p], theta[first + p] = members[p], extra[p]
    others = np.flatnonzero(extra[positive:]) + positive
    others = others[np.argsort(members[others])]
    at = first + positive
    for p in others:
        samples[at], theta[at] = members[p], extra[p]
        at += 1
    return at


fill_lists = compiled(_fill_lists)
