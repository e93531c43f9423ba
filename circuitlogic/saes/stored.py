"""Owns the form in which an architecture hands itself to a file and takes itself back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Float
from torch import Tensor

SaelensName = Literal["standard", "topk", "jumprelu", "gated"]


@dataclass(frozen=True, slots=True)
class Magnitude:
    """The second path of a gated encoder, exp(r) (z - b_gate) + b, z being the first one's pre-activation."""

    r: Float[Tensor, " d_sae"]
    b: Float[Tensor, " d_sae"]


@dataclass(frozen=True, slots=True)
class StoredForm:
    """What a file holds of an autoencoder beside its four tensors."""

    saelens: SaelensName
    """The architecture under which SAELens computes the same features."""
    settings: Mapping[str, int | float] = field(default_factory=dict[str, int | float])
    """Numbers of our architecture, e.g. k; empty in files of SAELens."""
    threshold: Float[Tensor, " d_sae"] | None = None
    """What a feature must exceed to fire (`jumprelu`)."""
    magnitude: Magnitude | None = None
    """How strongly it then does (`gated`, whose b_enc is the gate's bias)."""

    def number(self, name: str, default: float) -> float:
        """The setting `name`."""
        return float(self.settings.get(name, default))
