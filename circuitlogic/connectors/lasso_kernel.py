"""One row of a lasso on its Gram matrix: active-set coordinate descent with a certified duality gap.

Minimised over w: ½ (energy - 2 w·cross + w·gram·w) + Σ up·max(w, 0) + down·max(-w, 0).
`up` and `down` are the prices of positive and negative weights; infinity forbids a sign.

Certificate (Fercoq et al. 2015, with asymmetric prices): with q = cross - gram·w, the residual r scaled by
s = 1 / max(1, max q/up, max -q/down) is dual feasible, and its value is s r·y - ½ s² r·r.
The functions are written so that they run plain, too: work on all inputs is a NumPy expression.
"""

import numpy as np

from circuitlogic.compiling import compiled

_GROWTH = 16
_BISECTIONS = 12
_SWEEPS = 10_000
_FIRST_POLISH = 32
"""Sweeps after which the working set is solved directly, and again whenever their number has doubled."""
_DROPS = 8
_RIDGE = 1e-13
_INNER = 0.3


def _slack_ratio(q: np.ndarray, up: np.ndarray, down: np.ndarray) -> float:
    """By how much the residual overshoots the dual constraints; 1 is feasible."""
    return max(1.0, float(np.max(q / up)), float(np.max(-q / down)))


slack_ratio = compiled(_slack_ratio)


def _gap(energy: float, explained: float, kept: float, price: float, ratio: float) -> float:
    """Primal minus dual: `explained` = w·cross, `kept` = w·q, `price` the penalty."""
    along = energy - explained
    square = max(energy - explained - kept, 0.0)
    scale = 1.0 / ratio
    if square > 0.0:
        scale = min(max(along / square, -scale), scale)
    return 0.5 * square + price - (scale * along - 0.5 * scale * scale * square)


_gap = compiled(_gap)


def _joining(q: np.ndarray, w: np.ndarray, up: np.ndarray, down: np.ndarray, most: int) -> np.ndarray:
    """Which inputs without weight join the working set: the worst of those whose q breaks its constraint."""
    excess = np.where(w == 0.0, np.maximum(q - up, -q - down), -1.0)
    low, high = 0.0, excess.max()
    if (excess > 0.0).sum() > most:
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            if (excess > middle).sum() > most:
                low = middle
            else:
                high = middle
        low = high if (excess > high).any() else low
    return excess > low


joining = compiled(_joining)


def _polish(
    sub: np.ndarray, cross: np.ndarray, q: np.ndarray, w: np.ndarray, up: np.ndarray, down: np.ndarray
) -> None:
    """Go straight to the minimum over the weights that are not 0, as far as none changes its sign; changes q and w.

    Where inputs are nearly dependent, descent coordinate by coordinate would take thousands of sweeps for it. A
    weight that reaches 0 first stays there, and the others go on.
    """
    for _ in range(_DROPS):
        support = np.flatnonzero(w)
        k = len(support)
        if k == 0:
            return
        square, wanted, now = np.empty((k, k)), np.empty(k), w[support]
        for a in range(k):
            i = support[a]
            for b in range(k):
                square[a, b] = sub[i, support[b]]
            square[a, a] += _RIDGE * sub[i, i]
            wanted[a] = cross[i] - (up[i] if w[i] > 0.0 else -down[i])
        direction = np.linalg.solve(square, wanted) - now
        if not np.isfinite(direction).all():
            return
        size, first = 1.0, -1
        for a in range(k):
            if (now[a] + direction[a]) * now[a] <= 0.0 and -now[a] / direction[a] < size:
                size, first = -now[a] / direction[a], a
        for a in range(k):
            step = -now[a] if a == first else size * direction[a]
            w[support[a]] += step
            q -= step * sub[support[a]]
        if first < 0:
            return


_polish = compiled(_polish)


