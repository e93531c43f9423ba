"""Rows for the Gram solver, its objective by the definition, and scikit-learn's optimum."""

import numpy as np
from hypothesis import HealthCheck, settings
from sklearn.linear_model import Lasso

from circuitlogic.connectors.gram_statistics import CentredProblem, GramStatistics, centred, gram_statistics

SLOWLY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rows_of(
    seed: int, samples: int = 120, n_in: int = 15, n_out: int = 4, rate: float = 0.4
) -> tuple[np.ndarray, np.ndarray]:
    """Sparse, correlated inputs and outputs that depend on a few of them."""
    rng = np.random.default_rng(seed)
    shared = rng.random((samples, 3)) < 0.5
    x = (
        rng.random((samples, n_in))
        * (rng.random((samples, n_in)) < rate)
        * (0.3 + shared[:, np.arange(n_in) % 3])
    )
    weight = rng.normal(size=(n_out, n_in)) * (rng.random((n_out, n_in)) < 0.3)
    return x, x @ weight.T + 0.4 + 0.2 * rng.normal(size=(samples, n_out))


def statistics_of(x: np.ndarray, y: np.ndarray, folds: int = 1) -> tuple[GramStatistics, ...]:
    return gram_statistics([(x, y)], x.shape[1], y.shape[1], folds)


def problem_of(x: np.ndarray, y: np.ndarray) -> CentredProblem:
    return centred(statistics_of(x, y)[0])


def objective(x: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: float) -> np.ndarray:
    """By the definition, sample by sample, with the best bias."""
    residual = y - x @ weight.T
    residual = residual - residual.mean(0)
    return 0.5 * (residual**2).mean(0) + penalty * np.abs(weight).sum(1)


def scikit(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    made = [Lasso(penalty, tol=1e-13, max_iter=100_000).fit(x, column).coef_ for column in y.T]
    return np.stack(made)
