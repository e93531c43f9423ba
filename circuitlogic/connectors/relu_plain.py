"""The ReLU row solver in plain NumPy over all samples: what the compiled, compressed kernel has to equal."""

import numpy as np

from circuitlogic.connectors.lasso_kernel import descend, joining, slack_ratio
from circuitlogic.connectors.products import SparseRows

_GROWTH = 16
_STEPS = 60


def solve_row_plain(
    x: SparseRows,
    y: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    start: tuple[np.ndarray, float],
    tolerance: float,
    rounds: int,
) -> tuple[np.ndarray, float, float]:
    """Weights, bias and certified relative gap of one row; arguments as in `relu_kernel`."""
    scale = 0.5 * y.var()
    w, bias = start[0].copy(), start[1]
    if scale <= 0.5e-12 * y.mean() ** 2:
        return np.zeros_like(w), float(y.mean()), 0.0
    strictness, gap, columns = 0.3, np.inf, x.tocsc()
    working = np.nonzero(w)[0]
    for _ in range(rounds):
        design = columns[:, working].toarray().astype(np.float64)
        limit = strictness * tolerance * scale
        inner, bias = _working_set(design, y, w[working], bias, up[working], down[working], limit)
        w[working] = inner
        theta = _theta(y, x @ w + bias)
        q = x.T @ theta / len(y)
        gap = _gap(theta, y, q, w, up, down) / scale
        if gap <= tolerance:
            break
        new = joining(q, w, up, down, max(_GROWTH, int(np.count_nonzero(w))))
        strictness *= 0.8 if new.any() else 0.1
        working = np.nonzero(new | (w != 0.0))[0]
    return w, float(bias), float(gap)


def _theta(y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Minus the slope of each sample's loss."""
    return np.where(y > 0, y - z, -np.maximum(z, 0.0))


def _price(w: np.ndarray, up: np.ndarray, down: np.ndarray) -> float:
    return float((up[w > 0] * w[w > 0]).sum() - (down[w < 0] * w[w < 0]).sum())


def _gap(
    theta: np.ndarray, y: np.ndarray, q: np.ndarray, w: np.ndarray, up: np.ndarray, down: np.ndarray
) -> float:
    square, along = (theta**2).mean(), (theta * y).mean()
    most = 1 / slack_ratio(q, up, down) if len(q) else 1.0
    scale = min(max(along / square, 0.0), most) if square > 0 else most
    return float(0.5 * square + _price(w, up, down) - (scale * along - 0.5 * scale**2 * square))


def _best_bias(y: np.ndarray, wx: np.ndarray) -> float:
    """Where θ sums to 0: its sum falls, linear between the points -wx of samples with y = 0."""
    positive = y > 0
    kinks = np.sort(-wx[~positive])
    total, count = (y[positive] - wx[positive]).sum(), int(positive.sum())
    # With the m smallest kinks passed, Σθ = total + Σ kinks - (count + m) b.
    passed = np.concatenate(([0.0], np.cumsum(kinks)))
    roots = (total + passed) / (count + np.arange(len(passed)))
    below = np.concatenate((kinks, [np.inf]))
    return float(roots[np.argmax(roots <= below)])


def _working_set(
    design: np.ndarray,
    y: np.ndarray,
    w: np.ndarray,
    bias: float,
    up: np.ndarray,
    down: np.ndarray,
    tolerance: float,
) -> tuple[np.ndarray, float]:
    n, with_bias = len(y), np.column_stack([design, np.ones(len(y))])
    bias = _best_bias(y, design @ w)
    for _ in range(_STEPS):
        z = design @ w + bias
        theta = _theta(y, z)
        slope = with_bias.T @ theta / n
        if _gap(theta, y, slope[:-1], w, up, down) <= tolerance:
            break
        active = with_bias[(y > 0) | (z > 0)]
        step = _direction(active.T @ active / n, slope, (theta**2).mean(), w, up, down, 0.1 * tolerance)
        now, size = 0.5 * (theta**2).mean() + _price(w, up, down), 1.0
        tried, there = w, bias
        while size > 1e-10:
            tried = w + size * step
            there = _best_bias(y, design @ tried)
            if 0.5 * (_theta(y, design @ tried + there) ** 2).mean() + _price(tried, up, down) < now:
                break
            size *= 0.5
        if size <= 1e-10:
            break
        w, bias = tried, there
    return w, bias


def _direction(
    curvature: np.ndarray,
    slope: np.ndarray,
    square: float,
    w: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """The step of w to the minimum of the quadratic piece plus the penalty, the bias eliminated."""
    ratio = curvature[:-1, -1] / curvature[-1, -1]
    sub = curvature[:-1, :-1] - np.outer(ratio, curvature[-1, :-1])
    q = slope[:-1] - ratio * slope[-1]
    flat = np.diag(sub) <= 1e-12 * np.diag(curvature)[:-1]
    sub[flat], sub[:, flat], q[flat] = 0.0, 0.0, 0.0
    cross = q + sub @ w
    energy = max(square - slope[-1] ** 2 / curvature[-1, -1], 0.0) + w @ cross + w @ q
    new = w.copy()
    descend(sub, cross, q, new, up, down, float(energy), tolerance)
    return new - w
