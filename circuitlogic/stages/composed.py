"""Composed formulas on the study's own held-out activations; writes nothing."""

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.extract.composed_scores import ComposedScores, composed_scores
from circuitlogic.extract.row_activity import SiteFeatures
from circuitlogic.extract.rows_to_gates import encode_site
from circuitlogic.logic.composition import Composition
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_dictionary
from circuitlogic.stages.extracted import GATES
from circuitlogic.stages.seeds import seed_for
from circuitlogic.study import Study

HELDOUT = "heldout"


class HeldoutFeatures:
    """True features of the held-out samples; each site is encoded once, when first asked for."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._activations: PairedActivations | None = None
        self._sites: dict[str, SiteFeatures] = {}

    @property
    def is_there(self) -> bool:
        """Whether the study has cached activations."""
        return self._study.has(activations_artefact(HELDOUT))

    def of(self, site: str) -> SiteFeatures:
        """The features of `site`.

        Raises:
            StudyError: activations or autoencoder are missing or damaged.
        """
        if self._activations is None:
            self._activations = load_activations(self._study, HELDOUT)
        if site not in self._sites:
            self._sites[site] = encode_site(load_dictionary(self._study, site), self._activations)
        return self._sites[site]


class Measure:
    """Scores composed formulas held out."""

    def __init__(self, study: Study, features: HeldoutFeatures) -> None:
        self._features = features
        self._draws = max(1, study.config.extract.bootstrap)
        self._seed = seed_for(study.config.seed, GATES)

    def of(self, composition: Composition) -> ComposedScores | None:
        """The scores; None where the study has no cached activations.

        Raises:
            StudyError: activations or autoencoders are damaged.
            DataError: the formula speaks of features that the study does not have.
        """
        if not self._features.is_there:
            return None
        names = {literal.feature.site for literal in composition.thresholds}
        names.add(composition.gates[0].feature.site)
        sites = {name: self._features.of(name) for name in sorted(names)}
        return composed_scores(composition, sites, self._draws, self._seed)
