"""Unpenalised least squares on a fixed support from a Gram matrix, with signs that may be kept.

Signs are kept by the active-set method of Lawson & Hanson (1974, ch. 23), started from the given weights.
"""

import numpy as np

from circuitlogic.compiling import compiled

_RIDGE = 1e-10


def _solve_on(gram: np.ndarray, cross: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Least squares on the chosen inputs; a ridge of 1e-10 of the mean curvature picks one of many solutions."""
    sub = np.empty((len(chosen), len(chosen)))
    for a in range(len(chosen)):
        sub[a] = gram[chosen[a]][chosen]
    ridge = _RIDGE * np.trace(sub) / len(chosen)
    for a in range(len(chosen)):
        sub[a, a] += ridge
    return np.linalg.solve(sub, cross[chosen])


_solve_on = compiled(_solve_on)


def _towards(w: np.ndarray, wanted: np.ndarray, sign: np.ndarray) -> float:
    """The largest step in 0..1 from w to `wanted` that breaks no sign."""
    step = 1.0
    for a in range(len(w)):
        if wanted[a] * sign[a] <= 0.0 and (w[a] - wanted[a]) * sign[a] > 0.0:
            step = min(step, w[a] / (w[a] - wanted[a]))
    return step


_towards = compiled(_towards)


def _keep_signs(gram: np.ndarray, cross: np.ndarray, support: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Least squares on `support` with the signs of w; weights that want to change sign become 0."""
    sign = np.sign(w)
    value = w.copy()
    for _ in range(3 * len(support)):
        free = np.nonzero(value)[0]
        while len(free) > 0:
            wanted = _solve_on(gram, cross, support[free])
            step = _towards(value[free], wanted, sign[free])
            moved = value[free] + step * (wanted - value[free])
            if step < 1.0:
                closest = np.argmin(np.where(wanted * sign[free] <= 0.0, moved * sign[free], np.inf))
                moved[closest] = 0.0
            value[free] = np.where(moved * sign[free] > 0.0, moved, 0.0)
            free = np.nonzero(value)[0]
            if step >= 1.0:
                break
        slope = np.zeros(len(support))
        for a in range(len(support)):
            slope[a] = cross[support[a]]
            for b in free:
                slope[a] -= gram[support[a], support[b]] * value[b]
        gain = np.where(value == 0.0, slope * sign, 0.0)
        best = np.argmax(gain)
        if gain[best] <= 1e-9 * (np.abs(cross[support]).max() + 1e-300):
            break
        value[best] = 1e-12 * sign[best]
    return value


_keep_signs = compiled(_keep_signs)


def _refit_rows(gram: np.ndarray, cross: np.ndarray, w: np.ndarray, keep_signs: bool) -> None:
    """Refit every row in place on its non-zeros."""
    for row in range(len(w)):
        support = np.nonzero(w[row] * np.diag(gram))[0]
        before = w[row][support]
        w[row][:] = 0.0
        if len(support) == 0:
            continue
        after = _solve_on(gram, cross[row], support)
        if keep_signs and (after * before <= 0.0).any():
            after = _keep_signs(gram, cross[row], support, before)
        for a in range(len(support)):
            w[row, support[a]] = after[a]


refit_rows = compiled(_refit_rows)
"""`_refit_rows`, compiled where numba is installed."""
