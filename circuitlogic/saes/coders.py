"""Owns dictionaries whose features alone do not give back what was encoded.

These are transcoders, and autoencoders that normalise each sample. They encode a site like any other; only a
`SparseAutoencoder` has a decoder for it.
"""

from typing import Literal, Protocol, TypeAlias, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from circuitlogic.saes.base import SparseAutoencoder

SampleNorm: TypeAlias = Literal["layer_norm", "constant_norm_rescale"]
"""Mean 0 and deviation 1 over the components; or length sqrt(d_in)."""

_EPSILON = 1e-5
"""Added to the deviation in `layer_norm`, as SAELens does."""


@runtime_checkable
class Coder(Protocol):
    """Anything that encodes a site's activations and predicts something from the features."""

    @property
    def architecture(self) -> str:
        """Its name in tables."""
        ...

    @property
    def d_in(self) -> int:
        """Components of what it encodes."""
        ...

    @property
    def d_sae(self) -> int:
        """Number of features."""
        ...

    @property
    def d_out(self) -> int:
        """Components of what it predicts."""
        ...

    def encode(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_sae"]:
        """The features of each sample."""
        ...

    def predict(
        self, features: Float[Tensor, "batch d_sae"], x: Float[Tensor, "batch d_in"]
    ) -> Float[Tensor, "batch d_out"]:
        """The target's activations, from `features` and the x that they were encoded from."""
        ...


class _AroundCode(nn.Module):
    """What is built around an autoencoder's encoder and decoder has their sizes."""

    def __init__(self, code: SparseAutoencoder) -> None:
        super().__init__()
        self.code = code

    @property
    def d_in(self) -> int:
        """Components of what it encodes."""
        return self.code.d_in

    @property
    def d_sae(self) -> int:
        """Number of features."""
        return self.code.d_sae

    @property
    def d_out(self) -> int:
        """Components of what it predicts."""
        return self.code.d_out


class Transcoder(_AroundCode):
    """features = code.encode(x); predicts another place: y ≈ features W_dec + b_dec (+ W_skip x).

    The decoder of `code` is the target's.
    """

    def __init__(self, code: SparseAutoencoder, skip: Float[Tensor, "d_out d_in"] | None = None) -> None:
        super().__init__(code)
        self.skip = None if skip is None else nn.Parameter(skip.clone())

    @property
    def architecture(self) -> str:
        """Such as `topk skip transcoder`."""
        return f"{self.code.architecture}{'' if self.skip is None else ' skip'} transcoder"

    def encode(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_sae"]:
        """The features of each sample."""
        return self.code.encode(x)

    def predict(
        self, features: Float[Tensor, "batch d_sae"], x: Float[Tensor, "batch d_in"]
    ) -> Float[Tensor, "batch d_out"]:
        """The target's activations."""
        decoded = self.code.decode(features)
        return decoded if self.skip is None else torch.addmm(decoded, x, self.skip.T)

    def forward(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_out"]:
        """The target's activations, from x."""
        return self.predict(self.encode(x), x)


class SampleNormalised(_AroundCode):
    """An autoencoder of normalised samples: x is normalised before `code`, its reconstruction scaled back."""

    def __init__(self, code: SparseAutoencoder, norm: SampleNorm) -> None:
        super().__init__(code)
        self.norm: SampleNorm = norm

    @property
    def architecture(self) -> str:
        """Such as `relu layer_norm`."""
        return f"{self.code.architecture} {self.norm}"

    def encode(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_sae"]:
        """The features of each sample."""
        shift, scale = self._moments(x)
        return self.code.encode((x - shift) / scale)

    def predict(
        self, features: Float[Tensor, "batch d_sae"], x: Float[Tensor, "batch d_in"]
    ) -> Float[Tensor, "batch d_out"]:
        """The reconstruction of x."""
        shift, scale = self._moments(x)
        if self.norm == "layer_norm":
            scale = scale - _EPSILON  # SAELens scales back by the bare deviation
        return self.code.decode(features) * scale + shift

    def forward(self, x: Float[Tensor, "batch d_in"]) -> Float[Tensor, "batch d_out"]:
        """The reconstruction of x."""
        return self.predict(self.encode(x), x)

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.norm == "layer_norm":
            return x.mean(dim=1, keepdim=True), x.std(dim=1, keepdim=True) + _EPSILON
        length = x.norm(dim=1, keepdim=True) / self.d_in**0.5
        return torch.zeros_like(length), torch.where(length > 0, length, 1.0)


AnyCoder: TypeAlias = SparseAutoencoder | Transcoder | SampleNormalised
"""What a folder may hold."""
