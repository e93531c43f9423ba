"""Owns what a study says of a gate beside the gate itself: expansion, samples, interventions, pictures."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitlogic.errors import CircuitLogicError
from circuitlogic.extract.gate_on_samples import GateOnSamples
from circuitlogic.report.expansion import Expansion
from circuitlogic.report.expansions import Expander
from circuitlogic.report.rows import GateRow, StudyView
from circuitlogic.stages.causal import load_causal
from circuitlogic.stages.examples import heldout_pictures
from circuitlogic.stages.extracted import load_samples
from circuitlogic.study import Study
from circuitlogic.verify.intervention import GateIntervention

MAX_LAYERS = 3
"""Layers that a report expands; `circuitlogic show --expand` goes as deep as asked."""


@dataclass(frozen=True, slots=True)
class GateLook:
    """One gate, seen from outside."""

    expansion: Expansion | None
    """None where the inputs' gates claim nothing to expand."""
    samples: GateOnSamples | None
    """None where the study was extracted without."""
    causal: GateIntervention | None
    """None before `circuitlogic verify --causal`."""


class Looks:
    """Looks at the gates of one study; activations and pictures are read when first asked for, once."""

    def __init__(self, study: Study, view: StudyView) -> None:
        self._study = study
        self._samples = load_samples(study)
        self._expander = Expander(study, (row.gate for row in view.gates), view.labels)
        self._layers = min(max(len(view.header.sites) - 1, 1), MAX_LAYERS)
        self._causal = {one.feature: one for one in load_causal(study) or ()}
        self._pictures: NDArray[np.uint8] | None = None
        self._is_read = False

    def of(self, row: GateRow) -> GateLook:
        """All of one gate.

        Raises:
            StudyError: an artefact is damaged.
            DataError: gates and activations do not belong together.
        """
        expansion = self._expander.of(row.gate.feature, self._layers) if row.claims else None
        if expansion is not None and len(expansion.composition.gates) < 2:
            expansion = None
        feature = row.gate.feature
        return GateLook(expansion, self._samples.get(feature), self._causal.get(feature))

    def pictures(self, rows: tuple[int, ...]) -> NDArray[np.uint8] | None:
        """The held-out images [n, h, w] of these numbers; None where inputs are no images, or are not there."""
        if not self._is_read:
            self._is_read = True
            try:
                self._pictures = heldout_pictures(self._study)
            except CircuitLogicError:  # the data set is gone or the network is the caller's: no pictures
                self._pictures = None
        if self._pictures is None or not rows or max(rows) >= len(self._pictures):
            return None
        return self._pictures[list(rows)]
