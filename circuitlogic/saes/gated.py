"""`gated`: one path decides whether a feature fires, another how strongly.

Rajamanoharan et al. 2024, arXiv:2404.16014.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from circuitlogic.config import SaeConfig
from circuitlogic.saes.base import LossParts, Weights, mean_squared_error
from circuitlogic.saes.stored import Magnitude, StoredForm
from circuitlogic.saes.untied import UntiedAutoencoder, initial_weights


class Gated(UntiedAutoencoder):
    """F = [z > 0] ReLU(exp(r_mag) (z - b_enc) + b_mag), z = (x - b_dec) W_enc + b_enc.

    b_enc is the bias of the gate; both paths share W_enc but for the scale exp(r_mag) of each feature.
    """

    architecture = "gated"
    sparsity_setting = "l1"

    def __init__(
        self, weights: Weights, magnitude: Magnitude, l1: float, apply_b_dec_to_input: bool = True
    ) -> None:
        super().__init__(weights, apply_b_dec_to_input)
        self.r_mag = nn.Parameter(magnitude.r.clone())
        self.b_mag = nn.Parameter(magnitude.b.clone())
        self.l1 = l1

    @classmethod
    def initial(cls, d_in: int, d_sae: int, config: SaeConfig, generator: torch.Generator) -> "Gated":
        """Random unit decoder rows; both paths alike."""
        same = Magnitude(torch.zeros(d_sae), torch.zeros(d_sae))
        return cls(initial_weights(d_in, d_sae, generator), same, config.l1)

    @classmethod
    def restored(cls, weights: Weights, form: StoredForm, apply_b_dec_to_input: bool) -> "Gated":
        """From a file."""
        if form.magnitude is None:
            raise ValueError("gated needs r_mag and b_mag")
        return cls(weights, form.magnitude, form.number("l1", SaeConfig().l1), apply_b_dec_to_input)

    def stored_form(self) -> StoredForm:
        """SAELens' gated."""
        return StoredForm("gated", {"l1": self.l1}, magnitude=Magnitude(self.r_mag, self.b_mag))

    def feature_axes(self) -> dict[str, int]:
        """Of each parameter with one slice per feature: its name and that axis."""
        return {**super().feature_axes(), "r_mag": 0, "b_mag": 0}

    @torch.no_grad()
    def revive(self, which: Int[Tensor, " m"], directions: Float[Tensor, "m d_in"]) -> None:
        """As in the base; both paths start alike again."""
        super().revive(which, directions)
        self.r_mag[which] = 0.0
        self.b_mag[which] = 0.0

    def activate(self, z: Float[Tensor, "batch d_sae"]) -> Float[Tensor, "batch d_sae"]:
        """The magnitude where the gate is open."""
        return F.relu((z - self.b_enc) * self.r_mag.exp() + self.b_mag) * (z > 0)

    def training_loss(
        self,
        x: Float[Tensor, "batch d_in"],
        silent: Bool[Tensor, " d_sae"] | None = None,  # noqa: ARG002
        target: Float[Tensor, "batch d_out"] | None = None,
    ) -> LossParts:
        """MSE + l1 * mean of the open gates + MSE of decoding those gates with the decoder held still.

        The step [z > 0] passes no gradient: the gate learns from the second and third terms (the paper's eq. 8).
        """
        wanted = x if target is None else target
        z = self.pre_activations(x)
        features, gates = self.activate(z), F.relu(z)
        reconstruction = mean_squared_error(wanted, self.decode(features))
        by_gates = torch.addmm(self.b_dec.detach(), gates, self.W_dec.detach())
        sparsity = self.l1 * gates.mean() + mean_squared_error(wanted, by_gates)
        return LossParts(reconstruction, sparsity, reconstruction + sparsity, (features > 0).any(dim=0))
