"""Owns what tuning minimises, and on which samples.

    divergence · KL(original ‖ feature network) + anchor · features' error + the moving autoencoders' own loss

Of one layer inside a language model the first term is the unexplained share of the layer's output instead, and
`splice` adds what the layer's predicted output costs the model's next tokens.
The error is Σ over sites of the predicted features' squared error: in raw units over the site's whole variance, or
of each feature over its own variance, averaged over features.

A true feature that moves can lower its squared error by varying less; the best is never to fire. `unexplained` lets
the variance move too, so that scaling a feature and its prediction changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from circuitlogic.activations.paired import INPUTS, OUTPUTS, PairedActivations
from circuitlogic.config import TuneConfig
from circuitlogic.errors import ConfigError
from circuitlogic.networks.protocol import Tail
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.substitute.interventional import TrueMap, intervene
from circuitlogic.substitute.later_dictionaries import LaterDictionary
from circuitlogic.substitute.spliced_text import SplicedText
from circuitlogic.substitute.support import AnyLayer

_NO_EDITS = "tune.interventions needs a network that resumes from its first site: set it to 0"
_NEARLY_A_COPY = 0.85
"""A little below the correlation at which a feature counts as a copy."""
_RARE = 1e-3
"""Added to a feature's variance, in units of the mean variance: features that hardly vary must not dominate."""
_STILL = 1e-12
_WORST = 2.0
"""A feature's error counts up to this many variances."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One batch of tuning samples."""

    first: Float[Tensor, "batch m"]
    """Unit-scale features at the first site."""
    later: list[Float[Tensor, "batch _"]]
    """Activations at the later sites."""
    outputs: Float[Tensor, "batch classes"] | None
    """The original's; None where the chain ends inside the network."""
    inputs: Tensor | None
    spliced: Callable[[Tensor], Tensor] | None = None
    """What the last site's predicted rows cost the whole model, where that is asked for."""


def batches(
    network: FeatureNetwork,
    activations: PairedActivations,
    config: TuneConfig,
    order: np.random.Generator,
    true_map: TrueMap | None,
    lots: torch.Generator,
    text: SplicedText | None = None,
) -> Iterator[Batch]:
    """One shuffled pass; a share of each batch is edited where `interventions` asks for it.

    With `text` batches are made of whole windows, none of them edited.

    Raises:
        ConfigError: edited samples are asked for where they cannot be computed.
    """
    if text is not None:
        yield from _windows(network, activations, config, order, text)
        return
    first, *later = network.dictionaries
    for rows in activations.batches(config.batch_size, order):
        features = first.unit_features(rows[first.site])
        found, outputs = [rows[d.site] for d in later], rows.get(OUTPUTS)
        if config.interventions > 0:
            if true_map is None or INPUTS in rows or not isinstance(first.encoder, SparseAutoencoder):
                raise ConfigError(_NO_EDITS)
            features, edited = intervene(
                features,
                [rows[first.site], *found, *([] if outputs is None else [outputs])],
                config.interventions,
                first.encoder,
                first.statistics.scales,
                true_map,
                lots,
            )
            found, outputs = edited[: len(found)], None if outputs is None else edited[-1]
        yield Batch(features, found, outputs, rows.get(INPUTS))


def _windows(
    network: FeatureNetwork,
    activations: PairedActivations,
    config: TuneConfig,
    order: np.random.Generator,
    text: SplicedText,
) -> Iterator[Batch]:
    first, *later = network.dictionaries
    for chosen in text.batches(config.batch_size, order):
        rows = {site: torch.from_numpy(part) for site, part in activations.rows(text.rows(chosen)).items()}
        features = first.unit_features(rows[first.site])
        yield Batch(features, [rows[d.site] for d in later], None, None, partial(text.cost, chosen))


def objective(
    tail: Tail,
    decoder: SparseAutoencoder,
    layers: Sequence[AnyLayer],
    later: Sequence[LaterDictionary],
    batch: Batch,
    config: TuneConfig,
    lots: torch.Generator,
) -> Tensor:
    """The loss of one batch."""
    features, loss = batch.first, torch.zeros(())
    taught = torch.rand(len(features), 1, generator=lots) >= config.student if config.student < 1 else None
    true = features
    for layer, dictionary, activations in zip(layers, later, batch.later, strict=True):
        features = layer.forward(features if taught is None else torch.where(taught, true, features))
        before, true = true, dictionary.features(activations)
        dictionary.observe(true.detach())
        loss = loss + config.anchor * _error(features, true, dictionary, config)
        loss = loss + dictionary.own_loss(activations, config)
        if dictionary.sae is not None and config.copy_weight > 0:
            loss = loss + config.copy_weight * copying(before, true)
    if config.divergence > 0 or batch.spliced is not None:
        decoded = decoder.decode(features * later[-1].scales)
        if config.divergence > 0:
            loss = loss + config.divergence * _divergence(tail, decoded, later[-1], batch)
        if batch.spliced is not None:
            loss = loss + config.splice * batch.spliced(decoded)
    return loss


def _divergence(tail: Tail, decoded: Tensor, last: LaterDictionary, batch: Batch) -> Tensor:
    """KL of the outputs; of a chain that ends inside the network, the last activation's unexplained share."""
    if batch.outputs is None:
        return (decoded - batch.later[-1]).square().sum(1).mean() / last.variance
    outputs = tail(decoded, batch.inputs)
    return F.kl_div(outputs.log_softmax(-1), batch.outputs.softmax(-1), reduction="batchmean")


def copying(source: Float[Tensor, "batch n_in"], target: Float[Tensor, "batch n_out"]) -> Float[Tensor, ""]:
    """Mean over output features of how far the correlation with their best single input exceeds 0.85."""
    centred = (source.detach() - source.detach().mean(0), target - target.mean(0))
    inputs, outputs = (F.normalize(part, dim=0, eps=1e-6) for part in centred)
    return torch.relu((outputs.T @ inputs).max(1).values - _NEARLY_A_COPY).mean()


def _error(
    predicted: Float[Tensor, "batch m"],
    true: Float[Tensor, "batch m"],
    dictionary: LaterDictionary,
    config: TuneConfig,
) -> Tensor:
    squared = (predicted - true).square().mean(0)
    if config.anchor_by == "site":
        raw = dictionary.scales.square()
        return (squared * raw).sum() / (dictionary.variances * raw).sum().clamp_min(1e-12)
    floor = _RARE * dictionary.variances.mean().clamp_min(1e-12)
    variances = dictionary.variances
    if config.anchor_by == "unexplained":
        variances = variances * _moving(true)
    return (squared / (variances + floor)).clamp_max(_WORST).mean()


def _moving(true: Float[Tensor, "batch m"]) -> Float[Tensor, " m"]:
    """1 for every feature, with the gradient of the logarithm of its variance in the batch."""
    found = true.var(0, unbiased=False)
    still = found.detach()
    return torch.where(still > 0, found / still.clamp_min(_STILL), 1.0)
