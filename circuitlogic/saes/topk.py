"""`topk`: only the k largest pre-activations of a sample fire (Gao et al. 2024, arXiv:2406.04093)."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from circuitlogic.config import SaeConfig
from circuitlogic.errors import ConfigError
from circuitlogic.saes.base import LossParts, SparseAutoencoder, Weights, mean_squared_error
from circuitlogic.saes.stored import StoredForm
from circuitlogic.saes.untied import UntiedAutoencoder, initial_weights

AUXILIARY_WEIGHT = 1.0 / 32.0


class TopK(UntiedAutoencoder):
    """At most k features fire per sample: exactly k where k pre-activations are positive."""

    architecture = "topk"
    sparsity_setting = "k"

    def __init__(self, weights: Weights, k: int, apply_b_dec_to_input: bool = True) -> None:
        super().__init__(weights, apply_b_dec_to_input)
        self.k = k

    @classmethod
    def initial(cls, d_in: int, d_sae: int, config: SaeConfig, generator: torch.Generator) -> "TopK":
        """Random unit decoder rows."""
        check_k(config.k, d_sae)
        return cls(initial_weights(d_in, d_sae, generator), config.k)

    @classmethod
    def restored(cls, weights: Weights, form: StoredForm, apply_b_dec_to_input: bool) -> "TopK":
        """From a file."""
        return cls(weights, stored_k(weights, form), apply_b_dec_to_input)

    def stored_form(self) -> StoredForm:
        """SAELens' topk."""
        return StoredForm("topk", {"k": self.k})

    def activate(self, z: Float[Tensor, "batch d_sae"]) -> Float[Tensor, "batch d_sae"]:
        """ReLU of the k largest, 0 elsewhere."""
        return largest_per_sample(z, self.k)

    def training_loss(
        self,
        x: Float[Tensor, "batch d_in"],
        silent: Bool[Tensor, " d_sae"] | None = None,
        target: Float[Tensor, "batch d_out"] | None = None,
    ) -> LossParts:
        """MSE + the auxiliary loss of silent features."""
        z = self.pre_activations(x)
        return reconstruction_loss(self, x if target is None else target, z, self.activate(z), silent)


def check_k(k: int, d_sae: int) -> None:
    """Raise ConfigError where more features should fire than there are."""
    if k > d_sae:
        raise ConfigError(
            f"saes.k = {k} is more than the {d_sae} features: lower saes.k or raise saes.expansion"
        )


def stored_k(weights: Weights, form: StoredForm) -> int:
    """The k of a file; ValueError where it is missing or does not fit."""
    k = form.number("k", 0.0)
    if not 1 <= k <= len(weights.b_enc) or k != int(k):
        raise ValueError(f"k = {k:g} does not fit {len(weights.b_enc)} features: it must be 1 to that number")
    return int(k)


def largest_per_sample(z: Float[Tensor, "batch d_sae"], k: int) -> Float[Tensor, "batch d_sae"]:
    """ReLU of each row's k largest entries, 0 elsewhere."""
    values, at = z.topk(k, dim=1, sorted=False)
    return torch.zeros_like(z).scatter(1, at, F.relu(values))


def reconstruction_loss(
    sae: SparseAutoencoder,
    target: Float[Tensor, "batch d_out"],
    z: Float[Tensor, "batch d_sae"],
    features: Float[Tensor, "batch d_sae"],
    silent: Bool[Tensor, " d_sae"] | None,
) -> LossParts:
    """MSE of decoding `features`, plus the auxiliary loss where features are `silent`."""
    decoded = sae.decode(features)
    reconstruction = mean_squared_error(target, decoded)
    auxiliary = reconstruction.new_zeros(())
    if silent is not None and bool(silent.any()):
        auxiliary = AUXILIARY_WEIGHT * auxiliary_loss(sae, target, decoded, z, silent)
    return LossParts(reconstruction, auxiliary, reconstruction + auxiliary, (features > 0).any(dim=0))


def auxiliary_loss(
    sae: SparseAutoencoder,
    target: Float[Tensor, "batch d_out"],
    decoded: Float[Tensor, "batch d_out"],
    z: Float[Tensor, "batch d_sae"],
    silent: Bool[Tensor, " d_sae"],
) -> Float[Tensor, ""]:
    """How badly the d_in/2 most active silent features explain the residual, in units of the target's variance.

    Gao et al. 2024, appendix A.2: MSE(e, ê) / MSE(e, 0), here times the batch's variance, as the MSE is.
    """
    residual = (target - decoded).detach()
    k = min(max(sae.d_in // 2, 1), int(silent.sum()))
    codes = largest_per_sample(z.masked_fill(~silent, -torch.inf), k)
    unexplained = mean_squared_error(residual, codes @ sae.W_dec)
    size = residual.square().mean().clamp_min(torch.finfo(target.dtype).tiny)
    return unexplained / size * target.var(dim=0, correction=0).mean()
