"""Reading one site's activations back from disk, by row number or in batches."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.random import Generator
from torch import Tensor

from circuitlogic.activations.index import Index, read_index, shard_path
from circuitlogic.activations.order import batched_rows
from circuitlogic.activations.shard import Matrix, check_shard, map_shard

_MAPS_KEPT = 64


class ActivationStore:
    """One site's activations, read from disk as needed; rows come out as float32."""

    def __init__(self, folder: Path, index: Index) -> None:
        """Use `ActivationStore.open`."""
        self.folder = folder
        self.index = index
        self._offsets = [
            check_shard(shard_path(folder, number), rows, index.d, index.dtype)
            for number, rows in enumerate(index.shard_rows)
        ]
        self._ends: Int[np.ndarray, " shards"] = np.cumsum(index.shard_rows)
        self._maps: dict[int, Matrix] = {}

    @classmethod
    def open(cls, folder: Path) -> "ActivationStore":
        """Open a finished store; row counts and byte sizes of all shards are checked.

        Raises:
            StudyError: the index or a shard is missing, damaged, or does not fit.
        """
        return cls(folder, read_index(folder))

    @property
    def site(self) -> str:
        """The site's name."""
        return self.index.site

    @property
    def d(self) -> int:
        """Components of an activation vector."""
        return self.index.d

    @property
    def shard_rows(self) -> tuple[int, ...]:
        """Number of rows of each shard."""
        return tuple(self.index.shard_rows)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def rows(self, which: slice | Int[np.ndarray, " n"]) -> Float[np.ndarray, "n d"]:
        """A float32 copy of the rows with these numbers, in that order; negative numbers count from the end.

        Raises:
            IndexError: a number is out of range.
        """
        if isinstance(which, slice):
            return self._gather(np.arange(*which.indices(len(self)), dtype=np.int64))
        numbers = which.astype(np.int64)
        numbers = np.where(numbers < 0, numbers + len(self), numbers)
        if numbers.size and not 0 <= int(numbers.min()) <= int(numbers.max()) < len(self):
            raise IndexError(f"site {self.site!r} has rows 0..{len(self) - 1}: a row number is out of range")
        return self._gather(numbers)

    def as_array(self) -> Float[np.ndarray, "n d"]:
        """All rows as float32: a read-only memory map where one float32 shard holds them, else a copy."""
        if self._is_one_map:
            return self._shard(0)
        return self.rows(slice(None))

    def as_tensor(self) -> Float[Tensor, "n d"]:
        """As `as_array`, for torch; what is written into it never reaches the file."""
        return torch.from_numpy(self._map(0, "c") if self._is_one_map else self.as_array())

    def batches(
        self, batch_size: int, generator: Generator | None = None
    ) -> Iterator[Float[Tensor, "batch d"]]:
        """One pass over all rows, shuffled by `generator` or as stored; the last batch may be smaller."""
        order = batched_rows(self.shard_rows, batch_size, generator)
        return (torch.from_numpy(self.rows(numbers)) for numbers in order)

    def _gather(self, numbers: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n d"]:
        out = np.empty((len(numbers), self.d), dtype=np.float32)
        home = np.searchsorted(self._ends, numbers, side="right")
        for shard in np.unique(home):
            here = home == shard
            start = self._ends[shard] - self.index.shard_rows[shard]
            out[here] = self._shard(int(shard))[numbers[here] - start]
        return out

    @property
    def _is_one_map(self) -> bool:
        return len(self._offsets) == 1 and self.index.dtype == "float32"

    def _shard(self, number: int) -> Matrix:
        """The shard's read-only map; each one kept holds a file open, so not all are."""
        if number not in self._maps:
            if len(self._maps) >= _MAPS_KEPT:
                self._maps.clear()
            self._maps[number] = self._map(number, "r")
        return self._maps[number]

    def _map(self, number: int, mode: Literal["r", "c"]) -> Matrix:
        path = shard_path(self.folder, number)
        rows = self.index.shard_rows[number]
        return map_shard(path, rows, self.d, self.index.dtype, self._offsets[number], mode)
