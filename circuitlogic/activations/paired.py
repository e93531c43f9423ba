"""Several sites together: capturing them to disk, and reading the same rows of each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.random import Generator
from torch import Tensor, nn

from circuitlogic.activations.capture import capture
from circuitlogic.activations.index import remove_store
from circuitlogic.activations.order import batched_rows
from circuitlogic.activations.shard import DtypeName
from circuitlogic.activations.sites import find_sites
from circuitlogic.activations.store import ActivationStore
from circuitlogic.activations.writer import DEFAULT_SHARD_ROWS, ActivationWriter
from circuitlogic.errors import ConfigError, StudyError
from circuitlogic.progress import SILENT, Progress

OUTPUTS = "outputs"
"""Name under which the original network's outputs are stored beside its activations."""
INPUTS = "inputs"
"""Name under which the inputs are stored, for networks that cannot resume from a site."""


class PairedActivations:
    """Stores of several sites in which row r belongs to the same sample everywhere."""

    def __init__(self, stores: Mapping[str, ActivationStore]) -> None:
        """Pair `stores`, by site name.

        Raises:
            ConfigError: there are none.
            StudyError: they have different numbers of rows.
        """
        if not stores:
            raise ConfigError("no sites are given: name at least one")
        self.stores = dict(stores)
        first, *others = self.stores
        for other in others:
            if len(self.stores[other]) != len(self.stores[first]):
                raise StudyError(
                    f"the activations of {first!r} and {other!r} have {len(self.stores[first])} and "
                    f"{len(self.stores[other])} rows: capture them together"
                )

    @classmethod
    def open(cls, folder: Path, names: Sequence[str]) -> "PairedActivations":
        """Open what `capture_to_disk` wrote for these site names.

        Raises:
            StudyError: a store is missing or damaged, or they are not paired.
        """
        return cls({name: ActivationStore.open(folder / name) for name in names})

    @property
    def sites(self) -> tuple[str, ...]:
        """Site names, in the order given."""
        return tuple(self.stores)

    def __len__(self) -> int:
        return len(next(iter(self.stores.values())))

    def rows(self, which: slice | Int[np.ndarray, " n"]) -> dict[str, Float[np.ndarray, "n _"]]:
        """The rows with these numbers, by site."""
        return {name: store.rows(which) for name, store in self.stores.items()}

    def batches(
        self, batch_size: int, generator: Generator | None = None
    ) -> Iterator[dict[str, Float[Tensor, "batch _"]]]:
        """One pass over all rows, shuffled alike at every site; the last batch may be smaller."""
        layout = next(iter(self.stores.values())).shard_rows
        for numbers in batched_rows(layout, batch_size, generator):
            yield {name: torch.from_numpy(values) for name, values in self.rows(numbers).items()}


def capture_to_disk(
    network: nn.Module,
    sites: Sequence[str],
    batches: Iterable[Tensor],
    folder: Path,
    *,
    shard_rows: int = DEFAULT_SHARD_ROWS,
    dtype: DtypeName = "float32",
    inputs_as: str | None = None,
    outputs_as: str | None = None,
    progress: Progress = SILENT,
) -> dict[str, ActivationStore]:
    """Capture `sites` into `folder/SITE NAME/`, replacing what is there; no store is left where it fails.

    With `inputs_as` / `outputs_as` the network's own inputs and outputs are stored under these names too.

    Raises:
        ConfigError, UnknownNameError, DataError: as `capture`; also a value too large for float16.
    """
    names = [site.name for site in find_sites(network, sites)]
    names += [name for name in (inputs_as, outputs_as) if name is not None]
    for name in names:
        remove_store(folder / name)
    writers: dict[str, ActivationWriter] = {}

    def write(rows: Mapping[str, Tensor]) -> None:
        for name, values in rows.items():
            if name not in writers:
                writers[name] = ActivationWriter(folder / name, name, values.shape[1], shard_rows, dtype)
            writers[name].append(values)

    try:
        capture(network, sites, batches, write, inputs_as=inputs_as, outputs_as=outputs_as, progress=progress)
        return {name: writers[name].finish() for name in names}
    except BaseException:
        for writer in writers.values():
            writer.discard()
        raise
