"""Owns the way from a study to expanded gates with measured scores; each site is encoded once for all of them."""

from collections.abc import Iterable, Mapping

from circuitlogic.features import FeatureId
from circuitlogic.logic.composition import compose
from circuitlogic.logic.gate import Gate
from circuitlogic.report.expansion import Expansion
from circuitlogic.stages.composed import HeldoutFeatures, Measure
from circuitlogic.study import Study


class Expander:
    """Expands gates of one study."""

    def __init__(self, study: Study, gates: Iterable[Gate], labels: Mapping[FeatureId, str]) -> None:
        self._gates = {gate.feature: gate for gate in gates}
        self._labels = labels
        self._measure = Measure(study, HeldoutFeatures(study))

    def of(self, feature: FeatureId, layers: int) -> Expansion:
        """The gate of `feature` over inputs up to `layers` back, measured at each depth that says something new.

        Raises:
            ConfigError: the gate has no formula.
            StudyError: an artefact is damaged.
            DataError: gates and activations do not belong together.
        """
        steps = [compose(feature, self._gates, depth) for depth in range(1, layers + 1)]
        scores = (self._measure.of(step) for step in steps)
        return Expansion(steps[-1], tuple(one for one in scores if one is not None), self._labels)
