"""Owns the numbers that describe a dictionary by what it predicts: its own site, or another one (a transcoder)."""

import math

import torch
from jaxtyping import Bool
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.errors import DataError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.coders import AnyCoder, Transcoder
from circuitlogic.saes.metrics import CHUNK, SaeMetrics, moments_of, share_of
from circuitlogic.saes.rows import rows_of


@torch.no_grad()
def prediction_metrics(
    coder: AnyCoder, site: str, target: str, heldout: PairedActivations, training: PairedActivations
) -> SaeMetrics:
    """Quality on `heldout`, of the prediction of `target` from `site`; `dead` is counted on `training`.

    Raises:
        DataError: a width does not fit, or values are not finite.
    """
    check_widths(coder, site, heldout.stores[site].d, target, heldout.stores[target].d)
    variation = float(moments_of(rows_of(heldout.stores[target], "heldout"), "heldout").deviations.sum())
    pairs = PairedActivations({name: heldout.stores[name] for name in (site, target)})
    error, active, total = 0.0, 0, 0.0
    for rows in pairs.batches(CHUNK):
        features = coder.encode(rows[site])
        error += float((coder.predict(features, rows[site]).double() - rows[target].double()).square().sum())
        active += int((features > 0).sum())
        total += float(features.double().sum())
    if not math.isfinite(error):
        raise DataError(
            f"the dictionary given for {site} overflows on its activations: it was made for others, much smaller"
        )
    count = len(pairs)
    return SaeMetrics(
        mse=error / (count * coder.d_out),
        l1=total / (count * coder.d_sae),
        fvu=share_of(error, variation),
        l0=active / count,
        dead=1.0 - float(_fired(coder, training, site).double().mean()),
        samples=count,
        split="heldout",
    )


def _fired(coder: AnyCoder, training: PairedActivations, site: str) -> Bool[Tensor, " d_sae"]:
    fired = torch.zeros(coder.d_sae, dtype=torch.bool)
    for x in training.stores[site].batches(CHUNK, None):
        fired |= (coder.encode(x) > 0).any(dim=0)
    return fired


def check_widths(coder: AnyCoder, site: str, width: int, target: str, target_width: int) -> None:
    """Refuse a dictionary that was made for activations of another width.

    Raises:
        DataError: it reads or predicts another number of components than the sites have.
    """
    if coder.d_in != width:
        raise DataError(
            f"the dictionary given for {site} reads {coder.d_in} components, the site has {width}: "
            "give one that was trained there"
        )
    if isinstance(coder, Transcoder) and coder.d_out != target_width:
        raise DataError(
            f"the transcoder given for {site} predicts {coder.d_out} components, {target} has {target_width}: "
            "name the site that it was trained to predict"
        )


@torch.no_grad()
def fold_mean_length(coder: AnyCoder, training: PairedActivations, site: str) -> float:
    """Fold the scale that gives the training activations a mean length of sqrt(d_in) into the weights; return it.

    SAELens' `expected_average_only_in`: the file says that its weights are for activations scaled so.

    Raises:
        DataError: all activations are zero.
    """
    total, count = 0.0, 0
    for x in training.stores[site].batches(CHUNK, None):
        total += float(x.double().norm(dim=1).sum())
        count += len(x)
    if total <= 0.0:
        raise DataError(f"the activations of {site} are all zero: they cannot be scaled to a mean length")
    scale = coder.d_in**0.5 * count / total
    code = coder if isinstance(coder, SparseAutoencoder) else coder.code
    code.W_enc.mul_(scale)
    if not isinstance(coder, Transcoder):
        code.W_dec.div_(scale)
        code.b_dec.div_(scale)
    return scale
