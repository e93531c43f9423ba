"""`relu`: untied, unit decoder rows, loss = MSE + l1 * mean feature (Bricken et al. 2023)."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from circuitlogic.config import SaeConfig
from circuitlogic.saes.base import LossParts, Weights
from circuitlogic.saes.relu_tied import l1_loss
from circuitlogic.saes.stored import StoredForm
from circuitlogic.saes.untied import UntiedAutoencoder, initial_weights


class Relu(UntiedAutoencoder):
    """F = ReLU((x - b_dec) W_enc + b_enc)."""

    architecture = "relu"
    sparsity_setting = "l1"

    def __init__(self, weights: Weights, l1: float, apply_b_dec_to_input: bool = True) -> None:
        super().__init__(weights, apply_b_dec_to_input)
        self.l1 = l1

    @classmethod
    def initial(cls, d_in: int, d_sae: int, config: SaeConfig, generator: torch.Generator) -> "Relu":
        """Random unit decoder rows."""
        return cls(initial_weights(d_in, d_sae, generator), config.l1)

    @classmethod
    def restored(cls, weights: Weights, form: StoredForm, apply_b_dec_to_input: bool) -> "Relu":
        """From a file."""
        return cls(weights, form.number("l1", SaeConfig().l1), apply_b_dec_to_input)

    def stored_form(self) -> StoredForm:
        """SAELens' standard autoencoder."""
        return StoredForm("standard", {"l1": self.l1})

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