def _descend(
    sub: np.ndarray,
    cross: np.ndarray,
    q: np.ndarray,
    w: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    energy: float,
    tolerance: float,
) -> None:
    """Coordinate descent on the working set until its own gap is small; changes q and w."""
    polished = _FIRST_POLISH
    for sweep in range(_SWEEPS):
        explained, kept, price = 0.0, 0.0, 0.0
        for a in range(len(w)):
            explained += w[a] * cross[a]
            kept += w[a] * q[a]
            price += up[a] * w[a] if w[a] > 0.0 else (-down[a] * w[a] if w[a] < 0.0 else 0.0)
        if _gap(energy, explained, kept, price, slack_ratio(q, up, down)) <= tolerance:
            return
        if sweep == polished:
            _polish(sub, cross, q, w, up, down)
            polished *= 2
        largest = 0.0
        for a in range(len(w)):
            curvature = sub[a, a]
            if curvature <= 0.0:
                largest = max(largest, abs(w[a]) * energy)
                w[a] = 0.0
                continue
            slope = q[a] + w[a] * curvature
            new = slope - up[a] if slope > up[a] else (slope + down[a] if slope < -down[a] else 0.0)
            step = new / curvature - w[a]
            if step != 0.0:
                w[a] += step
                q -= step * sub[a]
                largest = max(largest, step * step * curvature)
        if largest <= 1e-32 * energy:
            return


descend = compiled(_descend)


def _solve_row(
    gram: np.ndarray,
    cross: np.ndarray,
    energy: float,
    up: np.ndarray,
    down: np.ndarray,
    w: np.ndarray,
    q: np.ndarray,
    tolerance: float,
    rounds: int,
) -> float:
    """Solve one row in place, from the w and q = cross - gram·w it is given.

    Returns:
        The certified gap, relative to the objective of an empty row.
    """
    if energy <= 0.0:
        w[:] = 0.0
        q[:] = cross
        return 0.0
    scale, strictness, gap = 0.5 * energy, _INNER, np.inf
    for _ in range(rounds + 1):
        support = np.nonzero(w)[0]
        explained, kept, price = 0.0, 0.0, 0.0
        for i in support:
            explained += w[i] * cross[i]
            kept += w[i] * q[i]
            price += up[i] * w[i] if w[i] > 0.0 else -down[i] * w[i]
        gap = _gap(energy, explained, kept, price, slack_ratio(q, up, down)) / scale
        if gap <= tolerance:
            break
        new = joining(q, w, up, down, max(_GROWTH, len(support)))
        strictness *= 0.8 if new.any() else 0.1
        working = np.nonzero(new | (w != 0.0))[0]
        if len(working) == 0:
            break
        sub = np.empty((len(working), len(working)))
        for a in range(len(working)):
            sub[a] = gram[working[a]][working]
        inner, before = w[working], w[working]
        descend(
            sub,
            cross[working],
            q[working],
            inner,
            up[working],
            down[working],
            energy,
            strictness * tolerance * scale,
        )
        for a in range(len(working)):
            if inner[a] != before[a]:
                w[working[a]] = inner[a]
                q -= (inner[a] - before[a]) * gram[working[a]]
    return gap


_solve_row = compiled(_solve_row)


def _solve_rows(
    gram: np.ndarray,
    cross: np.ndarray,
    energy: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    penalty: np.ndarray,
    w: np.ndarray,
    q: np.ndarray,
    gaps: np.ndarray,
    tolerance: float,
    rounds: int,
) -> None:
    """Solve every row in place at its own penalty; prices of one row stand for all rows."""
    for row in range(len(cross)):
        priced = row if len(up) > 1 else 0
        gaps[row] = _solve_row(
            gram, cross[row], energy[row], penalty[row] * up[priced], penalty[row] * down[priced], w[row], q[row],
            tolerance, rounds,
        )  # fmt: skip


solve_rows = compiled(_solve_rows)
"""`_solve_rows`, compiled where numba is installed."""
