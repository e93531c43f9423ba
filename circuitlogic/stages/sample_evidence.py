"""What held-out samples show of every gate: how strongly it fires, and on which samples its formula is wrong."""

from circuitlogic.extract.gate_on_samples import GateOnSamples, gate_on_samples
from circuitlogic.extract.row_activity import SiteFeatures
from circuitlogic.extract.rows_to_gates import encode_site
from circuitlogic.extract.samples_file import SCHEMA, save_samples
from circuitlogic.features import FeatureId
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.extracted import GATES, load_gates
from circuitlogic.study import SAMPLES, Study

COUNTER_EXAMPLES = 6
"""Samples kept of each sort."""


def make_sample_evidence(study: Study) -> None:
    """Look at every gate on the held-out samples."""
    made_from = [study.entry(name).content for name in (GATES, activations_artefact("heldout"))]
    key = study.key(SAMPLES, SCHEMA, COUNTER_EXAMPLES, made_from)
    if study.is_done(SAMPLES, key):
        return
    heldout = load_activations(study, "heldout")
    found: dict[FeatureId, GateOnSamples] = {}
    sites: dict[str, SiteFeatures] = {}
    for ends in load_ends(study):
        # The sites of one stretch at a time: their features are large.
        sites = {end.site: sites.get(end.site) or encode_site(end, heldout) for end in ends}
        mine = (gate for gate in load_gates(study) if gate.feature.site == ends[1].site)
        found |= {gate.feature: gate_on_samples(gate, sites, COUNTER_EXAMPLES) for gate in mine}
    with study.making(SAMPLES, key) as folder:
        save_samples(found, folder)
