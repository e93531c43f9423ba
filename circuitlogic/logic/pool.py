"""Owns the literals that a search considers: their effects by weight, and their association with the target."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray, Row
from circuitlogic.logic.formula import Literal
from circuitlogic.logic.kernels import Kernels
from circuitlogic.logic.tallies import Tally
from circuitlogic.logic.training import Training

_NEGLIGIBLE = 0.02
"""Inputs whose typical effect is below this share of the strongest are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The literals that a search considers."""

    literals: tuple[Literal, ...]
    at: tuple[tuple[int, int], ...]
    """Of each literal, its input's place in the row and its level."""
    effects: FloatArray
    associations: FloatArray

    def picked(self, order: list[int]) -> "Pool":
        """The literals at `order`, in that order."""
        return Pool(
            tuple(self.literals[i] for i in order),
            tuple(self.at[i] for i in order),
            self.effects[order],
            self.associations[order],
        )

    def places(self, shape: tuple[int, ...]) -> IntArray:
        """[inputs, levels] where each literal stands among these; -1: it does not."""
        found = np.full(shape, -1, dtype=np.int64)
        if self.at:
            found[tuple(zip(*self.at, strict=True))] = np.arange(len(self.at))
        return found


def everything_of(row: Row, training: Training, excluded: frozenset[FeatureId], loops: Kernels) -> Pool:
    """All literals with a noticeable effect; effects are signed as on what is sought."""
    effects, wanted = _effects(row, training)
    for source in excluded & training.at.keys():
        wanted[training.at[source]] = False
    strengths = np.abs(effects)
    wanted &= strengths >= _NEGLIGIBLE * strengths.max(initial=1e-30, where=wanted)
    kept = wanted.nonzero()
    at = tuple(zip(*(axis.tolist() for axis in kept), strict=True))
    literals = tuple(Literal(training.sources[i], level) for i, level in at)
    return Pool(literals, at, effects[kept], _associations(wanted, training, loops)[kept])


def _effects(row: Row, training: Training) -> tuple[FloatArray, BoolArray]:
    """[inputs, levels] the typical effect of each literal, and which literals there are: those that hold on fewer
    samples than the level below."""
    sizes, means = training.levels.sizes, training.levels.means
    there = sizes > 0
    there[:, 1:] &= sizes[:, 1:] < sizes[:, :-1]
    steps, below = np.zeros(means.shape), np.zeros(means.shape[0])
    for level in range(means.shape[1]):
        steps[:, level] = means[:, level] - below
        below = np.where(there[:, level], means[:, level], below)
    weights = -row.raw_weights if training.inverted else row.raw_weights
    return weights[:, None] * steps, there


def _associations(wanted: BoolArray, training: Training, loops: Kernels) -> FloatArray:
    """[inputs, levels] phi of each `wanted` literal with what is sought, among the samples with any of them on."""
    found = loops.overlap(training.inputs, training.levels.cuts, wanted, training.sought)
    on, both = training.levels.sizes.astype(np.float64), found.both.astype(np.float64)
    size, positive = float(found.samples), float(found.sought)
    spread = np.sqrt(np.maximum(on * (size - on) * positive * (size - positive), 0.0))
    return (both * size - on * positive) / np.maximum(spread, 1e-30) * (spread > 0)


def tally_of(pool: Pool, training: Training, loops: Kernels) -> Tally:
    """Training samples by the pool's literals; a sample is in doubt where one of their inputs is."""
    cuts = training.levels.cuts
    places = pool.places(cuts.shape)
    doubted = training.doubted & (places >= 0).any(axis=1)
    return loops.tally(training.inputs, cuts, places, doubted, training.sought.view(np.uint8))
