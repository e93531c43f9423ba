"""Stage 3: one sparse autoencoder per site, with its held-out metrics, history and feature statistics."""

import json
from dataclasses import asdict, replace
from pathlib import Path

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.config import SaeConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.progress import Progress
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.predictions import fold_mean_length, prediction_metrics
from circuitlogic.saes.saelens import load_coder, save_sae
from circuitlogic.saes.scores import SaeMetrics
from circuitlogic.saes.statistics import FeatureStatistics, feature_statistics
from circuitlogic.saes.training import train_sae
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.given import artefact as given_artefact
from circuitlogic.stages.given import load_given, load_given_coder
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.stretches import stretches, unjoined
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

TUNED = "feature_network"
"""Artefact of the tuned connectors, and of the autoencoders that were tuned with them."""
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
        DataError: a given dictionary does not fit the activations.
    """
    config = study.config
    if alone := unjoined(load_card(study).sites):
        progress.note(
            f"no connector leads from or to {', '.join(alone)}: where a module's input and output are both given, "
            "only such pairs are joined"
        )
    captured = [study.entry(name).content for name in _SPLITS]
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    for number, site in enumerate(load_card(study).sites):
        if study.has(given_artefact(site)):
            _take_given(study, site, train, heldout)
            continue
        settings = site_settings(config.saes, site, number)
        key = study.key("sae", settings, config.extract.firing, config.seed, site, captured)
        if study.is_done(artefact(site), key):
            continue
        seed = seed_for(config.seed, artefact(site))
        trained = train_sae(
            train.stores[site], heldout.stores[site], settings, seed, progress, f"SAE of {site}"
        )
        statistics = feature_statistics(trained.sae, train.stores[site], config.extract.firing)
        with study.making(artefact(site), key) as folder:
            save_dictionary(Dictionary(site, trained.sae, statistics), trained.metrics, folder)
            lines = (json.dumps(asdict(record)) + "\n" for record in trained.history)
            write_bytes(folder / _HISTORY, "".join(lines).encode())


def site_settings(config: SaeConfig, site: str, number: int) -> SaeConfig:
    """The settings of the site with this number, counted from 0: later ones may have a width and k of their own.

    So may inputs of modules.
    """
    first = replace(config, later_expansion=None, later_k=None)
    if config.expansion_in is not None and site.endswith(".in"):
        first = replace(first, expansion=config.expansion_in)
    if number == 0:
        return first
    return replace(
        first,
        expansion=first.expansion if config.later_expansion is None else config.later_expansion,
        k=config.k if config.later_k is None else config.later_k,
    )


def save_dictionary(dictionary: Dictionary, metrics: SaeMetrics, folder: Path) -> None:
    """Write an autoencoder with its statistics and held-out metrics."""
    if not isinstance(dictionary.encoder, SparseAutoencoder):
        raise StudyError(f"the dictionary of {dictionary.site} is no autoencoder: it cannot be written")
    save_sae(dictionary.encoder, folder, {"hook_name": dictionary.site})
    dictionary.statistics.save(folder / _STATISTICS)
    write_json(folder / _METRICS, asdict(metrics))


def holder(study: Study, site: str) -> str:
    """The artefact that holds a site's dictionary as it is used: the tuned connectors' if it moved with them."""
    moved = study.has(TUNED) and (study.root / TUNED / artefact(site)).is_dir()
    return TUNED if moved else artefact(site)


def _folder(study: Study, site: str, tuned: bool) -> Path:
    if tuned and holder(study, site) == TUNED:
        return study.folder(TUNED) / artefact(site)
    return study.folder(artefact(site))


def load_dictionary(study: Study, site: str, tuned: bool = True) -> Dictionary:
    """A site's autoencoder with its feature statistics; `tuned`: as the feature network uses it.

    Raises:
        StudyError: missing or damaged.
    """
    folder = _folder(study, site, tuned)
    return Dictionary(site, load_coder(folder), FeatureStatistics.load(folder / _STATISTICS))


def load_dictionaries(study: Study, tuned: bool = True) -> tuple[Dictionary, ...]:
    """All sites' dictionaries, in order; `tuned`: as the feature network uses them."""
    return tuple(load_dictionary(study, site, tuned) for site in load_card(study).sites)


def load_ends(study: Study, tuned: bool = True) -> tuple[tuple[Dictionary, Dictionary], ...]:
    """The dictionaries that each connector joins, in the connectors' order."""
    known = {dictionary.site: dictionary for dictionary in load_dictionaries(study, tuned)}
    return tuple((known[source], known[target]) for source, target in stretches(tuple(known)))


def load_sae_metrics(study: Study, site: str, tuned: bool = True) -> SaeMetrics:
    """Held-out metrics of a site's autoencoder; `tuned`: as the feature network uses it.

    Raises:
        StudyError: missing or damaged.
    """
    path = _folder(study, site, tuned) / _METRICS
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
