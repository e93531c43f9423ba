"""Owns how training and scoring see activations: as rows, whether they lie in memory or on disk."""

from collections.abc import Iterator
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.random import Generator
from torch import Tensor

from circuitlogic.activations.order import batched_rows
from circuitlogic.errors import DataError


@runtime_checkable
class Rows(Protocol):
    """Activation vectors by row number or in batches; an `ActivationStore` is one."""

    @property
    def d(self) -> int:
        """Components of a row."""
        ...

    def __len__(self) -> int: ...

    def rows(self, which: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n d"]:
        """Copies of the rows with these numbers."""
        ...

    def batches(
        self, batch_size: int, generator: Generator | None = None
    ) -> Iterator[Float[Tensor, "batch d"]]:
        """One pass, shuffled by `generator` or in order; the last batch may be smaller."""
        ...


Activations: TypeAlias = Float[Tensor, "_ _"] | Rows
"""Activation vectors as a tensor [n, d], an `ActivationStore`, or any other `Rows`."""


class TensorRows:
    """`Rows` of a tensor in memory."""

    def __init__(self, values: Float[Tensor, "n d"]) -> None:
        self._values = values.detach().to("cpu", torch.float32)

    @property
    def d(self) -> int:
        """Components of a row."""
        return self._values.shape[1]

    def __len__(self) -> int:
        return len(self._values)

    def rows(self, which: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n d"]:
        """Copies of the rows with these numbers."""
        return self._values.numpy()[which]

    def batches(
        self, batch_size: int, generator: Generator | None = None
    ) -> Iterator[Float[Tensor, "batch d"]]:
        """One pass, shuffled by `generator` or in order."""
        if generator is None:
            return iter(self._values.split(batch_size))
        order = batched_rows((len(self),), batch_size, generator)
        return (self._values[torch.from_numpy(numbers)] for numbers in order)


def rows_of(activations: Activations, name: str, d: int | None = None) -> Rows:
    """`activations` as rows; `name` says which in the error.

    Raises:
        DataError: there is no row or no component, or there are not `d` components.
    """
    found = TensorRows(activations) if isinstance(activations, Tensor) else activations
    if len(found) == 0 or found.d == 0:
        raise DataError(
            f"the {name} activations have shape ({len(found)}, {found.d}): give at least one row and column"
        )
    if d is not None and found.d != d:
        raise DataError(
            f"the {name} activations have {found.d} components instead of {d}: take those of one site"
        )
    return found
