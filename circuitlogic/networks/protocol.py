"""What the package asks of a network, beyond being a `torch.nn.Module` with named sites.

Both protocols are optional: a module that offers neither works through hooks and random initialisation.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from circuitlogic.activations.capture import observed
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

    A `Resumable` network is asked directly; any other is run on its inputs with the site's activation replaced.
    Either runs in evaluation mode, on its own device.
    """

    def resumed(activations: Tensor, inputs: Tensor | None) -> Tensor:  # noqa: ARG001
        with _evaluating(network):
            return cast(Resumable, network).resume(site.module, activations.to(_device(network))).cpu()

    def run(activations: Tensor, inputs: Tensor | None) -> Tensor:
        if inputs is None:
            raise DataError(
                f"{type(network).__name__} has no resume(): running it from {site.name} needs its inputs"
            )
        with _evaluating(network), _replaced(network, site, activations):
            return network(inputs.to(_device(network))).cpu()

    return run if needs_inputs(network, site) else resumed


Stretch = Callable[[Tensor, Tensor | None], Tensor]
"""(activation at the source site [N, d], network inputs or None) -> activation at the target site [N, d']."""


def stretch_between(network: nn.Module, source: Site, target: Site) -> Stretch:
    """The real layers from `source` to `target`, as a function of the activation at `source`.

    Runs as `tail_from`, with the target caught on the way; a `Sequential` that `resume` enters part by part is
    caught at its last (for an input: its first) part.

    Raises (when called):
        DataError: the inputs are needed, or the target does not run exactly once.
    """
    tail = tail_from(network, source)
    places = tuple(dict.fromkeys((target, _innermost(network, target))))

    @torch.no_grad()
    def run(activations: Tensor, inputs: Tensor | None) -> Tensor:
        with observed(network, places) as caught:
            tail(activations.clone(), inputs)
        seen = next((caught[place.name] for place in places if place.name in caught), [])
        if len(seen) != 1:
            raise DataError(
                f"site {target.name!r} ran {len(seen)} times after {source.name!r}: it must run once"
            )
        return seen[0]

    return run


def needs_inputs(network: nn.Module, source: Site) -> bool:
    """Whether running on from `source` needs the network's inputs."""
    return not (isinstance(network, Resumable) and source.side == "out")


def _innermost(network: nn.Module, site: Site) -> Site:
    """The same activation, where it arises: at the end (the start, for an input) of nested `Sequential`s."""
    path, module = site.module, network.get_submodule(site.module)
    while isinstance(module, nn.Sequential) and len(module) > 0:
        name, module = list(module.named_children())[-1 if site.side == "out" else 0]
        path = f"{path}.{name}"
    return site if path == site.module else Site(f"{path}.{site.side}", path, site.side)


def _device(network: nn.Module) -> torch.device:
    return next((parameter.device for parameter in network.parameters()), torch.device("cpu"))


@contextmanager
def _evaluating(network: nn.Module) -> Generator[None]:
    """Evaluation mode inside; afterwards every module is in its own mode again."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def _replaced(network: nn.Module, site: Site, activations: Tensor) -> Generator[None]:
    """While inside, `site`'s activation is `activations` [N, d] (reshaped to what the module used)."""
    with rewriting(network, site, lambda _: activations):
        yield


@contextmanager
def rewriting(network: nn.Module, site: Site, rewrite: Callable[[Tensor], Tensor]) -> Generator[None]:
    """While inside, `site`'s activation is what `rewrite` makes of it, in its own shape, dtype and device.

    `rewrite` is given the activation as the module gives it; [..., d] for tokens.
    """
    module = network.get_submodule(site.module)

    def put_output(_module: nn.Module, _args: object, output: object) -> object:
        return _with_first_tensor(output, rewrite)

    def put_input(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if any(isinstance(value, Tensor) for value in args):
            return _with_first_tensor(args, rewrite), kwargs
        return args, _with_first_tensor(kwargs, rewrite)

    hook = (
        module.register_forward_hook(put_output)
        if site.side == "out"
        else module.register_forward_pre_hook(put_input, with_kwargs=True)
    )
    try:
        yield
    finally:
        hook.remove()


def _with_first_tensor(value: object, new: Callable[[Tensor], Tensor]) -> object:
    """`value` with its first tensor, the one that is captured, rewritten by `new`."""
    if isinstance(value, Tensor):
        return new(value).reshape(value.shape).to(value)
    if isinstance(value, dict):
        values = cast("dict[object, object]", value)
        at = next((key for key, member in values.items() if isinstance(member, Tensor)), None)
        return values if at is None else {**values, at: _with_first_tensor(values[at], new)}
    members = list(cast("tuple[object, ...]", value))
    at = next(number for number, member in enumerate(members) if isinstance(member, Tensor))
    members[at] = _with_first_tensor(members[at], new)
    return tuple(members)


@torch.no_grad()
def outputs_of(
    network: nn.Module, inputs: Float[Tensor, "n d"], batch_size: int = 4096
) -> Float[Tensor, "n c"]:
    """The network's outputs on all of `inputs`, in evaluation mode, batch by batch."""
    with _evaluating(network):
        return torch.cat([network(batch.to(_device(network))).cpu() for batch in inputs.split(batch_size)])
