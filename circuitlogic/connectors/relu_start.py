"""Where rows of the ReLU form may start: at the solution of the linear form, on some of the samples."""

import numpy as np
from jaxtyping import Float

from circuitlogic.connectors.gram_statistics import centred, gram_statistics
from circuitlogic.connectors.lasso import Penalty, solve_lasso
from circuitlogic.connectors.products import SparseRows

_ENOUGH = 20_000
"""Samples that tell well enough which inputs matter; what is found is certified on all of them."""
_GAP = 1e-3


def linear_start(
    x: SparseRows, y: SparseRows, penalty: Penalty, threads: int = 1
) -> tuple[Float[np.ndarray, "n_out n_in"], Float[np.ndarray, " n_out"]]:
    """W and b of the linear form on at most 20,000 evenly spread samples."""
    every = max(1, x.shape[0] // _ENOUGH)
    statistics = gram_statistics([(x[::every], y[::every])], x.shape[1], y.shape[1])[0]
    found = solve_lasso(centred(statistics), penalty, gap=_GAP, threads=threads)
    return found.weight, found.bias
