"""Which planted edges are found: penalties chosen on left-out samples, refitted, then |w| > 0.1."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from circuitlogic.benchmarks.solverbench.planted_rows import PlantedRows
from circuitlogic.connectors.gram_statistics import centred, gram_statistics, total
from circuitlogic.connectors.lasso import largest_penalties, solve_lasso
from circuitlogic.connectors.penalty_path import choose_penalties, refitted
from circuitlogic.connectors.relu_path import choose_relu_penalties, refit_relu
from circuitlogic.connectors.relu_rows import relu_samples, solve_relu

THRESHOLD = 0.1
_FOLDS, _STEPS, _RATIO = 5, 20, 1e-3


@dataclass(frozen=True, slots=True)
class Found:
    """Edges found by one solver on one draw."""

    solver: str
    seed: int
    edges: int
    """Non-zeros before the threshold."""
    precision: float
    """Share of the edges above the threshold that were planted."""
    recall: float
    """Share of the planted edges above the threshold."""
    inhibitory: float
    """Share of the planted negative edges above the threshold."""


def found_edges(data: PlantedRows, seed: int) -> list[Found]:
    """Both forms, refitted and not."""
    return [_found(name, seed, solve(data), data.weight) for name, solve in _SOLVERS.items()]


def _found(
    name: str, seed: int, weight: Float[np.ndarray, "n_out n_in"], true: Float[np.ndarray, "n_out n_in"]
) -> Found:
    strong, planted, inhibitory = np.abs(weight) > THRESHOLD, true != 0, true < 0
    hits = np.count_nonzero(strong & planted)
    return Found(
        name,
        seed,
        int(np.count_nonzero(weight)),
        hits / max(np.count_nonzero(strong), 1),
        hits / max(np.count_nonzero(planted), 1),
        np.count_nonzero(strong & inhibitory) / max(np.count_nonzero(inhibitory), 1),
    )


def _linear(data: PlantedRows) -> np.ndarray:
    n_out, n_in = data.weight.shape
    folds = gram_statistics([(data.x, data.y)], n_in, n_out, _FOLDS)
    problem, chosen = centred(total(folds)), choose_penalties(folds, _STEPS, _RATIO)
    return refitted(problem, solve_lasso(problem, chosen.penalties).weight)


def _relu(data: PlantedRows, refit: bool = True) -> np.ndarray:
    n_out, n_in = data.weight.shape
    chosen = choose_relu_penalties(data.x, data.y, _FOLDS, _STEPS, _RATIO)
    samples = relu_samples(data.x, data.y)
    solved = solve_relu(samples, chosen.penalties, gap=1e-3)
    if not refit:
        return solved.weight
    largest = largest_penalties(centred(gram_statistics([(data.x, data.y)], n_in, n_out)[0]))
    return refit_relu(samples, solved.weight, solved.bias, largest).weight


def _relu_penalised(data: PlantedRows) -> np.ndarray:
    return _relu(data, refit=False)


_SOLVERS: dict[str, Callable[[PlantedRows], np.ndarray]] = {
    "gram, refitted": _linear,
    "relu, penalised": _relu_penalised,
    "relu, refitted": _relu,
}
