"""Equal stopping quality, then time: arms take turns, CPU seconds on one thread, medians."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from circuitlogic.benchmarks.solverbench.peers import Arm, Loss, Task, Weights
from circuitlogic.benchmarks.solverbench.planted_rows import plant_rows
from circuitlogic.connectors.gram_statistics import CentredProblem, centred, gram_statistics
from circuitlogic.connectors.lasso import lasso_gaps, solve_lasso
from circuitlogic.connectors.relu_rows import ReluSamples, relu_gaps, relu_samples, solve_relu
from circuitlogic.progress import Progress

_SURELY = 1e-8
"""A gap beyond doubt."""


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


@dataclass(frozen=True, eq=False)
class Course:
    """What is solved, and how close a solution is."""

    task: Task
    samples: ReluSamples
    """Of the rows looked at."""

    def gap(self, arm: Arm, found: Weights) -> float:
        """Σ of the rows' gaps as a share of Σ ½ Var(y), by the same function for every arm of a loss.

        First-order arms have no certificate and are judged more kindly: by how far their objective is above the
        least that is possible, to within 1e-8, and not by a bound on that.
        """
        empty = self.linear.energy
        if arm.loss == "linear":
            gaps = lasso_gaps(self.linear, found[0], self.task.penalty)
        else:
            gaps = relu_gaps(self.samples, *found, self.task.penalty)
        share = float((gaps * empty).sum() / empty.sum())
        if not arm.dense or share <= _SURELY:
            return share
        return float((self._objective(arm.loss, found) - self.least[arm.loss]) / (0.5 * empty.sum()))

    @cached_property
    def linear(self) -> CentredProblem:
        """The linear problem of the rows looked at."""
        whole, rows = self.task.problem, self.task.rows
        return CentredProblem(
            whole.gram, whole.cross[rows], whole.energy[rows], whole.mean_x, whole.mean_y[rows]
        )

    @cached_property
    def least(self) -> dict[Loss, float]:
        """Of each loss, the least objective that is possible."""
        solved = solve_lasso(self.linear, self.task.penalty, gap=_SURELY)
        relu = solve_relu(self.samples, self.task.penalty, gap=_SURELY, start=(solved.weight, solved.bias))
        found: dict[Loss, Weights] = {
            "linear": (solved.weight, solved.bias),
            "relu": (relu.weight, relu.bias),
        }
        return {loss: self._objective(loss, weights) for loss, weights in found.items()}

    def _objective(self, loss: Loss, found: Weights) -> float:
        """Of the rows looked at, summed; of the linear form with the best bias."""
        weight, bias = found
        price = self.task.penalty * float(np.abs(weight).sum())
        if loss == "linear":
            p = self.linear
            squares = p.energy - 2 * (weight * p.cross).sum(1) + (weight @ p.gram * weight).sum(1)
            return 0.5 * float(squares.sum()) + price
        y = self.task.data.y.tocsc()[:, self.task.rows].toarray()
        z = self.samples.x @ weight.T + bias
        theta = np.where(y > 0, y - z, -np.maximum(z, 0.0))
        return 0.5 * float(np.square(theta).sum()) / len(y) + price


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
        missed: dict[str, _Missed] = {}
        for arm in progress.track(arms, "settings that reach the gap", len(arms)):
            if arm.present:
                arm.solve(warm, arm.settings[0])
                found = _setting(where, arm, arm.wanted(gaps[arm.loss]))
                if isinstance(found, _Ready):
                    ready[arm.name] = found
                else:
                    missed[arm.name] = found
        for _ in progress.track(range(1, repeats), "timing", repeats - 1):
            for found in ready.values():
                found.runs.append(_timed(where, found.arm, found.setting)[0])
    every = {**missed, **ready}
    return [_result(where, arm, every.get(arm.name), arm.wanted(gaps[arm.loss])) for arm in arms]


@dataclass(frozen=True, slots=True)
class _Ready:
    """An arm at its cheapest setting that reaches the gap; the run that showed it is the first that counts."""

    arm: Arm
    setting: Any
    gap: float
    runs: list[float]


@dataclass(frozen=True, slots=True, order=True)
class _Missed:
    """The closest that an arm came."""

    gap: float
    seconds: float


def _setting(where: Course, arm: Arm, wanted: float) -> "_Ready | _Missed":
    missed = _Missed(np.inf, 0.0)
    for setting in arm.settings:
        seconds, found = _timed(where, arm, setting)
        gap = where.gap(arm, found)
        if gap <= wanted:
            return _Ready(arm, setting, gap, [seconds])
        missed = min(missed, _Missed(gap, seconds))
    return missed


def _timed(where: Course, arm: Arm, setting: Any) -> tuple[float, Weights]:
    """CPU seconds for all rows, and what was found; only what is spent row by row is extrapolated."""
    start = time.process_time()
    found, before = arm.run(where.task, setting)
    spent = time.process_time() - start
    every, looked = len(where.task.data.weight), len(where.task.rows)
    return (before + (spent - before) * every / looked if arm.by_row else spent), found


def _result(where: Course, arm: Arm, found: _Ready | _Missed | None, wanted: float) -> Race:
    every, looked = len(where.task.data.weight), len(where.task.rows)
    rows = looked if arm.by_row else every
    if found is None:
        return Race(arm.name, arm.loss, wanted, None, None, (), 0, "not installed")
    if isinstance(found, _Missed):
        note = f"came no closer than {found.gap:.1e}, in {found.seconds:.3g} s"
        return Race(arm.name, arm.loss, wanted, None, None, (), rows, note)
    note = f"{rows}, extrapolated" if rows < every else "all"
    return Race(
        arm.name, arm.loss, wanted, found.gap, statistics.median(found.runs), tuple(found.runs), rows, note
    )
