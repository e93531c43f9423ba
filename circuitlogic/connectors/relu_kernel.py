"""One working set of one row of the convexified ReLU problem, solved on a compressed sample set.

Minimised over w and b, with z = w·x + b: mean of ½ (y - z)² where y > 0 and ½ max(z, 0)² where y = 0, plus
Σ up·max(w, 0) + down·max(-w, 0). Method: proximal Newton steps (the loss is piecewise quadratic) whose quadratic
model `lasso_kernel.descend` solves; `relu_block` chooses the working sets.

Compression: with a working set S only samples with y > 0, or on which an input of S fires, are kept. All others
have y = 0 and z = b, and enter in closed form. Certificate: with θ = y - z where y > 0 and -max(z, 0) where
y = 0, which sums to 0 at the best bias, s·θ is dual feasible for s = 1 / max(1, max q/up, max -q/down), where
q = mean θ·x.
"""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.connectors.lasso_kernel import descend, slack_ratio
from circuitlogic.connectors.relu_compressed import activate
from circuitlogic.connectors.relu_loss import (
    best_bias,
    duality_gap,
    positive_curvature,
    price_of,
    quadratic_model,
    square_of,
)

_NEWTON_STEPS = 60


def _newton_direction(
    curvature: np.ndarray,
    slope: np.ndarray,
    square: float,
    w: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    tolerance: float,
) -> tuple[np.ndarray, float]:
    """The step of w and b to the minimum of the model plus the penalty; the bias is eliminated first."""
    k = len(w)
    ratio = curvature[k, :k] / curvature[k, k]
    sub, q = curvature[:k, :k].copy(), slope[:k] - ratio * slope[k]
    for a in range(k):
        sub[a] -= curvature[a, k] * ratio
    for a in range(k):
        if sub[a, a] <= 1e-12 * curvature[a, a]:  # constant where it counts: its weight cannot be told from b
            sub[a, :] = 0.0
            sub[:, a] = 0.0
            q[a] = 0.0
    cross = q.copy()
    for a in range(k):
        cross += w[a] * sub[a]
    rest = max(square - slope[k] * slope[k] / curvature[k, k], 0.0)
    energy = rest + (w * (cross + q)).sum()
    new = w.copy()
    descend(sub, cross, q, new, up, down, energy, tolerance)
    step = new - w
    return step, slope[k] / curvature[k, k] - (ratio * step).sum()


_newton_direction = compiled(_newton_direction)


def _solve_working_set(
    y: np.ndarray,
    first: np.ndarray,
    own: np.ndarray,
    inside: np.ndarray,
    n: int,
    up: np.ndarray,
    down: np.ndarray,
    w: np.ndarray,
    bias: float,
    wx: np.ndarray,
    tolerance: float,
) -> float:
    """Proximal Newton steps on the working set until its own gap is small; changes w and wx, returns the bias."""
    k, others = len(w), n - len(wx)
    activate(first, own, inside, w, wx)
    bias = best_bias(y, wx, others, bias)
    fixed = positive_curvature(first, own, inside, len(y), k)
    moved = np.empty(len(wx))
    for _ in range(_NEWTON_STEPS):
        curvature, slope, along = quadratic_model(y, wx, bias, others, fixed, first, own, inside)
        square, price = square_of(y, wx, others, bias), price_of(w, up, down)
        curvature, slope = curvature / n, slope / n
        ratio = slack_ratio(slope[:k], up, down) if k else 1.0
        if duality_gap(square / n, along / n, price, ratio) <= tolerance:
            break
        step, bias_step = _newton_direction(curvature, slope, square / n, w, up, down, 0.1 * tolerance)
        now, size, tried, there = 0.5 * square / n + price, 1.0, w, bias
        while size > 1e-10:
            tried = w + size * step
            activate(first, own, inside, tried, moved)
            there = best_bias(y, moved, others, bias + size * bias_step)
            if 0.5 * square_of(y, moved, others, there) / n + price_of(tried, up, down) < now:
                break
            size *= 0.5
        if size <= 1e-10:  # no descent left that these numbers can show
            break
        w[:] = tried
        wx[:], bias = moved, there
    return bias


solve_working_set = compiled(_solve_working_set)
