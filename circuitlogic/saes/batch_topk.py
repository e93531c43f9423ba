"""`batch_topk`: the k * n largest of a batch of n samples fire (Bussmann et al. 2024, arXiv:2412.06410)."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from circuitlogic.config import SaeConfig
from circuitlogic.saes.base import LossParts, Weights
from circuitlogic.saes.sparse_codes import WIDE, batch_codes, sparse_loss
from circuitlogic.saes.stored import StoredForm
from circuitlogic.saes.topk import AUXILIARY_WEIGHT, check_k, reconstruction_loss, stored_k
from circuitlogic.saes.untied import UntiedAutoencoder, initial_weights

MEMORY = 0.99
"""Share of the old threshold kept at each training step."""


class BatchTopK(UntiedAutoencoder):
    """k features fire per sample on average.

    `encode` uses one `threshold` for all features: the running mean of the smallest value that fired in a
    training batch. 0 means not trained yet.
    """

    architecture = "batch_topk"
    sparsity_setting = "k"
    threshold: Tensor

    def __init__(
        self, weights: Weights, k: int, threshold: float = 0.0, apply_b_dec_to_input: bool = True
    ) -> None:
        super().__init__(weights, apply_b_dec_to_input)
        self.k = k
        self.register_buffer("threshold", torch.tensor(threshold))

    @classmethod
    def initial(cls, d_in: int, d_sae: int, config: SaeConfig, generator: torch.Generator) -> "BatchTopK":
        """Random unit decoder rows."""
        check_k(config.k, d_sae)
        return cls(initial_weights(d_in, d_sae, generator), config.k)

    @classmethod
    def restored(cls, weights: Weights, form: StoredForm, apply_b_dec_to_input: bool) -> "BatchTopK":
        """From a file; the threshold must be the same for all features."""
        if form.threshold is None or bool((form.threshold != form.threshold[0]).any()):
            raise ValueError("batch_topk needs a threshold that is the same for all features")
        return cls(weights, stored_k(weights, form), float(form.threshold[0]), apply_b_dec_to_input)

    def stored_form(self) -> StoredForm:
        """SAELens' jumprelu with one threshold for all, as SAELens itself writes it."""
        return StoredForm("jumprelu", {"k": self.k}, self.threshold.expand(self.d_sae))

    def activate(self, z: Float[Tensor, "batch d_sae"]) -> Float[Tensor, "batch d_sae"]:
        """What exceeds the threshold."""
        return F.relu(z) * (z > self.threshold)

    def training_loss(
        self,
        x: Float[Tensor, "batch d_in"],
        silent: Bool[Tensor, " d_sae"] | None = None,
        target: Float[Tensor, "batch d_out"] | None = None,
    ) -> LossParts:
        """MSE + the auxiliary loss of silent features; in training mode the threshold follows."""
        if self.d_sae > WIDE:
            codes = batch_codes(self, x, self.k * len(x), float(self.threshold))
            if self.training:
                self._follow(codes.values.detach())
            return sparse_loss(self, x, codes, silent, AUXILIARY_WEIGHT, target)
        z = self.pre_activations(x)
        flat = F.relu(z).flatten()
        values, at = flat.topk(self.k * len(x), sorted=False)
        features = torch.zeros_like(flat).scatter(0, at, values).view_as(z)
        if self.training:
            self._follow(values.detach())
        return reconstruction_loss(self, x if target is None else target, z, features, silent)

    @torch.no_grad()
    def _follow(self, fired: Float[Tensor, " kept"]) -> None:
        positive = fired[fired > 0]
        if len(positive) == 0:
            return
        smallest = positive.min()
        old = torch.where(self.threshold > 0, self.threshold, smallest)
        self.threshold.copy_(MEMORY * old + (1.0 - MEMORY) * smallest)
