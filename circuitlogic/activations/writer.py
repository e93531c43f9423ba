"""Writing one site's activations to disk, shard by shard."""

from pathlib import Path
from types import TracebackType

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.activations.index import SCHEMA, Index, remove_store, shard_path, write_index
from circuitlogic.activations.shard import DtypeName, Matrix, ShardWriter
from circuitlogic.activations.store import ActivationStore
from circuitlogic.errors import ConfigError, DataError

DEFAULT_SHARD_ROWS = 65536


class ActivationWriter:
    """Writes one site's activations; a `with` block that fails leaves nothing behind."""

    def __init__(
        self,
        folder: Path,
        site: str,
        d: int,
        shard_rows: int = DEFAULT_SHARD_ROWS,
        dtype: DtypeName = "float32",
    ) -> None:
        """Start a store in `folder`; an older store there is removed.

        Raises:
            ConfigError: `shard_rows` is below 1.
        """
        if shard_rows < 1:
            raise ConfigError(f"{shard_rows} rows per shard are too few: give at least 1")
        self._folder = folder
        self._site = site
        self._d = d
        self._shard_rows = shard_rows
        self._dtype: DtypeName = dtype
        self._finished: list[int] = []
        self._shard: ShardWriter | None = None
        folder.mkdir(parents=True, exist_ok=True)
        remove_store(folder)

    def append(self, rows: Float[Tensor, "rows d"]) -> None:
        """Add rows at the end.

        Raises:
            DataError: they have another width, are not finite, or do not fit the dtype.
        """
        if rows.shape[1] != self._d:
            raise DataError(
                f"site {self._site!r}: rows of {rows.shape[1]} components after rows of {self._d}: "
                "all must have one width"
            )
        with np.errstate(over="ignore"):
            values = rows.detach().to(device="cpu", dtype=torch.float32).numpy().astype(self._dtype)
        self._check_finite(values)
        while len(values):
            shard = self._shard or self._open_shard()
            room = self._shard_rows - shard.rows
            shard.append(values[:room])
            values = values[room:]
            if shard.rows == self._shard_rows:
                self._close_shard(shard)

    def finish(self) -> "ActivationStore":
        """Write what is left and the index, and open the store.

        Raises:
            DataError: no rows were added.
        """
        if self._shard is not None:
            self._close_shard(self._shard)
        if not self._finished:
            raise DataError(f"site {self._site!r}: there are no activations to store")
        index = Index(schema=SCHEMA, site=self._site, d=self._d, dtype=self._dtype, shard_rows=self._finished)
        write_index(self._folder, index)
        return ActivationStore.open(self._folder)

    def discard(self) -> None:
        """Remove everything that was written."""
        if self._shard is not None:
            self._shard.discard()
            self._shard = None
        remove_store(self._folder)

    def __enter__(self) -> "ActivationWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
            return
        try:
            self.finish()
        except BaseException:
            self.discard()
            raise

    def _check_finite(self, values: Matrix) -> None:
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if bad.size:
            at = sum(self._finished) + (self._shard.rows if self._shard else 0) + int(bad[0])
            raise DataError(
                f"site {self._site!r}: the activation of sample {at} is not finite as {self._dtype}"
                + (": store it as float32" if self._dtype == "float16" else "")
            )

    def _open_shard(self) -> ShardWriter:
        self._shard = ShardWriter(shard_path(self._folder, len(self._finished)), self._d, self._dtype)
        return self._shard

    def _close_shard(self, shard: ShardWriter) -> None:
        shard.finish()
        self._finished.append(shard.rows)
        self._shard = None
