"""Owns the literals that a search considers, by name."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import FloatArray, ReadingOptions, Row
from circuitlogic.logic.formula import Literal
from circuitlogic.logic.surveys import Candidates, Ground
from circuitlogic.logic.training import Training

_BY_DATA = 10


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The literals that a search considers."""

    literals: tuple[Literal, ...]
    candidates: Candidates

    @classmethod
    def of(cls, candidates: Candidates, training: Training) -> "Pool":
        """`candidates` with their names."""
        at, sources = candidates.at.tolist(), training.sources
        return cls(tuple(Literal(sources[i], level) for i, level in at), candidates)

    @property
    def effects(self) -> FloatArray:
        """[literals] signed as on what is sought."""
        return self.candidates.effects

    @property
    def associations(self) -> FloatArray:
        """[literals] phi with what is sought."""
        return self.candidates.associations


def ground_of(
    row: Row, training: Training, options: ReadingOptions, excluded: frozenset[FeatureId]
) -> Ground:
    """What a survey is made on, without inputs in `excluded`."""
    allowed = np.ones(len(training.sources), dtype=np.bool_)
    for source in excluded:
        if source in training.at:
            allowed[training.at[source]] = False
    weights = -row.raw_weights if training.inverted else row.raw_weights
    return Ground(
        training.inputs,
        training.levels,
        weights,
        training.sought,
        allowed,
        training.doubted,
        training.silent,
        options.candidates,
        _BY_DATA,
    )
