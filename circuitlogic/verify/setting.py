"""Owns one stretch of the original network in which features are edited and the true output is read again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.saes.rows import Rows
from circuitlogic.saes.single_feature import encoded_column
from circuitlogic.saes.statistics import Encoder
from circuitlogic.verify.literal_states import BoolArray, FloatArray, IntArray

MAX_SAMPLES = 64
"""Samples run per literal, direction and test, and per state."""

Rerun: TypeAlias = Callable[[Tensor, IntArray], Tensor]
"""(edited activations at the source site [n, d], their row numbers) -> activations at the target site [n, d']."""
Edit: TypeAlias = tuple[IntArray, Tensor]
"""Samples, and what to add to the source activation of each [n, d]."""


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """One stretch of the original network, from source to target site, on one split."""

    split: str
    activations: Rows
    """Of the source site."""
    decoder: Float[Tensor, "m d"]
    """Of the source dictionary, one row per feature."""
    encoder: Encoder
    """Of the target dictionary."""
    inputs: sp.csc_array
    """[samples, m] true source features, raw units."""
    outputs: sp.csc_array
    """[samples, m'] true target features, raw units."""
    rerun: Rerun

    @torch.no_grad()
    def outputs_after(self, edits: Sequence["Edit"], output: int) -> list[FloatArray]:
        """The true target feature `output` after each edit, all in one pass of the network."""
        rows = np.concatenate([rows for rows, _ in edits])
        change = torch.cat([change for _, change in edits])
        ends = np.cumsum([len(rows) for rows, _ in edits])[:-1]
        if not len(rows):
            return [np.zeros(0) for _ in edits]
        edited = torch.from_numpy(self.activations.rows(rows)).float() + change
        found = encoded_column(self.encoder, self.rerun(edited, rows), output)
        return np.split(found.double().numpy(), ends)


def as_long(directions: Tensor, change: Tensor) -> Tensor:
    """`directions` [n, d], each as long as that row of `change`."""
    return torch.nn.functional.normalize(directions, dim=1) * change.norm(dim=1, keepdim=True)


def average(values: FloatArray) -> float:
    """Mean; 0 of nothing."""
    return float(values.mean()) if values.size else 0.0


def share(values: BoolArray) -> float:
    """Share that is true; 0 of nothing."""
    return float(values.mean()) if values.size else 0.0


def spread(rows: IntArray) -> IntArray:
    """At most `MAX_SAMPLES` of `rows`, evenly spaced."""
    if len(rows) <= MAX_SAMPLES:
        return rows
    return rows[np.arange(MAX_SAMPLES) * len(rows) // MAX_SAMPLES]
