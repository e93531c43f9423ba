"""What one connector row needs of its sites' features: the samples on which any of them is active, and no
others."""

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import scipy.sparse as sp

from circuitlogic.errors import DataError
from circuitlogic.extract.listing import Lister, Listing
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, FloatArray, IntArray, Row
from circuitlogic.logic.columns import column_of
from circuitlogic.logic.levels import SharedLevels


@dataclass(frozen=True, slots=True, eq=False)
class SiteFeatures:
    """True features of one site on one split, raw units, sparse by column."""

    site: str
    matrix: sp.csc_array
    """[samples, features], float64."""

    def check(self) -> None:
        """Refuse what is no activation.

        Raises:
            DataError: a number is not finite.
        """
        if not np.isfinite(self.matrix.data).all():
            raise DataError(f"activations of {self.site} are not all finite")

    def column(self, index: int) -> FloatArray:
        """One feature on every sample."""
        values, where = column_of(self.matrix, index)
        found = np.zeros(self.samples)
        found[where] = values
        return found

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return cast("tuple[int, int]", self.matrix.shape)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Source and target features of one connector on one split."""

    source: SiteFeatures
    target: SiteFeatures
    documents: IntArray | None = None
    """[samples] document of each token, for the bootstrap; None where samples are independent."""

    def check(self) -> None:
        """Refuse what does not belong together.

        Raises:
            DataError: a number is not finite, or the parts differ in their samples.
        """
        self.source.check()
        self.target.check()
        named = 0 if self.documents is None else self.documents.size - self.source.samples
        if named or self.source.samples != self.target.samples:
            raise DataError(f"activations of {self.source.site} and {self.target.site} are of other samples")


_feature = lru_cache(maxsize=65536)(FeatureId)
"""A feature's name, which many rows share."""


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """A thresholded connector by rows, as plain arrays: what another process can be sent."""

    source: str
    target: str
    raw: sp.csr_array
    """[n_out, n_in] the connector's entries, each input once in a row, in order."""
    unit: FloatArray
    """The same entries in the same order, between unit-scale features."""
    bias: FloatArray
    source_scales: FloatArray
    target_scales: FloatArray

    def check(self) -> None:
        """Refuse what is no connector.

        Raises:
            DataError: entries are out of order, or a number is not finite.
        """
        if not self.raw.has_canonical_format:
            raise DataError(f"edges into {self.target}: the inputs of a row are out of order or given twice")
        if not all(np.isfinite(part).all() for part in (self.raw.data, self.unit, self.bias)):
            raise DataError(f"edges into {self.target} are not all finite")

    def row(self, index: int) -> Row:
        """One output feature with its edges."""
        span = slice(int(self.raw.indptr[index]), int(self.raw.indptr[index + 1]))
        sources = np.asarray(self.raw.indices[span], dtype=np.int64)
        return Row(
            feature=FeatureId(self.target, index),
            sources=tuple(_feature(self.source, i) for i in sources.tolist()),
            weights=self.unit[span],
            raw_weights=np.asarray(self.raw.data[span], dtype=np.float64),
            bias=float(self.bias[index]),
            scale=float(self.target_scales[index]),
            source_scales=self.source_scales[sources],
        )


def listing(compiled: bool, samples: int) -> Listing:
    """The compiled form where it is wanted and Numba is there, else the plain one."""
    if not compiled:
        return Lister(samples)
    try:
        from circuitlogic.extract.compiled_listing import list_samples
    except ImportError:
        return Lister(samples)
    return list_samples


class SplitReader:
    """Cuts rows out of a split."""

    def __init__(self, split: Split, levels: SharedLevels | None = None, compiled: bool = False) -> None:
        """`levels`: of the source features on training samples."""
        self.split = split
        self.levels = levels
        self._list = listing(compiled, split.source.samples)

    def activity(self, row: Row) -> Activity:
        """What the row's inputs, its true output and the row did, where any input or the output is active."""
        split = self.split
        sources = np.array([source.index for source in row.sources], dtype=np.int64)
        output = column_of(split.target.matrix, row.feature.index)
        found = self._list(split.source.matrix, sources, row.raw_weights, row.bias, output)
        return Activity(
            inputs=found.inputs,
            target=found.target,
            predicted=found.predicted,
            groups=split.documents,
            listed=found.samples,
            silent=split.source.samples - found.samples.size,
            resting=max(row.bias, 0.0),
            levels=None if self.levels is None else (self.levels, sources),
            active=output[0],
        )
