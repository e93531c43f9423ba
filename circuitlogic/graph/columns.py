"""The flat columns a feature graph is made of: edges, node attributes, and text without pickle or padding.

A *node number* counts features over all sites: the site's offset plus the feature's index.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import DataError

IntArray: TypeAlias = NDArray[np.integer[Any]]
RealArray: TypeAlias = NDArray[np.floating[Any]]
BoolArray: TypeAlias = NDArray[np.bool_]
ByteArray: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class EdgeArrays:
    """Edges as parallel columns, each of shape [edges]."""

    source: IntArray
    """Node number of the input feature."""
    target: IntArray
    """Node number of the output feature."""
    weight: RealArray
    """Weight between unit-scale features."""
    raw_weight: RealArray
    """The connector's own entry."""

    def __post_init__(self) -> None:
        """Refuse columns that do not belong together.

        Raises:
            DataError: the columns are not all of one length.
        """
        shapes = {column.shape for column in (self.source, self.target, self.weight, self.raw_weight)}
        if shapes != {(self.source.size,)}:
            raise DataError(f"edge columns must be flat and of one length, got shapes {sorted(shapes)}")

    def __len__(self) -> int:
        return self.source.size

    def where(self, keep: BoolArray | IntArray) -> "EdgeArrays":
        """Only the edges that the mask or the positions `keep` name."""
        return type(self)(self.source[keep], self.target[keep], self.weight[keep], self.raw_weight[keep])

    def shifted(self, source: int, target: int) -> "EdgeArrays":
        """With `source` and `target` added to the ends: turns one connector's indices into node numbers."""
        return type(self)(self.source + source, self.target + target, self.weight, self.raw_weight)

    @classmethod
    def empty(cls) -> "EdgeArrays":
        """No edges."""
        nodes, weights = np.zeros(0, np.int64), np.zeros(0, np.float32)
        return cls(nodes, nodes, weights, weights)

    @classmethod
    def concatenate(cls, parts: Iterable["EdgeArrays"]) -> "EdgeArrays":
        """The edges of all `parts`, in order."""
        whole = [cls.empty(), *parts]
        return cls(
            np.concatenate([part.source for part in whole]),
            np.concatenate([part.target for part in whole]),
            np.concatenate([part.weight for part in whole]),
            np.concatenate([part.raw_weight for part in whole]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class TextColumn:
    """Strings kept as one UTF-8 run and its cuts, so that opening a graph decodes none of them."""

    characters: ByteArray
    """All strings behind each other, UTF-8, shape [bytes]."""
    cuts: IntArray
    """String i is `characters[cuts[i]:cuts[i + 1]]`; shape [strings + 1]."""

    def __len__(self) -> int:
        return self.cuts.size - 1

    def __getitem__(self, index: int) -> str:
        start, stop = int(self.cuts[index]), int(self.cuts[index + 1])
        return self.characters[start:stop].tobytes().decode("utf-8", errors="replace") if stop > start else ""

    def take(self, indices: IntArray) -> list[str]:
        """The strings at `indices`."""
        return [self[index] for index in indices.tolist()]

    def filled(self) -> IntArray:
        """Positions of the strings that are not empty."""
        return np.flatnonzero(np.diff(self.cuts))

    @classmethod
    def of(cls, strings: Sequence[str]) -> "TextColumn":
        """Store `strings`.

        Raises:
            DataError: one of them holds half a surrogate pair, which no file format can carry.
        """
        try:
            parts = [text.encode("utf-8") for text in strings]
        except UnicodeEncodeError as error:
            raise DataError(f"not a text: {error.object!r:.60} holds a lone surrogate") from error
        cuts = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=cuts[1:])
        return cls(np.frombuffer(b"".join(parts), np.uint8), cuts)


@dataclass(frozen=True, slots=True, eq=False)
class NodeColumns:
    """What is known of each feature beyond its edges; row = node number."""

    label: TextColumn
    """A person's or a tool's name for the feature, empty if it has none. Hostile text: escape it."""
    kind: TextColumn
    """Name of the gate kind the feature was read as, empty if it was not read."""
    firing_rate: RealArray
    """Share of training samples on which the feature fires; NaN = unknown."""
    scale: RealArray
    """Mean activation where it fires, raw units; NaN = unknown."""
    bias: RealArray
    """The connector's bias for the feature, unit scale; NaN = unknown, as everywhere at the first site."""
    fidelity: RealArray
    """F1 of the gate's formula on held-out data; NaN = unknown."""

    def __post_init__(self) -> None:
        """Refuse columns that do not belong together.

        Raises:
            DataError: the columns differ in length, or hold an infinite number.
        """
        lengths = [len(self.label), len(self.kind)]
        lengths += [column.size for column in (self.firing_rate, self.scale, self.bias, self.fidelity)]
        if len(set(lengths)) > 1:
            raise DataError(f"node columns must be of one length, got {lengths}")
        for name, column in self.numbers().items():
            if np.isinf(column).any():
                raise DataError(f"{name} of node {int(np.argmax(np.isinf(column)))} is infinite")

    def __len__(self) -> int:
        return len(self.label)

    def numbers(self) -> dict[str, RealArray]:
        """The columns that hold numbers, by the attribute they become."""
        return {name: getattr(self, name) for name in ("firing_rate", "scale", "bias", "fidelity")}

    @classmethod
    def of(
        cls,
        nodes: int,
        label: Sequence[str] | None = None,
        kind: Sequence[str] | None = None,
        firing_rate: RealArray | None = None,
        scale: RealArray | None = None,
        bias: RealArray | None = None,
        fidelity: RealArray | None = None,
    ) -> "NodeColumns":
        """Columns for `nodes` features; what is left out is unknown."""
        return cls(
            TextColumn.of([""] * nodes if label is None else label),
            TextColumn.of([""] * nodes if kind is None else kind),
            _numbers(firing_rate, nodes),
            _numbers(scale, nodes),
            _numbers(bias, nodes),
            _numbers(fidelity, nodes),
        )


def _numbers(column: RealArray | None, nodes: int) -> NDArray[np.float64]:
    return np.full(nodes, np.nan) if column is None else column.astype(np.float64)
