"""A block of rows of the convexified ReLU problem: each on its own working set, their correlations together.

Every row goes its own way and ends with the same digits in any block.
"""

import numpy as np

from circuitlogic.compiling import compiled
from circuitlogic.connectors.lasso_kernel import joining, slack_ratio
from circuitlogic.connectors.relu_compressed import local_rows, members_of
from circuitlogic.connectors.relu_correlations import add_correlations, fill_lists
from circuitlogic.connectors.relu_kernel import solve_working_set
from circuitlogic.connectors.relu_loss import duality_gap, half_variance, price_of, square_of

_GROWTH = 16
_INNER = 0.3

_Compressed = tuple[np.ndarray, np.ndarray, np.ndarray]


def _fit_row(
    by_input: _Compressed,
    positive: np.ndarray,
    y: np.ndarray,
    n: int,
    working: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    w: np.ndarray,
    bias: float,
    place: np.ndarray,
    tolerance: float,
) -> tuple[float, float, float, float, np.ndarray, np.ndarray]:
    """Solve one row on its working set, w in place.

    Returns:
        The bias; mean θ·y, mean θ² and the penalty; the kept samples, and their θ above -max(b, 0), which all
        others have.
    """
    members = members_of(positive, working, by_input[0], by_input[1], place)
    first, own, inside = local_rows(working, *by_input, place, len(members))
    for sample in members:
        place[sample] = -1
    inner, wx = w[working], np.empty(len(members))
    bias = solve_working_set(y, first, own, inside, n, up[working], down[working], inner, bias, wx, tolerance)
    w[working] = inner
    square = square_of(y, wx, n - len(members), bias) / n
    along, base = 0.0, max(bias, 0.0)
    for row in range(len(wx)):
        z = wx[row] + bias
        theta = y[row] - z if row < len(y) else -max(z, 0.0)
        if row < len(y):
            along += theta * y[row]
        wx[row] = theta + base
    return bias, along / n, square, price_of(inner, up[working], down[working]), members, wx


_fit_row = compiled(_fit_row)


def _places(
    rows: np.ndarray, left: np.ndarray, working: np.ndarray, inputs: np.ndarray, outputs: np.ndarray
) -> np.ndarray:
    """Where each row's kept samples begin in one array for all: room for as many as its working set reaches."""
    places = np.zeros(len(rows) + 1, np.int64)
    for r in range(len(rows)):
        most = 0
        if left[r]:
            most = outputs[rows[r] + 1] - outputs[rows[r]]
            for i in np.flatnonzero(working[r]):
                most += inputs[i + 1] - inputs[i]
        places[r + 1] = places[r] + most
    return places


_places = compiled(_places)


def _fit_block(
    by_sample: _Compressed,
    by_input: _Compressed,
    by_output: _Compressed,
    sums: np.ndarray,
    rows: np.ndarray,
    left: np.ndarray,
    working: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    penalty: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray,
    place: np.ndarray,
    tolerances: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve the rows that are left on their working sets, in place.

    Returns:
        Per row mean θ·y, mean θ² and the penalty; per row and input q = mean θ·x.
    """
    n, count = len(place), len(rows)
    parts, q = np.zeros((count, 3)), np.zeros((count, len(sums)))
    first, stop = np.zeros(2 * count, np.int64), np.zeros(2 * count, np.int64)
    places = _places(rows, left, working, by_input[0], by_output[0])
    samples, thetas = np.empty(places[-1], np.uint32), np.empty(places[-1])
    for r in np.flatnonzero(left):
        row, priced = rows[r], rows[r] if len(up) > 1 else 0
        own = slice(by_output[0][row], by_output[0][row + 1])
        positive, y = by_output[1][own], by_output[2][own].astype(np.float64)
        bias[row], parts[r, 0], parts[r, 1], parts[r, 2], members, extra = _fit_row(
            by_input, positive, y, n, np.flatnonzero(working[r]), penalty[row] * up[priced],
            penalty[row] * down[priced], w[row], float(bias[row]), place, tolerances[r],
        )  # fmt: skip
        first[2 * r], stop[2 * r] = places[r], places[r] + len(positive)
        first[2 * r + 1] = stop[2 * r]
        stop[2 * r + 1] = fill_lists(members, extra, len(positive), places[r], samples, thetas)
        q[r] -= max(bias[row], 0.0) * sums
    add_correlations(first, stop, samples, thetas, *by_sample, q)
    return parts, q / n


_fit_block = compiled(_fit_block)


def _solve_rows(
    by_sample: _Compressed,
    by_input: _Compressed,
    by_output: _Compressed,
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
    """Solve these rows in place at their own penalties; prices of one row stand for all rows.

    Gaps are relative to the loss of the best row without inputs, ½ Var(y).
    """
    place, count = np.full(n, -1, np.int32), len(rows)
    left, working = np.ones(count, np.bool_), np.zeros((count, len(sums)), np.bool_)
    scales, strictness = np.zeros(count), np.full(count, _INNER)
    for r in range(count):
        y = by_output[2][by_output[0][rows[r]] : by_output[0][rows[r] + 1]].astype(np.float64)
        scales[r], working[r] = half_variance(y, n), w[rows[r]] != 0.0
        if scales[r] == 0.0:
            w[rows[r]], bias[rows[r]], gaps[rows[r]], left[r] = 0.0, y.sum() / n, 0.0, False
    for _ in range(rounds):
        if not left.any():
            break
        parts, q = _fit_block(
            by_sample, by_input, by_output, sums, rows, left, working, up, down, penalty, w, bias, place,
            strictness * tolerance * scales,
        )  # fmt: skip
        for r in np.flatnonzero(left):
            row, priced = rows[r], rows[r] if len(up) > 1 else 0
            own_up, own_down = penalty[row] * up[priced], penalty[row] * down[priced]
            ratio = slack_ratio(q[r], own_up, own_down)
            gaps[row] = duality_gap(parts[r, 1], parts[r, 0], parts[r, 2], ratio) / scales[r]
            left[r] = gaps[row] > tolerance
            if left[r]:
                most = max(_GROWTH, int(np.count_nonzero(w[row])))
                new = joining(q[r], w[row], own_up, own_down, most)
                strictness[r] *= 0.8 if new.any() else 0.1
                working[r] = new | (w[row] != 0.0)


solve_rows = compiled(_solve_rows)
"""`_solve_rows`, compiled where numba is installed."""
