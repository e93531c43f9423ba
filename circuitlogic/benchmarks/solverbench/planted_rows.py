"""Sparse features with a known connector between them: Y = ReLU(XWᵀ + b + noise).

Inputs are correlated by topics: a sample has a few, an input belongs to one and fires mostly with it. Each output
has five inputs drawn from all, one in five inhibitory, with strengths 0.3 to 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import sparse

from circuitlogic.connectors.products import SparseRows

INPUTS_PER_ROW = 5
_TOPICS_ON = 0.04
_RATE_ON, _RATE_OFF = 0.35, 0.008
_BIAS, _NOISE = -0.1, 0.03
_CHUNK = 4096


@dataclass(frozen=True, slots=True, eq=False)
class PlantedRows:
    """Samples and the truth behind them."""

    x: SparseRows
    y: SparseRows
    weight: Float[np.ndarray, "n_out n_in"]
    bias: Float[np.ndarray, " n_out"]


def plant_rows(samples: int, n_in: int, n_out: int, seed: int) -> PlantedRows:
    """Draw a connector and samples of it; float32 values in CSR."""
    rng = np.random.default_rng(seed)
    weight = np.zeros((n_out, n_in))
    for row in weight:
        chosen = rng.choice(n_in, INPUTS_PER_ROW, replace=False)
        sign = np.where(rng.random(INPUTS_PER_ROW) < 0.2, -1.0, 1.0)
        row[chosen] = sign * (0.3 + 0.7 * rng.random(INPUTS_PER_ROW))
    topics = max(n_in // 16, 1)
    topic_of = rng.integers(0, topics, n_in)
    inputs, outputs = [], []
    transposed: SparseRows = sparse.csr_array(weight.T)
    for start in range(0, samples, _CHUNK):
        count = min(_CHUNK, samples - start)
        on = rng.random((count, topics), dtype=np.float32) < _TOPICS_ON
        rate = np.where(on, np.float32(_RATE_ON), np.float32(_RATE_OFF))[:, topic_of]
        fires = rng.random((count, n_in), dtype=np.float32) < rate
        x: SparseRows = sparse.csr_array(fires, dtype=np.float32)
        x.data = 0.5 + rng.random(len(x.data), dtype=np.float32)
        z = (x @ transposed).toarray() + _BIAS
        z += _NOISE * rng.standard_normal(z.shape, dtype=np.float32)
        inputs.append(x)
        outputs.append(sparse.csr_array(np.maximum(z, 0), dtype=np.float32))
    bias = np.full(n_out, _BIAS)
    return PlantedRows(
        sparse.vstack(inputs, format="csr"), sparse.vstack(outputs, format="csr"), weight, bias
    )
