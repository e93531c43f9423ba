"""Stage 3: one sparse autoencoder per site, with its held-out metrics, history and feature statistics."""

import json
from dataclasses import asdict, replace

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.config import SaeConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.progress import Progress
from circuitlogic.saes.metrics import SaeMetrics
from circuitlogic.saes.predictions import fold_mean_length, prediction_metrics
from circuitlogic.saes.saelens import load_coder, save_sae
from circuitlogic.saes.statistics import FeatureStatistics, feature_statistics
from circuitlogic.saes.training import train_sae
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.given import artefact as given_artefact
from circuitlogic.stages.given import check_given, load_given, load_given_coder
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.stretches import stretches
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

_STATISTICS = "statistics.safetensors"
_METRICS = "metrics.json"
_HISTORY = "history.jsonl"
_SPLITS = tuple(activations_artefact(split) for split in ("train", "heldout"))


def artefact(site: str) -> str:
    """Name of a site's dictionary."""
    return f"saes/{site}"


def make_dictionaries(study: Study, progress: Progress) -> None:
    """Train every site's autoencoder that is not trained yet; a dictionary that was given is taken as it is.

    Raises:
        DataError, UnknownNameError: a given dictionary does not fit the network.
    """
    check_given(study, load_card(study).sites)
    config = study.config
    captured = [study.entry(name).content for name in _SPLITS]
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    for site in load_card(study).sites:
        if study.has(given_artefact(site)):
            _take_given(study, site, train, heldout)
            continue
        settings = sae_settings(config.saes, site)
        key = study.key("sae", settings, config.extract.firing, config.seed, site, captured)
        if study.is_done(artefact(site), key):
            continue
        seed = seed_for(config.seed, artefact(site))
        trained = train_sae(
            train.stores[site], heldout.stores[site], settings, seed, progress, f"SAE of {site}"
        )
        statistics = feature_statistics(trained.sae, train.stores[site], config.extract.firing)
        with study.making(artefact(site), key) as folder:
            save_sae(trained.sae, folder, {"hook_name": site})
            statistics.save(folder / _STATISTICS)
            write_json(folder / _METRICS, asdict(trained.metrics))
            lines = (json.dumps(asdict(record)) + "\n" for record in trained.history)
            write_bytes(folder / _HISTORY, "".join(lines).encode())


def sae_settings(config: SaeConfig, site: str) -> SaeConfig:
    """The settings of one site: inputs of modules may have a width of their own."""
    wide = config.expansion_in
    return replace(config, expansion=wide) if wide is not None and site.endswith(".in") else config


def load_dictionary(study: Study, site: str) -> Dictionary:
    """A site's autoencoder with its feature statistics.

    Raises:
        StudyError: missing or damaged.
    """
    folder = study.folder(artefact(site))
    return Dictionary(site, load_coder(folder), FeatureStatistics.load(folder / _STATISTICS))


def load_dictionaries(study: Study) -> tuple[Dictionary, ...]:
    """All sites' dictionaries, in order."""
    return tuple(load_dictionary(study, site) for site in load_card(study).sites)


def load_ends(study: Study) -> tuple[tuple[Dictionary, Dictionary], ...]:
    """The dictionaries that each connector joins, in the connectors' order."""
    known = {dictionary.site: dictionary for dictionary in load_dictionaries(study)}
    return tuple((known[source], known[target]) for source, target in stretches(tuple(known)))


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


def _take_given(study: Study, site: str, train: PairedActivations, heldout: PairedActivations) -> None:
    """Measure a given dictionary here; folding in the scale it asks for is all that is changed."""
    made_from = [study.entry(name).content for name in (given_artefact(site), *_SPLITS)]
    key = study.key("given sae", study.config.extract.firing, made_from)
    if study.is_done(artefact(site), key):
        return
    given, coder = load_given(study, site), load_given_coder(study, site)
    if given.normalisation == "expected_average_only_in":
        fold_mean_length(coder, train, site)
    metrics = prediction_metrics(coder, site, given.target, heldout, train)
    statistics = feature_statistics(coder, train.stores[site], study.config.extract.firing)
    names = {"hook_name": site} | ({"hook_name_out": given.target} if given.target != site else {})
    with study.making(artefact(site), key) as folder:
        save_sae(coder, folder, {**names, "trained_by": given.written_by})
        statistics.save(folder / _STATISTICS)
        write_json(folder / _METRICS, asdict(metrics))
