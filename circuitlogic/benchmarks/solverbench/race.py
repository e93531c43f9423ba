"""Equal stopping quality, then time: arms take turns, CPU seconds on one thread, medians."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from circuitlogic.benchmarks.solverbench.peers import Arm, Weights
from circuitlogic.benchmarks.solverbench.planted_rows import PlantedRows, plant_rows
from circuitlogic.connectors.gram_statistics import CentredProblem, centred, gram_statistics
from circuitlogic.connectors.lasso import lasso_gaps
from circuitlogic.connectors.relu_rows import ReluSamples, relu_gaps, relu_samples
from circuitlogic.progress import Progress


@dataclass(frozen=True, slots=True)
class Race:
    """One arm at one wanted gap."""

    arm: str
    loss: str
    wanted_gap: float
    gap: float | None
    """Reached: Σ over rows of the certified gap, as a share of Σ ½ Var(y); None where no setting got there."""
    seconds: float | None
    """Median CPU seconds for all rows; None where the arm is absent, was left out, or did not get there."""
    runs: tuple[float, ...]
    rows: int
    """Rows solved; fewer than all: `seconds` is extrapolated from them."""
    note: str


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What is solved, and the common certificate."""

    data: PlantedRows
    penalty: float
    rows: np.ndarray
    """Rows on which arms that go row by row are timed, and all arms are certified."""
    problem: CentredProblem
    samples: ReluSamples

    def gap(self, arm: Arm, found: Weights) -> float:
        """The same function for every arm of a loss."""
        if arm.loss == "linear":
            problem = CentredProblem(
                self.problem.gram,
                self.problem.cross[self.rows],
                self.problem.energy[self.rows],
                self.problem.mean_x,
                self.problem.mean_y[self.rows],
            )
            gaps, empty = lasso_gaps(problem, found[0], self.penalty), problem.energy
        else:
            gaps, empty = relu_gaps(self.samples, *found, self.penalty), self.problem.energy[self.rows]
        return float((gaps * empty).sum() / empty.sum())


def course(samples: int, n_in: int, n_out: int, penalty: float, rows: int, seed: int) -> Course:
    """Plant the data; the rows looked at are spread evenly."""
    data = plant_rows(samples, n_in, n_out, seed)
    chosen = np.unique(np.linspace(0, n_out - 1, min(rows, n_out)).astype(int))
    problem = centred(gram_statistics([(data.x, data.y)], n_in, n_out)[0])
    return Course(data, penalty, chosen, problem, relu_samples(data.x, data.y.tocsc()[:, chosen].tocsr()))


def race(
    where: Course, arms: Sequence[Arm], gaps: dict[str, float], repeats: int, progress: Progress
) -> list[Race]:
    """Time every arm at the cheapest setting that reaches its loss's gap."""
    with threadpool_limits(1):
        warm = plant_rows(200, 16, 16, 0)
        ready: dict[str, tuple[Arm, Any, float] | None] = {}
        for arm in progress.track(arms, "settings that reach the gap", len(arms)):
            if arm.present:
                arm.solve(warm, 0.01, np.arange(2), arm.settings[0])
                ready[arm.name] = _setting(where, arm, arm.wanted(gaps[arm.loss]))
        times: dict[str, list[float]] = {name: [] for name, found in ready.items() if found}
        for _ in progress.track(range(repeats), "timing", repeats):
            for name in times:
                arm, setting, _gap = ready[name] or (arms[0], None, 0.0)
                times[name].append(_cpu(partial(arm.solve, where.data, where.penalty, where.rows, setting)))
    return [
        _result(where, arm, ready.get(arm.name), arm.wanted(gaps[arm.loss]), times.get(arm.name, []))
        for arm in arms
    ]


def _setting(where: Course, arm: Arm, wanted: float) -> tuple[Arm, Any, float] | None:
    for setting in arm.settings:
        gap = where.gap(arm, arm.solve(where.data, where.penalty, where.rows, setting))
        if gap <= wanted:
            return arm, setting, gap
    return None


def _cpu(work: partial[Weights]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _result(
    where: Course, arm: Arm, found: tuple[Arm, Any, float] | None, wanted: float, runs: list[float]
) -> Race:
    every = len(where.data.weight)
    rows = len(where.rows) if arm.by_row else every
    if not arm.present:
        return Race(arm.name, arm.loss, wanted, None, None, (), 0, "not installed")
    if found is None:
        return Race(arm.name, arm.loss, wanted, None, None, (), rows, "did not reach the gap")
    whole = tuple(run * every / rows for run in runs)
    note = f"{rows}, extrapolated" if rows < every else "all"
    return Race(arm.name, arm.loss, wanted, found[2], statistics.median(whole), whole, rows, note)
