"""The convexified ReLU loss on kept samples: its value, best bias, quadratic piece and duality gap.

Kept samples with y > 0 come first, so `y` is as long as they are many; `others` were not kept: for them z = b.
"""

import numpy as np

from circuitlogic.compiling import compiled

_BIAS_STEPS = 60


def _gap(square: float, along: float, price: float, ratio: float) -> float:
    """Primal minus dual, from mean θ², mean θ·y and the penalty; the scale may not turn θ's sign."""
    scale = 1.0 / ratio
    if square > 0.0:
        scale = min(max(along / square, 0.0), scale)
    return 0.5 * square + price - (scale * along - 0.5 * scale * scale * square)


duality_gap = compiled(_gap)


def _best_bias(y: np.ndarray, wx: np.ndarray, others: int, bias: float) -> float:
    """The bias at which θ sums to 0, by Newton steps on a falling, piecewise linear function."""
    low, high = -np.inf, np.inf
    for _ in range(_BIAS_STEPS):
        total, slope = -others * max(bias, 0.0), float(others) if bias > 0.0 else 0.0
        size = abs(total)
        for row in range(len(wx)):
            z = wx[row] + bias
            if row < len(y):
                total += y[row] - z
                size += abs(y[row] - z)
                slope += 1.0
            elif z > 0.0:
                total -= z
                size += z
                slope += 1.0
        if abs(total) <= 1e-14 * size:
            break
        if total > 0.0:
            low = bias
        else:
            high = bias
        bias += total / slope
        if not low < bias < high:
            if np.isinf(low) or np.isinf(high) or high - low <= 1e-15 * (abs(low) + abs(high)):
                break
            bias = 0.5 * (low + high)
    return bias


best_bias = compiled(_best_bias)


def _square(y: np.ndarray, wx: np.ndarray, others: int, bias: float) -> float:
    """Σ θ², twice the loss."""
    total = others * max(bias, 0.0) ** 2
    for row in range(len(wx)):
        z = wx[row] + bias
        if row < len(y):
            total += (y[row] - z) ** 2
        elif z > 0.0:
            total += z * z
    return total


square_of = compiled(_square)


def _half_variance(y: np.ndarray, n: int) -> float:
    """½ Var of an output over all samples, from its values above 0; exactly 0 where only rounding varies."""
    mean = y.sum() / n
    found = 0.5 * ((y * y).sum() / n - mean * mean)
    return found if found > 1e-12 * mean * mean else 0.0


half_variance = compiled(_half_variance)


def _price(w: np.ndarray, up: np.ndarray, down: np.ndarray) -> float:
    """The penalty."""
    total = 0.0
    for a in range(len(w)):
        if w[a] > 0.0:
            total += up[a] * w[a]
        elif w[a] < 0.0:
            total -= down[a] * w[a]
    return total


price_of = compiled(_price)


def _positive_curvature(
    first: np.ndarray, own: np.ndarray, inside: np.ndarray, rows: int, k: int
) -> np.ndarray:
    """Σ x xᵀ over the samples with y > 0, the bias as the last input: what no step changes."""
    curvature = np.zeros((k + 1, k + 1))
    for row in range(rows):
        _add_curvature(curvature, first, own, inside, row, k)
    return curvature


def _add_curvature(
    curvature: np.ndarray, first: np.ndarray, own: np.ndarray, inside: np.ndarray, row: int, k: int
) -> None:
    """Add one sample's x xᵀ."""
    for p in range(first[row], first[row + 1]):
        a = own[p]
        for r in range(first[row], first[row + 1]):
            curvature[a, own[r]] += inside[p] * inside[r]
        curvature[a, k] += inside[p]
        curvature[k, a] += inside[p]
    curvature[k, k] += 1.0


_add_curvature = compiled(_add_curvature)
positive_curvature = compiled(_positive_curvature)


def _model(
    y: np.ndarray,
    wx: np.ndarray,
    bias: float,
    others: int,
    fixed: np.ndarray,
    first: np.ndarray,
    own: np.ndarray,
    inside: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:
    """(curvature, Σ θx, Σ θy) of the quadratic piece at w and b; the bias is the last input."""
    k = len(fixed) - 1
    curvature, slope, along = fixed.copy(), np.zeros(k + 1), 0.0
    if bias > 0.0:
        curvature[k, k] += others
        slope[k] -= others * bias
    for row in range(len(wx)):
        z = wx[row] + bias
        theta = y[row] - z if row < len(y) else -max(z, 0.0)
        if row < len(y):
            along += theta * y[row]
        elif z > 0.0:
            _add_curvature(curvature, first, own, inside, row, k)
        if theta != 0.0:
            for p in range(first[row], first[row + 1]):
                slope[own[p]] += theta * inside[p]
            slope[k] += theta
    return curvature, slope, along


quadratic_model = compiled(_model)
