"""Equal stopping quality, then time: arms take turns, CPU seconds on one thread, medians."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from circuitlogic.benchmarks.solverbench.peers import Arm, Task, Weights
from circuitlogic.benchmarks.solverbench.planted_rows import plant_rows
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

    task: Task
    samples: ReluSamples
    """Of the rows looked at."""

    def gap(self, arm: Arm, found: Weights) -> float:
        """The same function for every arm of a loss."""
        whole, rows = self.task.problem, self.task.rows
        empty = whole.energy[rows]
        if arm.loss == "linear":
            problem = CentredProblem(whole.gram, whole.cross[rows], empty, whole.mean_x, whole.mean_y[rows])
            gaps = lasso_gaps(problem, found[0], self.task.penalty)
        else:
            gaps = relu_gaps(self.samples, *found, self.task.penalty)
        return float((gaps * empty).sum() / empty.sum())


def course(samples: int, n_in: int, n_out: int, penalty: float, rows: int, seed: int) -> Course:
    """Plant the data; the rows looked at are spread evenly."""
    data = plant_rows(samples, n_in, n_out, seed)
    chosen = np.unique(np.linspace(0, n_out - 1, min(rows, n_out)).astype(int))
    problem = centred(gram_statistics([(data.x, data.y)], n_in, n_out)[0])
    samples_of_rows = relu_samples(data.x, data.y.tocsc()[:, chosen].tocsr())
    return Course(Task(data, penalty, chosen, problem), samples_of_rows)


def race(
    where: Course, arms: Sequence[Arm], gaps: dict[str, float], repeats: int, progress: Progress
) -> list[Race]:
    """Time every arm at the cheapest setting that reaches its loss's gap."""
    with threadpool_limits(1):
        warm = course(200, 16, 16, 0.01, 2, 0).task
        ready: dict[str, _Ready] = {}
        for arm in progress.track(arms, "settings that reach the gap", len(arms)):
            if arm.present:
                arm.solve(warm, arm.settings[0])
                found = _setting(where, arm, arm.wanted(gaps[arm.loss]))
                if found is not None:
                    ready[arm.name] = found
        for _ in progress.track(range(1, repeats), "timing", repeats - 1):
            for found in ready.values():
                found.runs.append(_timed(where, found.arm, found.setting)[0])
    return [_result(where, arm, ready.get(arm.name), arm.wanted(gaps[arm.loss])) for arm in arms]


@dataclass(frozen=True, slots=True)
class _Ready:
    """An arm at its cheapest setting that reaches the gap; the run that showed it is the first that counts."""

    arm: Arm
    setting: Any
    gap: float
    runs: list[float]


def _setting(where: Course, arm: Arm, wanted: float) -> _Ready | None:
    for setting in arm.settings:
        seconds, found = _timed(where, arm, setting)
        gap = where.gap(arm, found)
        if gap <= wanted:
            return _Ready(arm, setting, gap, [seconds])
    return None


def _timed(where: Course, arm: Arm, setting: Any) -> tuple[float, Weights]:
    """CPU seconds for all rows, and what was found; only what is spent row by row is extrapolated."""
    start = time.process_time()
    found, before = arm.run(where.task, setting)
    spent = time.process_time() - start
    every, looked = len(where.task.data.weight), len(where.task.rows)
    return (before + (spent - before) * every / looked if arm.by_row else spent), found


def _result(where: Course, arm: Arm, found: _Ready | None, wanted: float) -> Race:
    every, looked = len(where.task.data.weight), len(where.task.rows)
    rows = looked if arm.by_row else every
    if not arm.present:
        return Race(arm.name, arm.loss, wanted, None, None, (), 0, "not installed")
    if found is None:
        return Race(arm.name, arm.loss, wanted, None, None, (), rows, "did not reach the gap")
    note = f"{rows}, extrapolated" if rows < every else "all"
    return Race(
        arm.name, arm.loss, wanted, found.gap, statistics.median(found.runs), tuple(found.runs), rows, note
    )
