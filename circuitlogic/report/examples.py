"""Owns the pictures of single features, taken from the study as they are asked for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitlogic.features import FeatureId
from circuitlogic.stages.feature_pictures import SiteExamples, load_examples
from circuitlogic.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class FeatureExamples:
    """What one feature likes."""

    images: NDArray[np.uint8]
    """[k, h, w], the strongest held-out examples, strongest first; k may be 0."""
    values: NDArray[np.float32]
    """[k], their activations, all positive."""
    rows: NDArray[np.int64]
    """[k], their row numbers in the held-out split."""
    optimised: NDArray[np.uint8]
    """[h, w], the input found by gradient ascent."""


def feature_examples(site: SiteExamples, index: int) -> FeatureExamples:
    """The pictures of the site's feature `index`, without places that hold no example."""
    there = site.values[index] > 0
    return FeatureExamples(
        site.images[index][there], site.values[index][there], site.rows[index][there], site.optimised[index]
    )


class ExampleBook:
    """Pictures of any feature of a study; sites are read once, when first asked for."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._sites: dict[str, SiteExamples | None] = {}

    def of(self, feature: FeatureId) -> FeatureExamples | None:
        """The feature's pictures; None if the study has none of it.

        Raises:
            StudyError: they are damaged.
        """
        if feature.site not in self._sites:
            self._sites[feature.site] = load_examples(self._study, feature.site)
        site = self._sites[feature.site]
        if site is None or feature.index >= len(site.values):
            return None
        return feature_examples(site, feature.index)
