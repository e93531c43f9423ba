"""Reads many rows, in this process or shared among several; the gates do not depend on how many."""

import gc
import multiprocessing
import tempfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import scipy.sparse as sp

from circuitlogic.extract.row_activity import Edges, SiteFeatures, Split, SplitReader
from circuitlogic.logic.activity import IntArray, ReadingOptions
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.levels import SharedLevels
from circuitlogic.logic.reading import read_checked
from circuitlogic.progress import Progress

_CHUNK = 64
"""Rows that a process takes at a time."""
_WORTH = 256
"""Rows below which compiling, or starting a process, costs more than it saves."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """All that reading the rows of one connector takes."""

    edges: Edges
    train: Split
    heldout: Split
    options: ReadingOptions


class RowReader:
    """Reads rows of one connector one after another; what they share is measured once."""

    def __init__(self, rows: Rows) -> None:
        """Buffers for both splits.

        Raises:
            DataError: edges or activations make no sense.
        """
        rows.edges.check()
        for split in (rows.train, rows.heldout):
            split.check()
        self._edges, self._options = rows.edges, rows.options
        compiled = rows.options.compiled
        self._train = SplitReader(rows.train, SharedLevels(rows.train.source.matrix), compiled)
        self._heldout = SplitReader(rows.heldout, compiled=compiled)

    def read(self, index: int) -> Gate:
        """The gate of one output feature."""
        row = self._edges.row(index)
        return read_checked(row, self._train.activity(row), self._heldout.activity(row), self._options)


@contextmanager
def settled_memory() -> Generator[None]:
    """What is there before rows are read stays: nobody looks through it, again and again, for circles to free.

    Reading leaves none, and makes so many parts of gates that the search for them is a twentieth of the time.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def read_rows(
    rows: Rows, indices: IntArray, description: str, progress: Progress, jobs: int
) -> tuple[Gate, ...]:
    """The gates of the output features `indices`, in their order, read by at most `jobs` processes."""
    wanted: Sequence[int] = indices.tolist()
    if len(wanted) >= _WORTH:
        rows = replace(rows, options=replace(rows.options, compiled=True))
    jobs = min(jobs, max(1, len(wanted) // _WORTH))
    read: Iterable[Gate] = map(RowReader(rows).read, wanted) if jobs == 1 else _shared(rows, wanted, jobs)
    with settled_memory():
        return tuple(progress.track(read, description, len(wanted)))


def _shared(rows: Rows, wanted: Sequence[int], jobs: int) -> Iterator[Gate]:
    """The same from other processes, which map the features from a temporary folder instead of copying them."""
    with tempfile.TemporaryDirectory(prefix="circuitlogic-") as folder:
        ends = (rows.train.source, rows.train.target, rows.heldout.source, rows.heldout.target)
        stored = [_Stored.of(end, Path(folder) / str(i)) for i, end in enumerate(ends)]
        start = (rows.edges, stored, (rows.train.documents, rows.heldout.documents), rows.options)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, context, _Worker.start, start) as pool:
            try:
                yield from pool.map(_Worker.read, wanted, chunksize=_CHUNK)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@dataclass(frozen=True, slots=True)
class _Stored:
    """Features of one site and split in files."""

    site: str
    shape: tuple[int, int]
    folder: Path

    @classmethod
    def of(cls, features: SiteFeatures, folder: Path) -> "_Stored":
        """Write `features` to `folder`."""
        folder.mkdir()
        matrix = features.matrix
        for name, part in (("data", matrix.data), ("indices", matrix.indices), ("indptr", matrix.indptr)):
            np.save(folder / f"{name}.npy", part, allow_pickle=False)
        return cls(features.site, cast("tuple[int, int]", matrix.shape), folder)

    def mapped(self) -> SiteFeatures:
        """The features, read from the files where they are looked at."""
        parts = (
            np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("data", "indices", "indptr")
        )
        return SiteFeatures(self.site, sp.csc_array(tuple(parts), shape=self.shape, copy=False))


class _Worker:
    """What a process that reads rows keeps between them."""

    reader: ClassVar[RowReader]

    @classmethod
    def start(
        cls,
        edges: Edges,
        stored: "list[_Stored]",
        documents: tuple[IntArray | None, IntArray | None],
        options: ReadingOptions,
    ) -> None:
        """Open the features of the source and the target on training samples, then on held-out ones."""
        a, b, c, d = (end.mapped() for end in stored)
        cls.reader = RowReader(Rows(edges, Split(a, b, documents[0]), Split(c, d, documents[1]), options))
        gc.freeze()  # as `settled_memory`, for as long as the process lives

    @classmethod
    def read(cls, index: int) -> Gate:
        """One row."""
        return cls.reader.read(index)
