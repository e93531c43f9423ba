"""Who solves the planted rows: our solvers and, where they are installed, other people's. One row each for peers.

Every arm is run at the loosest of its own tolerances at which the common certificate (`lasso_gaps`, `relu_gaps`)
says that it is close enough.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from circuitlogic.benchmarks.solverbench.planted_rows import PlantedRows
from circuitlogic.connectors.gram_statistics import CentredProblem, centred, gram_statistics
from circuitlogic.connectors.lasso import solve_lasso
from circuitlogic.connectors.relu_rows import relu_samples, solve_relu
from circuitlogic.connectors.relu_start import linear_start
from circuitlogic.connectors.solvers.descent import adam_step_sizes, linear_tail
from circuitlogic.connectors.solvers.objectives import convexified_loss, soft_threshold

Loss = Literal["linear", "relu"]
Weights = tuple[np.ndarray, np.ndarray]
"""W and b of the rows solved."""

_TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10)
_EPOCHS = (1, 2, 3, 4, 6, 8, 12, 16, 25, 35, 50, 100)
_SCHEDULES = tuple((lr, epochs) for epochs in _EPOCHS for lr in (1e-2, 3e-3))
_BATCH = 1024
_FIRST_ORDER_GAP = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What an arm is to solve."""

    data: PlantedRows
    penalty: float
    rows: np.ndarray
    """On which arms are certified, and arms that go row by row are timed."""
    problem: CentredProblem
    """The linear problem of all rows, for whom statistics are at hand already."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to solve rows."""

    name: str
    loss: Loss
    needs: str | None
    """The package it comes from, where that is not ours."""
    by_row: bool
    """Whether it solves row after row, so that a sample of rows tells the time of all."""
    settings: tuple[Any, ...]
    """What it can be run at, cheapest first."""
    run: Callable[[Task, Any], tuple[Weights, float]]
    """(task, setting) -> W and b of the task's rows, and the CPU seconds spent before the first row."""

    def solve(self, task: Task, setting: Any) -> Weights:
        """W and b of the task's rows."""
        return self.run(task, setting)[0]

    def wanted(self, gap: float) -> float:
        """The gap it is held to: first-order methods come no closer than 1e-4 in a time worth waiting for."""
        return max(gap, _FIRST_ORDER_GAP) if self.dense else gap

    @property
    def dense(self) -> bool:
        """Whether it needs all features densely, which no machine has room for at the largest sizes."""
        return self.settings is _SCHEDULES

    @property
    def present(self) -> bool:
        """Whether it can run here."""
        return self.needs is None or find_spec(self.needs) is not None


def _problem_of(data: PlantedRows) -> CentredProblem:
    n_out, n_in = data.weight.shape
    return centred(gram_statistics([(data.x, data.y)], n_in, n_out)[0])


def _gram(task: Task, gap: float) -> Weights:
    solved = solve_lasso(_problem_of(task.data), task.penalty, gap=gap)
    return solved.weight[task.rows], solved.bias[task.rows]


def _gram_again(task: Task, gap: float) -> Weights:
    """Another penalty on the same statistics, from zero."""
    solved = solve_lasso(task.problem, task.penalty, gap=gap)
    return solved.weight[task.rows], solved.bias[task.rows]


def _relu(task: Task, gap: float) -> Weights:
    x, y = task.data.x, task.data.y
    start = linear_start(x, y, task.penalty)
    solved = solve_relu(relu_samples(x, y), task.penalty, gap=gap, start=start)
    return solved.weight[task.rows], solved.bias[task.rows]


def _at_once(solve: Callable[[Task, Any], Weights]) -> Callable[[Task, Any], tuple[Weights, float]]:
    """Of a solver of all rows together: nothing comes before the first."""
    return lambda task, setting: (solve(task, setting), 0.0)


def _by_estimator(module: str) -> Callable[[Task, float], tuple[Weights, float]]:
    """Row after row by a `Lasso` estimator in scikit-learn's manner, on sparse columns."""

    def run(task: Task, tolerance: float) -> tuple[Weights, float]:
        lasso: Any = import_module(module).Lasso
        start = time.process_time()
        x = task.data.x.tocsc().astype(np.float64)
        y = task.data.y.tocsc()[:, task.rows].toarray().astype(np.float64)
        before = time.process_time() - start
        weight, bias = np.zeros((y.shape[1], x.shape[1])), np.zeros(y.shape[1])
        for number in range(y.shape[1]):
            made = lasso(alpha=task.penalty, tol=tolerance, fit_intercept=True).fit(x, y[:, number])
            weight[number], bias[number] = np.asarray(made.coef_).ravel(), float(made.intercept_)
        return (weight, bias), before

    return run


def _adam(loss: Loss) -> Callable[[Task, tuple[float, int]], Weights]:
    def solve(task: Task, schedule: tuple[float, int]) -> Weights:
        weight, bias = _descend(task.data, task.penalty, loss, *schedule)
        return weight[task.rows].double().numpy(), bias[task.rows].double().numpy()

    return solve


def _descend(data: PlantedRows, penalty: float, loss: Loss, lr: float, epochs: int) -> tuple[Tensor, Tensor]:
    """Adam with a soft threshold after every step, all rows at once, dense batches."""
    x, y = (torch.from_numpy(side.toarray()) for side in (data.x, data.y))
    weight = torch.zeros(data.weight.shape, requires_grad=True)
    bias = torch.zeros(len(weight), requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=lr, fused=True)
    steps = epochs * -(-len(x) // _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: linear_tail(step, steps))
    order = np.random.default_rng(0)
    for _ in range(epochs):
        for chosen in torch.from_numpy(order.permutation(len(x))).split(_BATCH):
            z, target = x[chosen] @ weight.T + bias, y[chosen]
            square = (z - target).square().mean(0).sum() / 2
            value = square if loss == "linear" else convexified_loss(z, target, weight, 0.0)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            with torch.no_grad():
                soft_threshold(weight, penalty * adam_step_sizes(optimizer, weight))
            schedule.step()
    return weight.detach(), bias.detach()


OURS = {"linear": "gram", "relu": "relu"}
FURTHER = "gram, further penalty"

ARMS = (
    Arm("gram", "linear", None, False, (1e-2, 1e-4, 1e-6, 1e-8), _at_once(_gram)),
    Arm(FURTHER, "linear", None, False, (1e-2, 1e-4, 1e-6, 1e-8), _at_once(_gram_again)),
    Arm("sklearn Lasso", "linear", "sklearn", True, _TOLERANCES, _by_estimator("sklearn.linear_model")),
    Arm("celer Lasso", "linear", "celer", True, _TOLERANCES, _by_estimator("celer")),
    Arm("skglm Lasso", "linear", "skglm", True, _TOLERANCES, _by_estimator("skglm")),
    Arm("proximal Adam", "linear", None, False, _SCHEDULES, _at_once(_adam("linear"))),
    Arm("relu", "relu", None, False, (1e-2, 1e-3, 1e-4, 1e-6), _at_once(_relu)),
    Arm("proximal Adam, ReLU", "relu", None, False, _SCHEDULES, _at_once(_adam("relu"))),
)  # fmt: skip
