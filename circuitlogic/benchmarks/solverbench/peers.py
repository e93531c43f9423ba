"""Who solves the planted rows: our solvers and, where they are installed, other people's. One row each for peers.

Every arm is run at the loosest of its own tolerances at which the common certificate (`lasso_gaps`, `relu_gaps`)
says that it is close enough.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from circuitlogic.benchmarks.solverbench.planted_rows import PlantedRows
from circuitlogic.connectors.gram_statistics import centred, gram_statistics
from circuitlogic.connectors.lasso import solve_lasso
from circuitlogic.connectors.relu_rows import relu_samples, solve_relu
from circuitlogic.connectors.solvers.descent import adam_step_sizes, linear_tail
from circuitlogic.connectors.solvers.objectives import convexified_loss, soft_threshold

Loss = Literal["linear", "relu"]
Weights = tuple[np.ndarray, np.ndarray]
"""W and b of the rows solved."""

_TOLERANCES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10)
_SCHEDULES = tuple((lr, epochs) for epochs in (3, 6, 12, 25, 50, 100) for lr in (1e-2, 3e-3))
_BATCH = 1024
_FIRST_ORDER_GAP = 1e-4


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
    solve: Callable[[PlantedRows, float, np.ndarray, Any], Weights]
    """(data, penalty, rows, setting) -> W and b of these rows."""

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


def _gram(data: PlantedRows, penalty: float, rows: np.ndarray, gap: float) -> Weights:
    n_out, n_in = data.weight.shape
    statistics = gram_statistics([(data.x, data.y)], n_in, n_out)[0]
    solved = solve_lasso(centred(statistics), penalty, gap=gap)
    return solved.weight[rows], solved.bias[rows]


def _relu(data: PlantedRows, penalty: float, rows: np.ndarray, gap: float) -> Weights:
    n_out, n_in = data.weight.shape
    linear = solve_lasso(centred(gram_statistics([(data.x, data.y)], n_in, n_out)[0]), penalty, gap=1e-3)
    start = (linear.weight, linear.bias)
    solved = solve_relu(relu_samples(data.x, data.y), penalty, gap=gap, start=start)
    return solved.weight[rows], solved.bias[rows]


def _by_estimator(module: str) -> Callable[[PlantedRows, float, np.ndarray, float], Weights]:
    """Row after row by a `Lasso` estimator in scikit-learn's manner, on sparse columns."""

    def solve(data: PlantedRows, penalty: float, rows: np.ndarray, tolerance: float) -> Weights:
        lasso: Any = import_module(module).Lasso
        x = data.x.tocsc().astype(np.float64)
        y = data.y.tocsc()[:, rows].toarray().astype(np.float64)
        weight, bias = np.zeros((len(rows), x.shape[1])), np.zeros(len(rows))
        for number in range(len(rows)):
            made = lasso(alpha=penalty, tol=tolerance, fit_intercept=True).fit(x, y[:, number])
            weight[number], bias[number] = np.asarray(made.coef_).ravel(), float(made.intercept_)
        return weight, bias

    return solve


def _adam(loss: Loss) -> Callable[[PlantedRows, float, np.ndarray, tuple[float, int]], Weights]:
    def solve(data: PlantedRows, penalty: float, rows: np.ndarray, schedule: tuple[float, int]) -> Weights:
        weight, bias = _descend(data, penalty, loss, *schedule)
        return weight[rows].double().numpy(), bias[rows].double().numpy()

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


ARMS = (
    Arm("gram", "linear", None, False, (1e-2, 1e-4, 1e-6, 1e-8), _gram),
    Arm("sklearn Lasso", "linear", "sklearn", True, _TOLERANCES, _by_estimator("sklearn.linear_model")),
    Arm("celer Lasso", "linear", "celer", True, _TOLERANCES, _by_estimator("celer")),
    Arm("skglm Lasso", "linear", "skglm", True, _TOLERANCES, _by_estimator("skglm")),
    Arm("proximal Adam", "linear", None, False, _SCHEDULES, _adam("linear")),
    Arm("relu", "relu", None, False, (1e-2, 1e-3, 1e-4, 1e-6), _relu),
    Arm("proximal Adam, ReLU", "relu", None, False, _SCHEDULES, _adam("relu")),
)  # fmt: skip
