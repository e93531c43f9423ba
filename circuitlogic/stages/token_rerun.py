"""Running a language model's real layers from edited activations of single tokens, for the causal check."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from circuitlogic.activations.capture import observed
from circuitlogic.activations.paired import PairedActivations
from circuitlogic.activations.sites import Site
from circuitlogic.activations.windows import TokenWindows
from circuitlogic.errors import DataError
from circuitlogic.networks.protocol import rewriting
from circuitlogic.verify.literal_states import IntArray
from circuitlogic.verify.setting import Rerun

_CHECKED = 64
_TOLERANCE = 1e-3
_TOKENS = 4096


def token_rerun(
    network: nn.Module, ends: tuple[Site, Site], windows: TokenWindows, activations: PairedActivations
) -> Rerun:
    """From `ends[0]` to `ends[1]`; every edited token by itself, its context as it was.

    A module that treats each token by itself, which is checked on stored rows, is run alone; anything else runs
    the whole model on the token's window.
    """
    alone = layer_alone(network, ends, activations)
    return _in_windows(network, *ends, windows) if alone is None else alone


def layer_alone(network: nn.Module, ends: tuple[Site, Site], activations: PairedActivations) -> Rerun | None:
    """The module between its own input and output; None where it does not treat each stored token by itself."""
    source, target = ends
    if source.module != target.module or (source.side, target.side) != ("in", "out"):
        return None
    alone = _alone(network, source, target)
    rows = np.arange(min(_CHECKED, len(activations)))
    given = torch.from_numpy(activations.stores[source.name].rows(rows))
    stored = torch.from_numpy(activations.stores[target.name].rows(rows))
    error = (alone(given, rows) - stored).norm() / stored.norm().clamp_min(1e-12)
    return alone if float(error) < _TOLERANCE else None


def _alone(network: nn.Module, source: Site, target: Site) -> Rerun:
    module = network.get_submodule(source.module)
    like = next(network.parameters())

    @torch.no_grad()
    def run(edited: Tensor, rows: IntArray) -> Tensor:  # noqa: ARG001
        with observed(module, ()):
            output = module(edited.to(like)[None])
        first = output if isinstance(output, Tensor) else output[0]
        if not isinstance(first, Tensor) or first.ndim < 2:
            raise DataError(f"site {target.name!r} gives no activations when it runs alone")
        return first.reshape(-1, first.shape[-1]).float().cpu()

    return run


def _in_windows(network: nn.Module, source: Site, target: Site, windows: TokenWindows) -> Rerun:
    places = windows.rows
    device = next(network.parameters()).device

    @torch.no_grad()
    def run(edited: Tensor, rows: IntArray) -> Tensor:
        found: list[Tensor] = [torch.zeros(0)] * len(rows)
        for chosen, block, at in _blocks(windows, places[rows]):
            new = edited[torch.from_numpy(chosen)]
            line = torch.arange(len(chosen))

            def put(values: Tensor, line: Tensor = line, at: Tensor = at, new: Tensor = new) -> Tensor:
                values = values.clone()
                values[line, at] = new.to(values)
                return values

            with rewriting(network, source, put), observed(network, (target,)) as caught:
                network(block.to(device))
            rows_out = caught[target.name][0].reshape(len(chosen), block.shape[1], -1)
            for number, place in enumerate(chosen.tolist()):
                found[place] = rows_out[number, int(at[number])]
        return torch.stack(found)

    return run


def _blocks(windows: TokenWindows, places: IntArray) -> Iterator[tuple[IntArray, Tensor, Tensor]]:
    """Edits in blocks of windows of one length: which edits, token ids [n, length], positions [n]."""
    numbers = windows.windows_at(places)
    lengths = np.diff(windows.starts)[numbers]
    for length in np.unique(lengths):
        of_length = np.flatnonzero(lengths == length)
        size = max(1, _TOKENS // int(length))
        for first in range(0, len(of_length), size):
            chosen = of_length[first : first + size]
            starts = windows.starts[numbers[chosen]]
            ids = windows.ids[starts[:, None] + np.arange(int(length))].astype(np.int64)
            yield chosen, torch.from_numpy(ids), torch.from_numpy(places[chosen] - starts)
