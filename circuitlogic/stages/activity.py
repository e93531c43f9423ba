"""True features of a study's sites on one of its splits, for whoever asks what happens on its samples."""

from circuitlogic.extract.rows_to_gates import SiteFeatures, encode_site
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_dictionary
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study


def site_activity(study: Study, split: str = "heldout", up_to: str | None = None) -> dict[str, SiteFeatures]:
    """The features of every site, or of those up to the site `up_to`, by site; raw units.

    Raises:
        StudyError: the study is not trained, or an artefact is damaged.
    """
    sites = load_card(study).sites
    last = len(sites) if up_to is None or up_to not in sites else sites.index(up_to) + 1
    activations = load_activations(study, split)
    return {site: encode_site(load_dictionary(study, site), activations) for site in sites[:last]}
