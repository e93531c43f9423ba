"""What every library is asked: ancestors at several depths and thresholds, and strongest paths."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.benchmarks.graphbench.hubs import Shape, selective_threshold
from circuitlogic.graph.columns import EdgeArrays


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of question, asked of several features."""

    name: str
    """Key of the results."""
    text: str
    """For people."""
    above: float
    """Edges have |weight| above it."""
    depth: int | None
    """None: no bound."""
    batch: int
    """Features asked about per round: many where one answer is quick, as the first one waits for the library's own
    code, too, which others have pushed out of the cache."""
    starts: tuple[int, ...]
    """Node numbers of the features asked about, each once, round after round."""
    goals: tuple[int, ...] = ()
    """For path questions: where the path ends; `starts` is where it begins."""


def questions(shape: Shape, edges: EdgeArrays, rounds: int, seed: int) -> tuple[Question, ...]:
    """The questions, with features of the last site (paths: from the first) drawn by `seed`."""
    rng = np.random.default_rng([seed, 1])
    nodes, last = shape.sites * shape.features, (shape.sites - 1) * shape.features
    targets = tuple((last + rng.permutation(shape.features)).tolist())
    sources = tuple(rng.integers(0, shape.features, 2 * rounds).tolist())
    high = selective_threshold(edges, nodes)
    words = f"weights above {high:.2f}"
    asked = [
        Question(f"depth-{depth}", f"ancestors, depth {depth}, {words}", high, depth, batch, targets)
        for depth, batch in ((2, 100), (3, 50), (4, 20))
    ]
    asked.append(Question("deep", f"ancestors, full depth, {words}", high, None, 5, targets))
    asked.append(Question("cone", "ancestors, full depth, no threshold", 0.0, None, 1, targets))
    asked.append(Question("path", "strongest path, first to last site", 0.0, None, 1, sources, targets))
    return tuple(asked)
