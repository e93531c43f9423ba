"""`jumprelu`: a threshold per feature, loss = MSE + l0 * L0 (Rajamanoharan et al. 2024, arXiv:2407.14435)."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from circuitlogic.config import SaeConfig
from circuitlogic.saes.base import LossParts, Weights, mean_squared_error
from circuitlogic.saes.stored import StoredForm
from circuitlogic.saes.untied import UntiedAutoencoder, initial_weights

START = 0.1
"""First threshold, and width of the kernel, in units of the data's deviation per component."""


class JumpRelu(UntiedAutoencoder):
    """F = z where z exceeds the feature's threshold, else 0.

    The threshold itself is the parameter (kept at 0 or above), not its logarithm as in the paper: so a file
    holds the very number that `encode` uses.
    """

    architecture = "jumprelu"
    sparsity_setting = "l0"

    def __init__(
        self,
        weights: Weights,
        threshold: Float[Tensor, " d_sae"],
        l0: float,
        apply_b_dec_to_input: bool = True,
        width: float = START,
    ) -> None:
        super().__init__(weights, apply_b_dec_to_input)
        self.threshold = nn.Parameter(threshold.clone())
        self.l0 = l0
        self.width = width
        """Width of the rectangular kernel, in the data's units."""

    @classmethod
    def initial(cls, d_in: int, d_sae: int, config: SaeConfig, generator: torch.Generator) -> "JumpRelu":
        """Random unit decoder rows."""
        return cls(initial_weights(d_in, d_sae, generator), torch.full((d_sae,), START), config.l0)

    def feature_axes(self) -> dict[str, int]:
        """Of each parameter with one slice per feature: its name and that axis."""
        return {**super().feature_axes(), "threshold": 0}

    @torch.no_grad()
    def fit_to(self, mean: Float[Tensor, " d_in"], scale: float) -> None:
        """Start b_dec at the data's mean and the thresholds at a share of its deviation."""
        super().fit_to(mean, scale)
        self.width = START * scale
        self.threshold.fill_(self.width)

    @torch.no_grad()
    def constrain_weights(self) -> None:
        """Bring decoder rows back to norm 1 and negative thresholds to 0."""
        super().constrain_weights()
        self.threshold.clamp_(min=0.0)

    @torch.no_grad()
    def revive(self, which: Int[Tensor, " m"], directions: Float[Tensor, "m d_in"]) -> None:
        """As in the base; their thresholds start again."""
        super().revive(which, directions)
        self.threshold[which] = self.width

    @classmethod
    def restored(cls, weights: Weights, form: StoredForm, apply_b_dec_to_input: bool) -> "JumpRelu":
        """From a file."""
        if form.threshold is None:
            raise ValueError("jumprelu needs a threshold")
        width = form.number("width", START)
        if width <= 0.0:
            raise ValueError(f"width = {width:g} is not positive")
        return cls(weights, form.threshold, form.number("l0", SaeConfig().l0), apply_b_dec_to_input, width)

    def stored_form(self) -> StoredForm:
        """SAELens' jumprelu."""
        return StoredForm("jumprelu", {"l0": self.l0, "width": self.width}, self.threshold)

    def activate(self, z: Float[Tensor, "batch d_sae"]) -> Float[Tensor, "batch d_sae"]:
        """What exceeds its threshold."""
        return F.relu(z) * (z > self.threshold)

    def training_loss(
        self,
        x: Float[Tensor, "batch d_in"],
        silent: Bool[Tensor, " d_sae"] | None = None,  # noqa: ARG002
        target: Float[Tensor, "batch d_out"] | None = None,
    ) -> LossParts:
        """MSE + l0 * mean number of firing features, with straight-through gradients for the thresholds.

        `nudge` is 0 and has the gradient -K((z - θ)/width)/width for θ, K the unit rectangle: the paper's
        pseudo-derivative of the step; times θ that of JumpReLU.
        """
        z = self.pre_activations(x)
        ramp = ((z.detach() - self.threshold) / self.width).clamp(-0.5, 0.5)
        nudge = ramp - ramp.detach()
        features = self.activate(z) + self.threshold.detach() * nudge
        firing = features.detach() > 0
        reconstruction = mean_squared_error(x if target is None else target, self.decode(features))
        sparsity = self.l0 * (firing + nudge).sum(dim=1).mean()
        return LossParts(reconstruction, sparsity, reconstruction + sparsity, firing.any(dim=0))
