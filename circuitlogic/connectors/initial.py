"""Where a connector's training starts: a registry of initialisations."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.errors import ConfigError
from circuitlogic.registry import Registry
from circuitlogic.saes.base import SparseAutoencoder


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """First values of a connector, between unit-scale features."""

    weight: Float[Tensor, "n_out n_in"]
    bias: Float[Tensor, " n_out"]


@dataclass(frozen=True, slots=True, eq=False)
class InitContext:
    """What an initialisation may use."""

    source: Dictionary
    target: Dictionary
    affine: tuple[Tensor, Tensor] | None
    """Weight and bias of the network's own layer between the two sites, where it has one."""
    generator: torch.Generator
    source_units: Float[Tensor, " n_in"]
    """By what unit-scale features are multiplied to be in the solver's units."""
    target_units: Float[Tensor, " n_out"]


def random_start(context: InitContext) -> Start:
    """Entries uniform in ±1/√n_in in the solver's units, as a fresh linear layer; biases zero."""
    n_in, n_out = len(context.source.statistics.scales), len(context.target.statistics.scales)
    weight = (2 * torch.rand(n_out, n_in, generator=context.generator) - 1) / n_in**0.5
    return Start(weight * context.source_units / context.target_units[:, None], torch.zeros(n_out))


def analytic_start(context: InitContext) -> Start:
    """The seed's proposal: drop the inner ReLU, W = E2 M D1 and b = E2 (M b_dec1 + m - b_dec2) + b_enc2.

    Raises:
        ConfigError: the network does not tell its layer between the sites, or an encoder is not one layer.
    """
    one, two = context.source.encoder, context.target.encoder
    if context.affine is None:
        raise ConfigError(
            f"no single layer is known between {context.source.site} and {context.target.site}: "
            "use connectors.init = 'random'"
        )
    if not isinstance(one, SparseAutoencoder) or not isinstance(two, SparseAutoencoder):
        raise ConfigError("the analytic start needs one-layer dictionaries: use connectors.init = 'random'")
    layer, layer_bias = context.affine
    with torch.no_grad():
        encoder = two.W_enc.T
        weight = encoder @ layer @ one.W_dec.T
        centre = two.b_dec if two.apply_b_dec_to_input else torch.zeros_like(two.b_dec)
        bias = encoder @ (layer @ one.b_dec + layer_bias - centre) + two.b_enc
    scales_in, scales_out = context.source.statistics.scales, context.target.statistics.scales
    return Start(weight * scales_in / scales_out[:, None], bias / scales_out)


_STARTS: Registry[Callable[[InitContext], Start]] = Registry(
    "connector initialisation", {"random": random_start, "analytic": analytic_start}
)


def start_named(name: str) -> Callable[[InitContext], Start]:
    """The initialisation registered under `name`."""
    return _STARTS[name]
