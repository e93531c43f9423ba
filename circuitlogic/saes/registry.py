"""Owns the architectures by name: a new one is a new file plus one line here."""

from circuitlogic.config import SaeConfig
from circuitlogic.errors import ConfigError
from circuitlogic.registry import Registry
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.batch_topk import BatchTopK
from circuitlogic.saes.gated import Gated
from circuitlogic.saes.jumprelu import JumpRelu
from circuitlogic.saes.relu import Relu
from circuitlogic.saes.relu_tied import ReluTied
from circuitlogic.saes.topk import TopK

_ARCHITECTURES: Registry[type[SparseAutoencoder]] = Registry("SAE architecture")


def register_architecture(architecture: type[SparseAutoencoder]) -> None:
    """Make `architecture` known by its name.

    Raises:
        ConfigError: the name is taken.
    """
    _ARCHITECTURES.add(architecture.architecture, architecture)


def architecture_names() -> tuple[str, ...]:
    """All registered names, in the order of registration."""
    return tuple(_ARCHITECTURES)


def architecture_named(name: str) -> type[SparseAutoencoder]:
    """The class of that name.

    Raises:
        UnknownNameError: there is none; suggests near names.
    """
    return _ARCHITECTURES[name]


def feature_count(config: SaeConfig, d_in: int) -> int:
    """How many features the config asks for at a site of `d_in` components.

    Raises:
        ConfigError: none.
    """
    count = round(config.expansion * d_in)
    if count < 1:
        raise ConfigError(
            f"saes.expansion = {config.expansion:g} gives no feature for {d_in} components: raise it"
        )
    return count


for _architecture in (ReluTied, Relu, TopK, BatchTopK, JumpRelu, Gated):
    register_architecture(_architecture)
