"""Owns what every sparse autoencoder is: tensors in the SAELens layout, encode, decode, a training loss."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from circuitlogic.config import SaeConfig
from circuitlogic.saes.stored import StoredForm

REVIVED_SHARE = 0.5
"""Encoder norm of a revived feature over the others' mean: strong enough to fire, too weak to upset them."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The four tensors every architecture has; d_out = d_in but for the code of a transcoder."""

    W_enc: Float[Tensor, "d_in d_sae"]
    b_enc: Float[Tensor, " d_sae"]
    W_dec: Float[Tensor, "d_sae d_out"]
    b_dec: Float[Tensor, " d_out"]


@dataclass(frozen=True, slots=True)
class LossParts:
    """One batch's loss; `total` is what is minimised."""

    reconstruction: Float[Tensor, ""]
    """Mean squared error over samples and components."""
    sparsity: Float[Tensor, ""]
    """What is added for sparsity or for dead features, already weighted."""
    total: Float[Tensor, ""]
    fired: Bool[Tensor, " d_sae"]
    """Features that fired on the batch."""


class SparseAutoencoder(nn.Module, ABC):
    """features = encode(x), non-negative; x̂ = decode(features) = features W_dec + b_dec.

    `encode` treats each sample by itself, in training mode too; only `training_loss` looks at whole batches.
    """

    architecture: ClassVar[str]
    """The name a config and a file use."""
    sparsity_setting: ClassVar[str] = ""
    """The `SaeConfig` field that sets how sparse it gets; empty where none does."""

    W_enc: Tensor
    b_enc: Tensor
    b_dec: Tensor

    apply_b_dec_to_input: bool
    """Whether b_dec is subtracted from x before encoding."""

    @classmethod
    @abstractmethod
    def initial(
        cls, d_in: int, d_sae: int, config: SaeConfig, generator: torch.Generator
    ) -> "SparseAutoencoder":
        """An untrained autoencoder.

        Raises:
            ConfigError: a setting that does not fit `d_sae`.
        """

    @classmethod
    @abstractmethod
    def restored(cls, weights: Weights, form: StoredForm, apply_b_dec_to_input: bool) -> "SparseAutoencoder":
        """The autoencoder a file describes.

        Raises:
            ValueError: the parts do not fit this architecture; says why in one line.
        """

    @abstractmethod
    def stored_form(self) -> StoredForm:
        """What a file must hold beside the weights, so that `restored` gives the same autoencoder."""

    @property
    @abstractmethod
    def W_dec(self) -> Float[Tensor, "d_sae d_out"]:  # noqa: N802
        """Decoder: one row per feature."""

    @property
    def d_in(self) -> int:
        """Components of an activation vector."""
        return self.W_enc.shape[0]

    @property
    def d_sae(self) -> int:
        """Number of features."""
        return self.W_enc.shape[1]

    @property
    def d_out(self) -> int:
        """Components of what `decode` gives."""
        return self.W_dec.shape[1]

    @abstractmethod
    def activate(self, z: Float[Tensor, "batch d_sae"]) -> Float[Tensor, "batch d_sae"]:
        """Features from pre-activations."""

    @abstractmethod
    def training_loss(
        self,
        x: Float[Tensor, "batch d_in"],
        silent: Bool[Tensor, " d_sae"] | None = None,
        target: Float[Tensor, "batch d_out"] | None = None,
    ) -> LossParts:
        """The loss on one batch.

        Args:
            silent: features that have not fired for long; some architectures pull them towards the residual.
            target: what decoding should give, where that is not `x` (transcoders).
        """

    def pre_activations(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_sae"]:
        """What `activate` is applied to."""
        return torch.addmm(self.b_enc, x - self.b_dec if self.apply_b_dec_to_input else x, self.W_enc)

    def encode(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_sae"]:
        """The features of each sample."""
        return self.activate(self.pre_activations(x))

    def decode(self, features: Float[Tensor, "batch d_sae"]) -> Float[Tensor, "batch d_out"]:
        """The reconstruction from features."""
        return torch.addmm(self.b_dec, features, self.W_dec)

    def predict(
        self,
        features: Float[Tensor, "batch d_sae"],
        x: Float[Tensor, "batch d_in"],  # noqa: ARG002
    ) -> Float[Tensor, "batch d_out"]:
        """As `decode`; coders that need x to decode share this name."""
        return self.decode(features)

    def forward(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_out"]:
        """The reconstruction of each sample."""
        return self.decode(self.encode(x))

    def weights(self) -> Weights:
        """The four tensors, contiguous and detached."""
        tensors = (self.W_enc, self.b_enc, self.W_dec, self.b_dec)
        return Weights(*(t.detach().contiguous() for t in tensors))

    def fit_to(self, mean: Float[Tensor, " d_in"], scale: float) -> None:
        """Adapt an untrained autoencoder to the data's mean and root mean square deviation per component."""

    def constrain_gradients(self) -> None:
        """Called between backward and the optimiser's step."""

    def constrain_weights(self) -> None:
        """Called after the optimiser's step."""

    def feature_axes(self) -> dict[str, int]:
        """Of each parameter with one slice per feature: its name and that axis."""
        return {"W_enc": 1, "b_enc": 0}

    @torch.no_grad()
    def revive(self, which: Int[Tensor, " m"], directions: Float[Tensor, "m d_in"]) -> None:
        """Point features `which` to the unit vectors `directions`; encoders get half the others' mean norm."""
        others = torch.ones(self.d_sae, dtype=torch.bool, device=self.W_enc.device)
        others[which] = False
        norms = self.W_enc.norm(dim=0)
        typical = norms[others].mean() if bool(others.any()) else norms.new_ones(())
        self.W_enc[:, which] = REVIVED_SHARE * typical * directions.T
        self.b_enc[which] = 0.0


def mean_squared_error(
    x: Float[Tensor, "batch d_out"], x_hat: Float[Tensor, "batch d_out"]
) -> Float[Tensor, ""]:
    """Mean over samples and components."""
    return F.mse_loss(x_hat, x)


def unit_directions(rows: int, d: int, generator: torch.Generator) -> Float[Tensor, "rows d"]:
    """Random unit vectors."""
    return F.normalize(torch.randn(rows, d, generator=generator))
