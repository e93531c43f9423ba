"""Stage 3: one sparse autoencoder per site, with its held-out metrics, history and feature statistics."""

import json
from dataclasses import asdict

from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.progress import Progress
from circuitlogic.saes.metrics import SaeMetrics
from circuitlogic.saes.saelens import load_sae, save_sae
from circuitlogic.saes.statistics import FeatureStatistics, feature_statistics
from circuitlogic.saes.training import train_sae
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

_STATISTICS = "statistics.safetensors"
_METRICS = "metrics.json"
_HISTORY = "history.jsonl"


def artefact(site: str) -> str:
    """Name of a site's dictionary."""
    return f"saes/{site}"


def make_dictionaries(study: Study, progress: Progress) -> None:
    """Train every site's autoencoder that is not trained yet."""
    config = study.config
    captured = [study.entry(activations_artefact(split)).content for split in ("train", "heldout")]
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    for site in load_card(study).sites:
        key = study.key("sae", config.saes, config.extract.firing, config.seed, site, captured)
        if study.is_done(artefact(site), key):
            continue
        seed = seed_for(config.seed, artefact(site))
        trained = train_sae(
            train.stores[site], heldout.stores[site], config.saes, seed, progress, f"SAE of {site}"
        )
        statistics = feature_statistics(trained.sae, train.stores[site], config.extract.firing)
        with study.making(artefact(site), key) as folder:
            save_sae(trained.sae, folder, {"hook_name": site})
            statistics.save(folder / _STATISTICS)
            write_json(folder / _METRICS, asdict(trained.metrics))
            lines = (json.dumps(asdict(record)) + "\n" for record in trained.history)
            write_bytes(folder / _HISTORY, "".join(lines).encode())


def load_dictionary(study: Study, site: str) -> Dictionary:
    """A site's autoencoder with its feature statistics.

    Raises:
        StudyError: missing or damaged.
    """
    folder = study.folder(artefact(site))
    return Dictionary(site, load_sae(folder), FeatureStatistics.load(folder / _STATISTICS))


def load_dictionaries(study: Study) -> tuple[Dictionary, ...]:
    """All sites' dictionaries, in order."""
    return tuple(load_dictionary(study, site) for site in load_card(study).sites)


def load_sae_metrics(study: Study, site: str) -> SaeMetrics:
    """Held-out metrics of a site's autoencoder.

    Raises:
        StudyError: missing or damaged.
    """
    path = study.folder(artefact(site)) / _METRICS
    try:
        return SaeMetrics(**read_json(path))
    except TypeError:
        raise StudyError(f"{path} is damaged: it does not hold SAE metrics") from None
