"""Running a network over batches and catching the activations at its sites with forward hooks.

What a module takes or gives is reduced to rows [N, d]: of several tensors the first counts, and all axes but
the last are flattened, so row r of one site and row r of another belong to the same sample (or token).
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence, Sized
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from circuitlogic.activations.sites import Site, find_sites
from circuitlogic.errors import DataError
from circuitlogic.progress import SILENT, Progress

Rows: TypeAlias = Float[Tensor, "rows d"]
Receiver: TypeAlias = Callable[[Mapping[str, Tensor]], None]
"""Takes the rows of one batch by site name: float32 on the CPU, the same number of rows at every site."""
_Caught: TypeAlias = dict[str, list[Tensor]]


def capture(
    network: nn.Module,
    sites: Sequence[str],
    batches: Iterable[Tensor],
    receive: Receiver,
    *,
    inputs_as: str | None = None,
    outputs_as: str | None = None,
    progress: Progress = SILENT,
) -> int:
    """Run `network` on every batch and hand the rows at `sites` to `receive`; return the number of rows.

    The network's own inputs and outputs are handed over too, under the names `inputs_as` and `outputs_as`.

    The network runs in eval mode without gradients. Whatever happens, its modes are put back and the hooks
    taken off.

    Raises:
        ConfigError, UnknownNameError: a site that is badly written, repeated, or not in the network.
        DataError: no batches; a site that does not run exactly once per batch or yields no float tensor;
            sites with different numbers of rows; a value that is not finite.
    """
    found = find_sites(network, sites)
    total = len(batches) if isinstance(batches, Sized) else None
    done = 0
    with observed(network, found) as caught, torch.no_grad():
        device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
        for batch in progress.track(batches, "capture activations", total=total):
            caught.clear()
            outputs = network(batch.to(device))
            if inputs_as is not None:
                caught[inputs_as] = [_to_rows(inputs_as, batch)]
            if outputs_as is not None:
                caught[outputs_as] = [_to_rows(outputs_as, outputs)]
            rows = _paired_rows(found, caught)
            for name, values in rows.items():
                _check_finite(name, values, done)
            receive(rows)
            done += len(next(iter(rows.values())))
    if done == 0:
        raise DataError("there is nothing to capture: the data has no samples")
    return done


def capture_in_memory(
    network: nn.Module, sites: Sequence[str], batches: Iterable[Tensor], *, progress: Progress = SILENT
) -> dict[str, Float[Tensor, "_ _"]]:
    """All rows by site name, float32 on the CPU; for data that fits. Raises as `capture`."""
    pieces: dict[str, list[Tensor]] = {}

    def keep(rows: Mapping[str, Tensor]) -> None:
        for name, values in rows.items():
            pieces.setdefault(name, []).append(values)

    capture(network, sites, batches, keep, progress=progress)
    return {name: torch.cat(parts) for name, parts in pieces.items()}


@torch.no_grad()
def widths_as_run(network: nn.Module, sites: Sequence[Site], batch: Tensor) -> dict[str, int]:
    """By site, in the order in which the network runs them on the first sample: components of its activation."""
    with observed(network, sites) as caught:
        device = next((p.device for p in network.parameters()), batch.device)
        network(batch[:1].to(device))
    return {name: int(rows[0].shape[1]) for name, rows in caught.items()}


@contextmanager
def observed(network: nn.Module, sites: Iterable[Site]) -> Generator[_Caught]:
    """Eval mode and a hook on each site, undone on leaving; yields where the hooks put copies."""
    caught: _Caught = {}
    modules = dict(network.named_modules(remove_duplicate=False))
    modes = [(module, module.training) for module in network.modules()]
    with ExitStack() as undo:
        undo.callback(_restore_modes, modes)
        network.eval()
        for site in sites:
            handle = _add_hook(modules[site.module], site, caught)
            undo.callback(handle.remove)
        yield caught


def _restore_modes(modes: Iterable[tuple[nn.Module, bool]]) -> None:
    for module, training in modes:
        module.training = training


def _add_hook(module: nn.Module, site: Site, caught: _Caught) -> torch.utils.hooks.RemovableHandle:
    def keep(value: object) -> None:
        caught.setdefault(site.name, []).append(_to_rows(site.name, value))

    def before(_: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        keep((*args, *kwargs.values()))

    def after(_: nn.Module, args: object, output: object) -> None:  # noqa: ARG001
        keep(output)

    if site.side == "in":
        return module.register_forward_pre_hook(before, with_kwargs=True)
    return module.register_forward_hook(after)


def _to_rows(name: str, value: object) -> Rows:
    """A float32 copy on the CPU: a later module may overwrite the tensor in place."""
    tensor = _first_tensor(value)
    if tensor is None or not tensor.is_floating_point():
        kind = type(value).__name__ if tensor is None else str(tensor.dtype)
        raise DataError(f"site {name!r} gives {kind}, not a float tensor: choose another module or side")
    if tensor.ndim < 2 or tensor.shape[-1] == 0:
        raise DataError(
            f"site {name!r} gives a tensor of shape {tuple(tensor.shape)}: "
            "[samples, ..., d] with d > 0 is needed"
        )
    copy = tensor.detach().to(device="cpu", dtype=torch.float32, copy=True)
    return copy.reshape(-1, copy.shape[-1])


def _first_tensor(value: object) -> Tensor | None:
    if isinstance(value, Tensor):
        return value
    members: Iterable[object] = ()
    if isinstance(value, Mapping):
        members = value.values()
    elif isinstance(value, (tuple, list)):
        members = value
    return next((member for member in members if isinstance(member, Tensor)), None)


def _paired_rows(sites: Sequence[Site], caught: _Caught) -> dict[str, Tensor]:
    rows: dict[str, Tensor] = {}
    names = list(dict.fromkeys([*(site.name for site in sites), *caught]))
    for name in names:
        seen = caught.get(name, [])
        if len(seen) != 1:
            raise DataError(
                f"site {name!r} ran {len(seen)} times in one pass of the network: "
                "choose a module that runs exactly once"
            )
        rows[name] = seen[0]
    first, *others = rows
    for other in others:
        if len(rows[other]) != len(rows[first]):
            raise DataError(
                f"sites {first!r} and {other!r} give {len(rows[first])} and {len(rows[other])} rows "
                "for one batch: choose sites with the same number of rows"
            )
    return rows


def _check_finite(name: str, rows: Rows, before: int) -> None:
    """`before`: rows of earlier batches, so that the message counts over all data."""
    bad = ~torch.isfinite(rows).all(dim=1)
    if bool(bad.any()):
        at = int(bad.to(torch.uint8).argmax())
        values = rows[at]
        component = int((~torch.isfinite(values)).to(torch.uint8).argmax())
        wider = ", or run it in a wider dtype" if bool(torch.isinf(values[component])) else ""
        raise DataError(
            f"site {name!r}: the activation of sample {before + at} is not finite "
            f"({values[component].item()} at component {component}): check the network's weights and inputs{wider}"
        )
