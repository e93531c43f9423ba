"""Owns what the untied architectures share: a decoder of unit rows and a learned decoder bias."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from circuitlogic.saes.base import SparseAutoencoder, Weights, unit_directions


class UntiedAutoencoder(SparseAutoencoder):
    """Encoder and decoder of their own; training keeps decoder rows at norm 1, loading leaves them."""

    def __init__(self, weights: Weights, apply_b_dec_to_input: bool = True) -> None:
        super().__init__()
        self.W_enc = nn.Parameter(weights.W_enc.clone())
        self.b_enc = nn.Parameter(weights.b_enc.clone())
        self.decoder = nn.Parameter(weights.W_dec.clone())
        self.b_dec = nn.Parameter(weights.b_dec.clone())
        self.apply_b_dec_to_input = apply_b_dec_to_input

    @property
    def W_dec(self) -> Float[Tensor, "d_sae d_out"]:  # noqa: N802
        """Decoder: one row per feature."""
        return self.decoder

    def feature_axes(self) -> dict[str, int]:
        """Of each parameter with one slice per feature: its name and that axis."""
        return {**super().feature_axes(), "decoder": 0}

    @torch.no_grad()
    def fit_to(self, mean: Float[Tensor, " d_in"], scale: float) -> None:  # noqa: ARG002
        """Start b_dec at the data's mean."""
        self.b_dec.copy_(mean)

    @torch.no_grad()
    def constrain_gradients(self) -> None:
        """Drop the part of each decoder row's gradient that would only change its length."""
        gradient = self.decoder.grad
        if gradient is not None:
            along = (gradient * self.decoder).sum(dim=1, keepdim=True)
            gradient.sub_(along / self.decoder.square().sum(dim=1, keepdim=True) * self.decoder)

    @torch.no_grad()
    def constrain_weights(self) -> None:
        """Bring decoder rows back to norm 1."""
        self.decoder.copy_(F.normalize(self.decoder))

    @torch.no_grad()
    def revive(self, which: Int[Tensor, " m"], directions: Float[Tensor, "m d_in"]) -> None:
        """As in the base; the decoder rows become the directions."""
        super().revive(which, directions)
        self.decoder[which] = directions


def initial_weights(d_in: int, d_sae: int, generator: torch.Generator) -> Weights:
    """Random unit decoder rows, the encoder their transpose, zero biases."""
    W_dec = unit_directions(d_sae, d_in, generator)
    return Weights(W_dec.T.contiguous(), torch.zeros(d_sae), W_dec, torch.zeros(d_in))
