"""Scores of composed formulas: evaluated on the deepest features alone, against the true feature at the top."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from circuitlogic.errors import DataError
from circuitlogic.extract.row_activity import SiteFeatures
from circuitlogic.features import FeatureId
from circuitlogic.logic.bootstrap import Resampling, f1_interval
from circuitlogic.logic.composition import Composition
from circuitlogic.logic.formula import evaluate
from circuitlogic.logic.gate import Interval
from circuitlogic.logic.scores import count


@dataclass(frozen=True, slots=True)
class ComposedScores:
    """What a composed formula predicts of the feature it is about."""

    layers: int
    samples: int
    support: int
    """Samples on which the true feature fires."""
    said: int
    """Samples on which the formula says that it does."""
    precision: float
    recall: float
    f1: float
    f1_interval: Interval
    """Poisson bootstrap over samples."""
    mcc: float


def composed_scores(
    composition: Composition, sites: Mapping[str, SiteFeatures], bootstrap: int, seed: int
) -> ComposedScores:
    """Evaluate the formula on true features of one split.

    Args:
        composition: What to score.
        sites: True features of the gate's own site and of every site that its literals are from.
        bootstrap: Resamples for the interval.
        seed: Of the resamples.

    Raises:
        DataError: a site is missing, or has fewer features than the formula speaks of.
    """
    gate = composition.gates[0]
    true = column_of(gate.feature, sites) > gate.threshold
    on = {literal: column_of(literal.feature, sites) > cut for literal, cut in composition.thresholds.items()}
    said = evaluate(composition.formula, on, true.size)
    scored = count(said, true)
    return ComposedScores(
        layers=composition.layers,
        samples=int(true.size),
        support=scored.hits + scored.missed,
        said=scored.hits + scored.false,
        precision=scored.precision,
        recall=scored.recall,
        f1=scored.f1,
        f1_interval=f1_interval(said, true, None, Resampling(bootstrap, seed, gate.feature.index)),
        mcc=scored.mcc,
    )


def column_of(feature: FeatureId, sites: Mapping[str, SiteFeatures]) -> np.ndarray:
    """One feature's activations.

    Raises:
        DataError: its site is missing or has fewer features.
    """
    site = sites.get(feature.site)
    shape = None if site is None else cast("tuple[int, int]", site.matrix.shape)
    if site is None or shape is None or feature.index >= shape[1]:
        raise DataError(f"there are no activations of {feature}: the gates are of another study")
    return site.column(feature.index)
