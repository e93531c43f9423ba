"""What the package asks of a network, beyond being a `torch.nn.Module` with named sites.

Both protocols are optional: a module that offers neither works through hooks and random initialisation.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from circuitlogic.activations.sites import Site
from circuitlogic.errors import DataError


@runtime_checkable
class Resumable(Protocol):
    """Can run from a site's activation to its outputs without the input."""

    def resume(self, site: str | None, activations: Tensor) -> Tensor:
        """Outputs, given the activation at `site`."""
        ...


@runtime_checkable
class KnowsItsWeights(Protocol):
    """Can name the affine map between two consecutive sites."""

    def affine_between(self, source: str, target: str) -> tuple[Tensor, Tensor] | None:
        """Weight [d_target, d_source] and bias [d_target]; None if there is no single such layer."""
        ...


Tail = Callable[[Tensor, Tensor | None], Tensor]
"""(activation at the site [N, d], network inputs or None) -> outputs [N, classes]."""


def tail_from(network: nn.Module, site: Site) -> Tail:
    """The rest of the network after `site`, as a differentiable function of the site's activation.

    A `Resumable` network is asked directly; any other is run on its inputs with the site's output replaced.
    """
    if isinstance(network, Resumable) and site.side == "out":
        return lambda activations, _inputs: network.resume(site.module, activations)

    def run(activations: Tensor, inputs: Tensor | None) -> Tensor:
        if inputs is None:
            raise DataError(
                f"{type(network).__name__} has no resume(): running it from {site.name} needs its inputs"
            )
        with _replaced(network, site, activations):
            return network(inputs)

    return run


@contextmanager
def _replaced(network: nn.Module, site: Site, activations: Tensor) -> Generator[None]:
    """While inside, `site`'s activation is `activations` [N, d] (reshaped to what the module used)."""
    module = network.get_submodule(site.module)

    def put_output(_module: nn.Module, _args: object, output: object) -> object:
        if isinstance(output, tuple):
            return (activations.reshape(output[0].shape), *output[1:])
        return activations.reshape(output.shape) if isinstance(output, Tensor) else activations

    def put_input(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (activations.reshape(args[0].shape), *args[1:])

    hook = (
        module.register_forward_hook(put_output)
        if site.side == "out"
        else module.register_forward_pre_hook(put_input)
    )
    try:
        yield
    finally:
        hook.remove()


@torch.no_grad()
def outputs_of(
    network: nn.Module, inputs: Float[Tensor, "n d"], batch_size: int = 4096
) -> Float[Tensor, "n c"]:
    """The network's outputs on all of `inputs`, in evaluation mode, batch by batch."""
    training = network.training
    network.eval()
    try:
        return torch.cat([network(batch) for batch in inputs.split(batch_size)])
    finally:
        network.train(training)
