"""Owns new starts for dead features: directions of badly reconstructed samples (Bricken et al. 2023)."""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.rows import Rows

POOL = 8192
"""Samples whose residuals are candidates."""


@torch.no_grad()
def resample(
    sae: SparseAutoencoder,
    optimizer: torch.optim.Optimizer,
    training: Rows,
    dead: Int[Tensor, " n_dead"],
    generator: torch.Generator,
) -> Int[Tensor, " revived"]:
    """Point `dead` features along the residuals of samples drawn in proportion to their squared error.

    Each gets a sample of its own, so no more features are revived than samples of the pool have errors.
    The optimiser forgets what it knew of the revived ones.
    """
    device = sae.W_enc.device
    numbers = torch.randperm(len(training), generator=generator)[:POOL].sort().values
    x = torch.from_numpy(training.rows(numbers.numpy().astype(np.int64))).clone().to(device)
    residual = x - sae(x)
    errors = residual.square().sum(dim=1).double().cpu()
    count = min(len(dead), int((errors > 0).sum()))
    if count == 0:
        return dead[:0]
    chosen = torch.multinomial(errors, count, generator=generator).to(device)
    directions = residual[chosen] / residual[chosen].norm(dim=1, keepdim=True)
    sae.revive(dead[:count], directions)
    _forget(sae, optimizer, dead[:count])
    return dead[:count]


def _forget(sae: SparseAutoencoder, optimizer: torch.optim.Optimizer, which: Int[Tensor, " m"]) -> None:
    """Zero the optimiser's running moments of these features."""
    for name, axis in sae.feature_axes().items():
        state = optimizer.state.get(sae.get_parameter(name), {})
        for moment in ("exp_avg", "exp_avg_sq"):
            if moment in state:
                state[moment].index_fill_(axis, which, 0.0)
