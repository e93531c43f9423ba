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

_GROWTH = 16
_NEWTON_STEPS = 60
_BIAS_STEPS = 60
_INNER = 0.3


def _gap(square: float, along: float, price: float, ratio: float) -> float:
    """Primal minus dual, from mean θ², mean θ·y and the penalty; the scale may not turn θ's sign."""
    scale = 1.0 / ratio
    if square > 0.0:
        scale = min(max(along / square, 0.0), scale)
    return 0.5 * square + price - (scale * along - 0.5 * scale * scale * square)


_gap = compiled(_gap)


def _members(
    positive: np.ndarray, working: np.ndarray, starts: np.ndarray, samples: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """Samples kept: those with y > 0 first, then those on which the working set fires; `place` learns where."""
    most = len(positive)
    for i in working:
        most += starts[i + 1] - starts[i]
    members = np.empty(most, np.int64)
    count = 0
    for sample in positive:
        members[count] = sample
        place[sample] = count
        count += 1
    for i in working:
        for p in range(starts[i], starts[i + 1]):
            if place[samples[p]] < 0:
                members[count] = samples[p]
                place[samples[p]] = count
                count += 1
    return members[:count]


_members = compiled(_members)


def _local_rows(
    working: np.ndarray,
    starts: np.ndarray,
    samples: np.ndarray,
    values: np.ndarray,
    place: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The kept samples' values of the working set as CSR: (starts, positions in the working set, values)."""
    first = np.zeros(count + 1, np.int64)
    for i in working:
        for p in range(starts[i], starts[i + 1]):
            first[place[samples[p]] + 1] += 1
    for row in range(count):
        first[row + 1] += first[row]
    at, own, inside = first[:-1].copy(), np.empty(first[count], np.int64), np.empty(first[count])
    for a in range(len(working)):
        for p in range(starts[working[a]], starts[working[a] + 1]):
            row = place[samples[p]]
            own[at[row]], inside[at[row]] = a, values[p]
            at[row] += 1
    return first, own, inside


_local_rows = compiled(_local_rows)


def _activate(first: np.ndarray, own: np.ndarray, inside: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    """w·x of every kept sample."""
    for row in range(len(out)):
        value = 0.0
        for p in range(first[row], first[row + 1]):
            value += w[own[p]] * inside[p]
        out[row] = value


_activate = compiled(_activate)


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


_best_bias = compiled(_best_bias)


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


_square = compiled(_square)


def _price(w: np.ndarray, up: np.ndarray, down: np.ndarray) -> float:
    """The penalty."""
    total = 0.0
    for a in range(len(w)):
        if w[a] > 0.0:
            total += up[a] * w[a]
        elif w[a] < 0.0:
            total -= down[a] * w[a]
    return total


_price = compiled(_price)


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
_positive_curvature = compiled(_positive_curvature)


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


_model = compiled(_model)


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
    _activate(first, own, inside, w, wx)
    bias = _best_bias(y, wx, others, bias)
    fixed = _positive_curvature(first, own, inside, len(y), k)
    moved = np.empty(len(wx))
    for _ in range(_NEWTON_STEPS):
        curvature, slope, along = _model(y, wx, bias, others, fixed, first, own, inside)
        square, price = _square(y, wx, others, bias), _price(w, up, down)
        curvature, slope = curvature / n, slope / n
        ratio = slack_ratio(slope[:k], up, down) if k else 1.0
        if _gap(square / n, along / n, price, ratio) <= tolerance:
            break
        step, bias_step = _newton_direction(curvature, slope, square / n, w, up, down, 0.1 * tolerance)
        now, size, tried, there = 0.5 * square / n + price, 1.0, w, bias
        while size > 1e-10:
            tried = w + size * step
            _activate(first, own, inside, tried, moved)
            there = _best_bias(y, moved, others, bias + size * bias_step)
            if 0.5 * _square(y, moved, others, there) / n + _price(tried, up, down) < now:
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
        members = _members(positive, working, by_input[0], by_input[1], place)
        first, own, inside = _local_rows(working, *by_input, place, len(members))
        inner, wx = w[working], np.empty(len(members))
        bias = _solve_working_set(
            y, first, own, inside, n, up[working], down[working], inner, bias, wx,
            strictness * tolerance * scale,
        )  # fmt: skip
        w[working] = inner
        q = _correlations(y, wx, bias, members, *by_sample, sums, n)
        along = ((y - wx[: len(y)] - bias) * y).sum() / n
        square = _square(y, wx, n - len(members), bias) / n
        for sample in members:
            place[sample] = -1
        gap = _gap(square, along, _price(inner, up[working], down[working]), slack_ratio(q, up, down)) / scale
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
