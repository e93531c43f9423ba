"""One row of the convexified ReLU problem on a compressed sample set, solved to a certified duality gap.

Minimised over w and b, with z = w·x + b: mean of ½ (y - z)² where y > 0 and ½ max(z, 0)² where y = 0, plus
Σ up·max(w, 0) + down·max(-w, 0). Method: working sets of inputs; on each, proximal Newton steps (the loss is
piecewise quadratic) whose quadratic model `lasso_kernel.descend` solves.

Compression: with a working set S only samples with y > 0, or on which an input of S fires, are kept. All others
have y = 0 and z = b, and enter in closed form. Certificate: with θ = y - z where y > 0 and -max(z, 0) where
y = 0, which sums to 0 at the best bias, s·θ is dual feasible for s = 1 / max(1, max q/up, max -q/down), where
q = mean θ·x.
"""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.connectors.lasso_kernel import descend, joining, slack_ratio
from circuitlogic.connectors.relu_compressed import activate, local_rows, members_of
from circuitlogic.connectors.relu_loss import (
    best_bias,
    duality_gap,
    positive_curvature,
    price_of,
    quadratic_model,
    square_of,
)

_GROWTH = 16
_NEWTON_STEPS = 60
_INNER = 0.3


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


_solve_working_set = compiled(_solve_working_set)


def _correlations(
    y: np.ndarray,
    wx: np.ndarray,
    bias: float,
    members: np.ndarray,
    starts: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    sums: np.ndarray,
    n: int,
) -> np.ndarray:
    """q = mean θ·x of every input; samples that are not kept have θ = -max(b, 0)."""
    base = max(bias, 0.0)
    q = -base * sums
    for row in range(len(members)):
        z = wx[row] + bias
        theta = y[row] - z if row < len(y) else -max(z, 0.0)
        extra = theta + base
        if extra != 0.0:
            sample = members[row]
            for p in range(starts[sample], starts[sample + 1]):
                q[columns[p]] += extra * values[p]
    return q / n


_correlations = compiled(_correlations)


def _solve_row(
    by_sample: tuple[np.ndarray, np.ndarray, np.ndarray],
    by_input: tuple[np.ndarray, np.ndarray, np.ndarray],
    sums: np.ndarray,
    positive: np.ndarray,
    y: np.ndarray,
    n: int,
    up: np.ndarray,
    down: np.ndarray,
    w: np.ndarray,
    bias: float,
    place: np.ndarray,
    tolerance: float,
    rounds: int,
) -> tuple[float, float]:
    """Solve one row in place, from the w and bias it is given.

    Returns:
        The bias and the certified gap, relative to the loss of the best row without inputs, ½ Var(y).
    """
    mean = y.sum() / n
    scale = 0.5 * ((y * y).sum() / n - mean * mean)
    if scale <= 1e-12 * mean * mean:
        w[:] = 0.0
        return mean, 0.0
    strictness, gap = _INNER, np.inf
    working = np.nonzero(w)[0]
    for _ in range(rounds):
        members = members_of(positive, working, by_input[0], by_input[1], place)
        first, own, inside = local_rows(working, *by_input, place, len(members))
        inner, wx = w[working], np.empty(len(members))
        bias = _solve_working_set(
            y, first, own, inside, n, up[working], down[working], inner, bias, wx,
            strictness * tolerance * scale,
        )  # fmt: skip
        w[working] = inner
        q = _correlations(y, wx, bias, members, *by_sample, sums, n)
        along = ((y - wx[: len(y)] - bias) * y).sum() / n
        square = square_of(y, wx, n - len(members), bias) / n
        for sample in members:
            place[sample] = -1
        price = price_of(inner, up[working], down[working])
        gap = duality_gap(square, along, price, slack_ratio(q, up, down)) / scale
        if gap <= tolerance:
            break
        new = joining(q, w, up, down, max(_GROWTH, int(np.count_nonzero(w))))
        strictness *= 0.8 if new.any() else 0.1
        working = np.nonzero(new | (w != 0.0))[0]
    return bias, gap


_solve_row = compiled(_solve_row)


def _solve_rows(
    by_sample: tuple[np.ndarray, np.ndarray, np.ndarray],
    by_input: tuple[np.ndarray, np.ndarray, np.ndarray],
    by_output: tuple[np.ndarray, np.ndarray, np.ndarray],
    sums: np.ndarray,
    n: int,
    rows: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    penalty: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray,
    gaps: np.ndarray,
    tolerance: float,
    rounds: int,
) -> None:
    """Solve these rows in place at their own penalties; prices of one row stand for all rows."""
    place = np.full(n, -1, np.int32)
    for row in rows:
        priced = row if len(up) > 1 else 0
        chosen = slice(by_output[0][row], by_output[0][row + 1])
        bias[row], gaps[row] = _solve_row(
            by_sample, by_input, sums, by_output[1][chosen], by_output[2][chosen], n,
            penalty[row] * up[priced], penalty[row] * down[priced], w[row], float(bias[row]),
            place, tolerance, rounds,
        )  # fmt: skip


solve_rows = compiled(_solve_rows)
"""`_solve_rows`, compiled where numba is installed."""
