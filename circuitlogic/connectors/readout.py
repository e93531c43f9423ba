"""Owns the dense linear map from a site's features to another site's activations: a transcoder's decoder.

Ridge regression, solved exactly from the statistics of one pass over the samples.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy import linalg
from torch import Tensor

from circuitlogic.connectors.gram_statistics import centred, gram_statistics, total
from circuitlogic.errors import DataError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.rows import Rows

_CHUNK = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """y ≈ features · weight + bias."""

    weight: Float[Tensor, "d_sae d_out"]
    bias: Float[Tensor, " d_out"]


@torch.no_grad()
def linear_readout(encoder: SparseAutoencoder, inputs: Rows, targets: Rows, ridge: float) -> Readout:
    """The map that predicts `targets` from the features of `inputs` with the least squared error.

    Features that never fire get a row of zeros.

    Args:
        encoder: Its features are read; it is not changed.
        inputs: Activations that it encodes.
        targets: What is predicted, row by row.
        ridge: Penalty on squared weights, as a share of the mean variance of a feature that fires.

    Raises:
        DataError: different numbers of rows, or values that are not finite.
    """
    if len(inputs) != len(targets):
        raise DataError(f"{len(inputs)} inputs and {len(targets)} targets: capture both places together")
    pairs = (
        (encoder.encode(x).numpy(), y.numpy())
        for x, y in zip(inputs.batches(_CHUNK), targets.batches(_CHUNK), strict=True)
    )
    problem = centred(total(gram_statistics(pairs, encoder.d_sae, targets.d)))
    weight = np.zeros((targets.d, encoder.d_sae))
    lively = np.flatnonzero(np.diag(problem.gram) > 0)
    if len(lively):
        gram = problem.gram[np.ix_(lively, lively)]
        gram[np.diag_indices(len(lively))] += ridge * float(np.diag(gram).mean())
        weight[:, lively] = linalg.solve(gram, problem.cross[:, lively].T, assume_a="pos").T
    bias = problem.bias(weight)
    return Readout(torch.from_numpy(weight.T).float().contiguous(), torch.from_numpy(bias).float())
