"""A site's dictionary, written for the library that others load dictionaries with."""

from pathlib import Path

from circuitlogic.errors import DataError, unknown_name
from circuitlogic.json_files import read_json
from circuitlogic.saes.saelens import CONFIG_FILE, load_coder, save_sae, what_saelens_lacks
from circuitlogic.stages.dictionaries import artefact
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study

_KEPT = ("model_name", "hook_name", "hook_name_out", "dataset_path", "trained_by")
"""Of the metadata, what means something outside the study."""


def export_dictionary(study: Study, site: str, folder: Path) -> None:
    """Write a site's dictionary so that SAELens itself loads it.

    Raises:
        UnknownNameError: the study has no such site.
        DataError: SAELens has nothing that computes the same.
    """
    sites = load_card(study).sites
    if site not in sites:
        raise unknown_name("site", site, sites)
    stored = study.folder(artefact(site))
    coder = load_coder(stored)
    lacking = what_saelens_lacks(coder)
    if lacking is not None:
        raise DataError(f"the dictionary of {site} cannot be exported: {lacking}")
    known = read_json(stored / CONFIG_FILE).get("metadata")
    metadata = {name: str(known[name]) for name in _KEPT if name in known} if isinstance(known, dict) else {}
    save_sae(coder, folder, metadata)
