"""Owns the autoencoders of the later sites while they are tuned together with the connectors.

The first site's autoencoder is never touched: connectors could otherwise be made easy by computing the next layer
early. What remains free is which overcomplete description of a later layer is used; three terms keep it one:
its own training loss, a floor under each feature's firing rate, and the error of the connector that predicts it.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.config import TuneConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.errors import ConfigError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.statistics import Encoder

_DECAY = 0.98
_PUSHED = 50
"""One in this many samples of a batch, those nearest to firing, is pushed where a feature fires too seldom."""


@dataclass(frozen=True, slots=True, eq=False)
class LaterDictionary:
    """One later site's autoencoder while tuning."""

    encoder: Encoder
    """Gives the true features; stays as it is where `sae` is None."""
    sae: SparseAutoencoder | None
    """The encoder itself where it moves."""
    scales: Float[Tensor, " m"]
    """Unit of the features during tuning; kept fixed."""
    rates: Float[Tensor, " m"]
    """Running firing rates."""
    variances: Float[Tensor, " m"]
    """Running variances of the true unit-scale features."""
    variance: Float[Tensor, ""]
    """Total variance of the site's activations."""

    def features(self, activations: Float[Tensor, "batch d"]) -> Float[Tensor, "batch m"]:
        """True unit-scale features, with gradient where the encoder moves."""
        with torch.set_grad_enabled(self.sae is not None and torch.is_grad_enabled()):
            return self.encoder.encode(activations) / self.scales

    @torch.no_grad()
    def observe(self, features: Float[Tensor, "batch m"]) -> None:
        """Follow rates and variances."""
        if self.sae is not None:
            self.rates.lerp_((features > 0).float().mean(0), 1 - _DECAY)
            self.variances.lerp_(features.var(0, unbiased=False), 1 - _DECAY)

    def constrain(self) -> None:
        """After an optimiser step: what the architecture demands of its weights."""
        if self.sae is not None:
            self.sae.constrain_weights()

    @torch.no_grad()
    def typical(self, activations: Float[Tensor, "batch d"]) -> Float[Tensor, " m"]:
        """Mean firing of each feature by now, in the units of tuning; 1 where a feature never fires."""
        features = self.features(activations)
        firings = (features > 0).sum(0)
        return torch.where(firings > 0, features.sum(0) / firings.clamp_min(1), 1.0)

    def own_loss(self, activations: Float[Tensor, "batch d"], config: TuneConfig) -> Tensor:
        """The autoencoder's training loss in units of the site's variance, and the push of rare features."""
        if self.sae is None:
            return torch.zeros(())
        parts = self.sae.training_loss(activations)
        loss = config.reconstruction * parts.total * activations.shape[1] / self.variance
        rare = self.rates < config.live_rate
        if config.live_rate > 0 and bool(rare.any()):
            near = self.sae.pre_activations(activations)[:, rare] / self.scales[rare]
            near = near.topk(max(1, len(near) // _PUSHED), dim=0).values
            loss = loss + config.live_weight * torch.relu(1 - near).mean(0).sum() / len(self.rates)
        return loss


def later_dictionaries(
    dictionaries: Sequence[Dictionary],
    samples: Sequence[Float[Tensor, "batch _"]],
    config: TuneConfig,
) -> list[LaterDictionary]:
    """Copies of the later sites' dictionaries, measured on `samples`, one tensor of activations per site.

    Raises:
        ConfigError: a dictionary to be tuned has no autoencoder.
    """
    found: list[LaterDictionary] = []
    for dictionary, activations in zip(dictionaries, samples, strict=True):
        encoder, sae = dictionary.encoder, None
        if config.dictionaries == "later":
            encoder = sae = _copied(encoder, dictionary.site).train()
        with torch.no_grad():
            features = encoder.encode(activations) / dictionary.statistics.scales
        found.append(
            LaterDictionary(
                encoder,
                sae,
                dictionary.statistics.scales,
                (features > 0).float().mean(0),
                features.var(0, unbiased=False),
                activations.var(0, unbiased=False).sum().clamp_min(1e-12),
            )
        )
    return found


def _copied(encoder: Encoder, site: str) -> SparseAutoencoder:
    if not isinstance(encoder, SparseAutoencoder):
        raise ConfigError(f"the dictionary of {site} is no autoencoder: use tune.dictionaries = 'frozen'")
    return copy.deepcopy(encoder).requires_grad_(True)


def readout_decoder(
    decoder: SparseAutoencoder, later: Sequence[LaterDictionary], config: TuneConfig
) -> SparseAutoencoder:
    """What decodes the last site's predicted features while tuning."""
    match config.dictionaries:
        case "frozen":
            return decoder
        case "readout":
            return copy.deepcopy(decoder).requires_grad_(True)
        case "later":
            return cast(SparseAutoencoder, later[-1].sae)


def moving_parameters(
    later: Sequence[LaterDictionary], decoder: SparseAutoencoder, config: TuneConfig
) -> list[Tensor]:
    """What moves besides the connectors."""
    match config.dictionaries:
        case "frozen":
            return []
        case "readout":
            return [p for name, p in decoder.named_parameters() if name in ("decoder", "b_dec")]
        case "later":
            return [p for dictionary in later if dictionary.sae for p in dictionary.sae.parameters()]
