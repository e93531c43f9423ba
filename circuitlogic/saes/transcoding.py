"""Owns the training of a transcoder: sparse features of one place that predict another without its autoencoder.

Batch top-k with the auxiliary loss for silent features, as `batch_topk` trains; the loss is that of the prediction
(Dunefsky et al. 2024, arXiv:2406.11944).
"""

import math

import numpy as np
import torch
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.config import SaeConfig
from circuitlogic.errors import DataError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.saes.base import Weights, unit_directions
from circuitlogic.saes.batch_topk import BatchTopK
from circuitlogic.saes.coders import Transcoder
from circuitlogic.saes.metrics import moments_of
from circuitlogic.saes.registry import feature_count
from circuitlogic.saes.rows import rows_of
from circuitlogic.saes.sparse_codes import batch_codes, sparse_loss
from circuitlogic.saes.topk import AUXILIARY_WEIGHT, check_k
from circuitlogic.saes.training import learning_rate_share


def train_transcoder(
    activations: PairedActivations,
    source: str,
    target: str,
    config: SaeConfig,
    seed: int,
    progress: Progress = SILENT,
) -> Transcoder:
    """Learn to predict `target` from k features of `source` on average; same arguments, same result.

    Args:
        activations: Training activations of both.
        source: The site that is encoded.
        target: The site that is predicted.
        config: Width (`expansion`), `k`, schedule; other architectures than batch top-k are not looked at.
        seed: Of the start and the order of samples.
        progress: Told of every epoch.

    Raises:
        ConfigError: k does not fit the width.
        DataError: activations or the loss that are not finite.
    """
    pairs = PairedActivations({name: activations.stores[name] for name in (source, target)})
    code = _initial(pairs, source, target, config, torch.Generator().manual_seed(seed)).train()
    optimizer = torch.optim.Adam(code.parameters(), lr=config.lr, fused=True)
    steps = config.epochs * math.ceil(len(pairs) / config.batch_size)
    order, quiet, step = np.random.default_rng(seed), torch.zeros(code.d_sae), 0
    patience = min(config.silent_after, len(pairs))
    for _ in progress.track(range(config.epochs), f"transcoder of {source}", config.epochs):
        for rows in pairs.batches(config.batch_size, order):
            x, y = rows[source].clone(), rows[target].clone()
            codes = batch_codes(code, x, config.k * len(x), float(code.threshold))
            code.follow(codes.values.detach())
            parts = sparse_loss(code, x, codes, quiet >= patience, AUXILIARY_WEIGHT, y)
            _descend(code, optimizer, parts.total, config.lr * learning_rate_share(step, steps))
            quiet = torch.where(parts.fired, 0.0, quiet + len(x))
            step += 1
    return Transcoder(code.eval())


def _initial(
    pairs: PairedActivations, source: str, target: str, config: SaeConfig, generator: torch.Generator
) -> BatchTopK:
    """Random directions on both sides; inputs start centred, predictions at the target's mean."""
    d_in, d_out = pairs.stores[source].d, pairs.stores[target].d
    width = feature_count(config, d_in)
    check_k(config.k, width)
    sites = [rows_of(pairs.stores[name], "training") for name in (source, target)]
    means = [moments_of(site, "training").mean.float() for site in sites]
    encoder = unit_directions(width, d_in, generator).T.contiguous()
    decoder = unit_directions(width, d_out, generator)
    weights = Weights(encoder, -means[0] @ encoder, decoder, means[1])
    return BatchTopK(weights, config.k, apply_b_dec_to_input=False)


def _descend(code: BatchTopK, optimizer: torch.optim.Optimizer, loss: Tensor, lr: float) -> None:
    if not bool(torch.isfinite(loss)):
        raise DataError("the transcoder's loss is not finite: lower saes.lr or scale the activations down")
    optimizer.zero_grad()
    loss.backward()
    code.constrain_gradients()
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    code.constrain_weights()
