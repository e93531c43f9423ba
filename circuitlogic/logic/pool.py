"""Owns the literals that a search considers: their effects by weight, and their association with the target."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray, Row
from circuitlogic.logic.formula import Literal
from circuitlogic.logic.kernels import Kernels
from circuitlogic.logic.tallies import Overlap, Tally
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
        for i, at in enumerate(self.at):
            found[at] = i
        return found


def everything_of(row: Row, training: Training, excluded: frozenset[FeatureId], loops: Kernels) -> Pool:
    """All literals with a noticeable effect; effects are signed as on what is sought."""
    at: list[tuple[int, int]] = []
    effects: list[float] = []
    flip = -1.0 if training.inverted else 1.0
    for i, (weight, own) in enumerate(zip(row.raw_weights.tolist(), training.levels, strict=True)):
        if training.sources[i] in excluded:
            continue
        below = 0.0
        for level, (size, mean) in enumerate(zip(own.sizes, own.means, strict=True)):
            if size and (level == 0 or size < own.sizes[level - 1]):
                at.append((i, level))
                effects.append(flip * weight * (mean - below))
                below = mean
    effect = np.asarray(effects, dtype=np.float64)
    keep = (np.abs(effect) >= _NEGLIGIBLE * np.abs(effect).max(initial=1e-30)).nonzero()[0]
    kept = tuple(at[i] for i in keep.tolist())
    literals = tuple(Literal(training.sources[i], level) for i, level in kept)
    return Pool(literals, kept, effect[keep], _associations(kept, training, loops))


def _associations(kept: tuple[tuple[int, int], ...], training: Training, loops: Kernels) -> FloatArray:
    """Phi of each literal with what is sought, among the samples on which any literal is on."""
    if not kept:
        return np.zeros(0)
    wanted: BoolArray = np.zeros(training.cuts.shape, dtype=np.bool_)
    places = tuple(np.array(kept).T)
    wanted[places] = True
    found: Overlap = loops.overlap(training.inputs, training.cuts, wanted, training.sought)
    on = np.array([training.levels[i].sizes[level] for i, level in kept], dtype=np.float64)
    size, positive, both = float(found.samples), float(found.sought), found.both[places].astype(np.float64)
    spread = np.sqrt(on * (size - on) * positive * (size - positive))
    return (both * size - on * positive) / np.maximum(spread, 1e-30) * (spread > 0)


def tally_of(pool: Pool, training: Training, loops: Kernels) -> Tally:
    """Training samples by the pool's literals; a sample is in doubt where one of their inputs is."""
    doubted: BoolArray = np.zeros(len(training.sources), dtype=np.bool_)
    for i, _ in pool.at:
        doubted[i] = training.doubted(i)
    places = pool.places(training.cuts.shape)
    return loops.tally(training.inputs, training.cuts, places, doubted, training.sought.view(np.uint8))
