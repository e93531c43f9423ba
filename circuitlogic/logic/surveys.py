"""Owns the choice of the literals that a search considers, and the states they were seen in: the plain form, which
defines it."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import Columns
from circuitlogic.logic.levels import Levels
from circuitlogic.logic.states import Silent, States, tallied
from circuitlogic.logic.tallies import DOUBTED, FLAGS, Tally, tally

NEGLIGIBLE = 0.02
"""Literals whose typical effect is below this share of the strongest are left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What training data say about the inputs of a row."""

    inputs: Columns
    levels: Levels
    weights: FloatArray
    """[inputs] signed as on what is sought."""
    sought: BoolArray
    """[N] what the formula has to explain."""
    allowed: BoolArray
    """[inputs] those that a formula may use."""
    doubted: BoolArray
    """[inputs] those that are on some samples neither on nor off."""
    silent: Silent
    by_weight: int
    """Literals considered for the strength of their effect, and more for their association with what is sought."""
    by_data: int


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Literals with what speaks for them."""

    at: IntArray
    """[literals, 2] input and level of each."""
    effects: FloatArray
    """[literals] the typical effect of each being on."""
    associations: FloatArray
    """[literals] phi with what is sought, among the samples on which any literal is on."""

    def picked(self, order: IntArray) -> "Candidates":
        """The literals at `order`, in that order."""
        return Candidates(self.at[order], self.effects[order], self.associations[order])

    def places(self, shape: tuple[int, ...]) -> IntArray:
        """[inputs, levels] where each literal stands among these; -1: it does not."""
        found = np.full(shape, -1, dtype=np.int64)
        found[self.at[:, 0], self.at[:, 1]] = np.arange(self.effects.size)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """The literals that a search considers, strongest effect first, and their states."""

    candidates: Candidates
    keys: IntArray
    """[N] the key of each sample: see `tallies.Tally`."""
    every: States
    """Of all samples."""
    clear: States
    """Of the samples without a literal in doubt."""


def survey(ground: Ground) -> Survey:
    """The literals with the strongest effects and those most associated, and what was seen of them."""
    every = everything(ground)
    candidates = every.picked(_strongest(every, ground.by_weight, ground.by_data))
    cuts = ground.levels.cuts
    places = candidates.places(cuts.shape)
    doubted = ground.doubted & (places >= 0).any(axis=1)
    counted = tally(ground.inputs, cuts, places, doubted, ground.sought.view(np.uint8))
    literals, clear = candidates.effects.size, (counted.keys & DOUBTED) == 0
    return Survey(
        candidates,
        counted.of,
        _states(counted, clear | True, literals, ground.silent),
        _states(counted, clear, literals, ground.silent),
    )


def _states(counted: Tally, kept: BoolArray, literals: int, silent: Silent) -> States:
    keys, sizes = counted.keys[kept], counted.sizes[kept]
    return tallied(keys >> FLAGS, sizes, sizes * (keys & 1), literals, silent)


def _strongest(every: Candidates, by_weight: int, by_data: int) -> IntArray:
    weighty = np.argsort(-np.abs(every.effects), kind="stable")
    telling = np.argsort(-np.abs(every.associations), kind="stable")
    chosen = np.zeros(weighty.size, dtype=np.bool_)
    chosen[weighty[:by_weight]] = True
    chosen[telling[:by_data]] = True
    return weighty[chosen[weighty]]


def everything(ground: Ground) -> Candidates:
    """All literals with a noticeable effect."""
    effects, wanted = _effects(ground)
    strengths = np.abs(effects)
    wanted &= ground.allowed[:, None]
    wanted &= strengths >= NEGLIGIBLE * strengths.max(initial=1e-30, where=wanted)
    phi = _associations(ground, wanted)
    return Candidates(np.argwhere(wanted), effects[wanted], phi[wanted])


def _effects(ground: Ground) -> tuple[FloatArray, BoolArray]:
    """[inputs, levels] the typical effect of each literal, and which literals there are: those that hold on fewer
    samples than the level below."""
    sizes, means = ground.levels.sizes, ground.levels.means
    there = sizes > 0
    there[:, 1:] &= sizes[:, 1:] < sizes[:, :-1]
    steps, below = np.zeros(means.shape), np.zeros(means.shape[0])
    for level in range(means.shape[1]):
        steps[:, level] = means[:, level] - below
        below = np.where(there[:, level], means[:, level], below)
    return ground.weights[:, None] * steps, there


def _associations(ground: Ground, wanted: BoolArray) -> FloatArray:
    """[inputs, levels] phi of each `wanted` literal."""
    inputs, cuts, sought = ground.inputs, ground.levels.cuts, ground.sought
    lengths, hits = np.diff(inputs.indptr), sought[inputs.indices]
    support: BoolArray = np.zeros(sought.shape[0], dtype=np.bool_)
    both = np.zeros(cuts.shape)
    for level in range(cuts.shape[1]):
        on = inputs.data > np.repeat(np.where(wanted[:, level], cuts[:, level], np.inf), lengths)
        support[inputs.indices[on]] = True
        both[:, level] = np.diff(np.concatenate(([0], np.cumsum(on & hits)))[inputs.indptr])
    on, size = ground.levels.sizes.astype(np.float64), float(np.count_nonzero(support))
    positive = float(np.count_nonzero(sought & support))
    spread = np.sqrt(np.maximum(on * (size - on) * positive * (size - positive), 0.0))
    return (both * size - on * positive) / np.maximum(spread, 1e-30) * (spread > 0)
