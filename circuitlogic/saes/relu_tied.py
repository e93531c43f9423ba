"""`relu_tied`: the seed's autoencoder, F = ReLU(E x + e), x̂ = Eᵀ F, loss = MSE + l1 * mean F."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from circuitlogic.config import SaeConfig
from circuitlogic.saes.base import LossParts, SparseAutoencoder, Weights, mean_squared_error, unit_directions
from circuitlogic.saes.stored import StoredForm


class ReluTied(SparseAutoencoder):
    """The decoder is the encoder's transpose; there is no decoder bias (b_dec is a zero buffer)."""

    architecture = "relu_tied"
    sparsity_setting = "l1"

    def __init__(self, W_enc: Float[Tensor, "d_in d_sae"], b_enc: Float[Tensor, " d_sae"], l1: float) -> None:
        super().__init__()
        self.W_enc = nn.Parameter(W_enc.clone())
        self.b_enc = nn.Parameter(b_enc.clone())
        self.register_buffer("b_dec", torch.zeros(len(W_enc)))
        self.apply_b_dec_to_input = False
        self.l1 = l1

    @classmethod
    def initial(cls, d_in: int, d_sae: int, config: SaeConfig, generator: torch.Generator) -> "ReluTied":
        """Random directions, as long as makes x̂ about x when half of them fire."""
        length = math.sqrt(2.0 * d_in / max(d_sae, 2 * d_in))
        directions = unit_directions(d_sae, d_in, generator)
        return cls((length * directions).T.contiguous(), torch.zeros(d_sae), config.l1)

    @classmethod
    def restored(cls, weights: Weights, form: StoredForm, apply_b_dec_to_input: bool) -> "ReluTied":
        """From a file; the decoder must be the encoder's transpose, without biases."""
        if not torch.equal(weights.W_dec, weights.W_enc.T):
            raise ValueError("W_dec is not the transpose of W_enc, as a tied autoencoder needs")
        if apply_b_dec_to_input or bool(weights.b_dec.any()):
            raise ValueError("b_dec is used, which a tied autoencoder does not have")
        return cls(weights.W_enc, weights.b_enc, form.number("l1", SaeConfig().l1))

    def stored_form(self) -> StoredForm:
        """SAELens' standard autoencoder."""
        return StoredForm("standard", {"l1": self.l1})

    @property
    def W_dec(self) -> Float[Tensor, "d_sae d_in"]:  # noqa: N802
        """The encoder's transpose."""
        return self.W_enc.T

    def activate(self, z: Float[Tensor, "batch d_sae"]) -> Float[Tensor, "batch d_sae"]:
        """ReLU."""
        return F.relu(z)

    def training_loss(
        self,
        x: Float[Tensor, "batch d_in"],
        silent: Bool[Tensor, " d_sae"] | None = None,  # noqa: ARG002
        target: Float[Tensor, "batch d_out"] | None = None,
    ) -> LossParts:
        """MSE + l1 * mean feature."""
        return l1_loss(self, x, self.l1, target)


def l1_loss(
    sae: SparseAutoencoder,
    x: Float[Tensor, "batch d_in"],
    l1: float,
    target: Float[Tensor, "batch d_out"] | None = None,
) -> LossParts:
    """Mean squared error + `l1` * mean over samples and features of the features."""
    features = sae.encode(x)
    reconstruction = mean_squared_error(x if target is None else target, sae.decode(features))
    sparsity = l1 * features.mean()
    return LossParts(reconstruction, sparsity, reconstruction + sparsity, (features > 0).any(dim=0))
