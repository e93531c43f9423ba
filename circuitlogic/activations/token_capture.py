"""Owns the capture over text: all windows through the network, only the kept tokens' rows on disk."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from circuitlogic.activations.capture import capture
from circuitlogic.activations.index import remove_store
from circuitlogic.activations.shard import DtypeName
from circuitlogic.activations.sites import find_sites
from circuitlogic.activations.store import ActivationStore
from circuitlogic.activations.windows import TokenWindows
from circuitlogic.activations.writer import ActivationWriter
from circuitlogic.errors import DataError
from circuitlogic.progress import SILENT, Progress


def capture_windows(
    network: nn.Module,
    sites: Sequence[str],
    windows: TokenWindows,
    folder: Path,
    *,
    dtype: DtypeName = "float32",
    progress: Progress = SILENT,
) -> dict[str, ActivationStore]:
    """Capture `sites` into `folder/SITE NAME/`: row r is the r-th kept token of `windows`.

    Raises:
        ConfigError, UnknownNameError, DataError: as `capture`; or a site without one row per token.
    """
    names = [site.name for site in find_sites(network, sites)]
    for name in names:
        remove_store(folder / name)
    writers: dict[str, ActivationWriter] = {}
    masks: list[Tensor] = []

    def batches() -> Iterator[Tensor]:
        for where, block in windows.batches():
            masks[:] = [torch.from_numpy(windows.kept[where])]
            yield block

    def write(rows: Mapping[str, Tensor]) -> None:
        for name, values in rows.items():
            if len(values) != len(masks[0]):
                raise DataError(
                    f"site {name!r} gives {len(values)} rows for {len(masks[0])} tokens: choose another module"
                )
            if name not in writers:
                writers[name] = ActivationWriter(folder / name, name, values.shape[1], dtype=dtype)
            writers[name].append(values[masks[0]])

    try:
        blocks = sum(1 for _ in windows.batches())
        capture(network, sites, progress.track(batches(), "tokens", blocks), write)
        return {name: writers[name].finish() for name in names}
    except BaseException:
        for writer in writers.values():
            writer.discard()
        raise
