"""Stage 3, beside the dictionaries: one transcoder per stretch of a language model, if the config asks for it."""

from dataclasses import asdict

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.connectors.readout import fit_readout
from circuitlogic.json_files import write_json
from circuitlogic.progress import Progress
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.coders import Transcoder
from circuitlogic.saes.predictions import prediction_metrics
from circuitlogic.saes.saelens import load_coder, save_sae
from circuitlogic.saes.transcoding import train_transcoder, with_decoder
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import artefact as sae_artefact
from circuitlogic.stages.dictionaries import load_dictionary, site_settings
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.stretches import stretches
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study

_METRICS = "metrics.json"
_SPLITS = tuple(activations_artefact(split) for split in ("train", "heldout"))


def artefact(target: str) -> str:
    """Name of the transcoder that predicts a site."""
    return f"transcoders/{target}"


def transcoder_artefacts(study: Study) -> tuple[str, ...]:
    """Of the transcoders that the study has."""
    return tuple(name for name in study.artefacts() if name.startswith("transcoders/"))


def make_transcoders(study: Study, progress: Progress) -> None:
    """Fit or train every transcoder that is not there yet; without any asked for, older ones are forgotten.

    A stretch whose input has a given transcoder is left out: that one is compared.
    """
    sites = load_card(study).sites
    pairs = stretches(sites)
    if study.config.transcoders.kind == "none":
        for _, target in pairs:
            if study.has(artefact(target)):
                study.forget(artefact(target))
        return
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    for source, target in pairs:
        encoder = load_dictionary(study, source, tuned=False).encoder
        if isinstance(encoder, SparseAutoencoder):
            _make(study, (source, target), sites.index(source), encoder, train, heldout, progress)


def _make(
    study: Study,
    ends: tuple[str, str],
    number: int,
    encoder: SparseAutoencoder,
    train: PairedActivations,
    heldout: PairedActivations,
    progress: Progress,
) -> None:
    source, target = ends
    config, name = study.config, artefact(target)
    settings = site_settings(config.saes, source, number)
    made_from = [study.entry(part).content for part in (sae_artefact(source), *_SPLITS)]
    key = study.key("transcoder", config.transcoders, settings, config.seed, ends, made_from)
    if study.is_done(name, key):
        return
    stores = train.stores[source], train.stores[target]
    progress.note(f"readout of {source} for {target}")
    readout = fit_readout(encoder, *stores, config.transcoders.ridge)
    transcoder = with_decoder(encoder, readout.weight, readout.bias)
    if config.transcoders.kind == "trained":
        seed = seed_for(config.seed, name)
        transcoder = train_transcoder(
            transcoder, *stores, settings, seed, progress, f"transcoder of {source}"
        ).transcoder
    metrics = prediction_metrics(transcoder, source, target, heldout, train)
    with study.making(name, key) as folder:
        save_sae(transcoder, folder, {"hook_name": source, "hook_name_out": target})
        write_json(folder / _METRICS, asdict(metrics))


def load_transcoder(study: Study, target: str) -> Transcoder | None:
    """The study's own transcoder that predicts `target`, if it has one.

    Raises:
        StudyError: damaged.
    """
    if not study.has(artefact(target)):
        return None
    coder = load_coder(study.folder(artefact(target)))
    return coder if isinstance(coder, Transcoder) else None
