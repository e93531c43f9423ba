"""A transcoder per layer of a language model, to compare the connector with; the splice test takes it up."""

from dataclasses import asdict, dataclass

from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.progress import Progress
from circuitlogic.saes.coders import Transcoder
from circuitlogic.saes.metrics import SaeMetrics
from circuitlogic.saes.predictions import prediction_metrics
from circuitlogic.saes.saelens import load_coder, save_sae
from circuitlogic.saes.transcoding import train_transcoder
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import site_settings
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.stretches import stretches
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study

_METRICS = "metrics.json"


@dataclass(frozen=True, slots=True)
class StudyTranscoder:
    """A trained transcoder and how well it predicts, held out."""

    coder: Transcoder
    metrics: SaeMetrics


def artefact(source: str, target: str) -> str:
    """Name of a transcoder."""
    return f"transcoders/{source}__{target}"


def make_transcoders(study: Study, progress: Progress) -> None:
    """Train one for every stretch, as wide and as sparse as the source's autoencoder."""
    config, sites = study.config, load_card(study).sites
    captured = [study.entry(activations_artefact(split)).content for split in ("train", "heldout")]
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    for source, target in stretches(sites):
        name = artefact(source, target)
        settings = site_settings(config.saes, source, sites.index(source))
        key = study.key("transcoder", settings, config.seed, source, target, captured)
        if study.is_done(name, key):
            continue
        coder = train_transcoder(train, source, target, settings, seed_for(config.seed, name), progress)
        metrics = prediction_metrics(coder, source, target, heldout, train)
        with study.making(name, key) as folder:
            save_sae(coder, folder, {"hook_name": source, "hook_name_out": target})
            write_json(folder / _METRICS, asdict(metrics))


def load_transcoder(study: Study, source: str, target: str) -> StudyTranscoder | None:
    """The transcoder of a stretch; None where the study has none.

    Raises:
        StudyError: damaged.
    """
    name = artefact(source, target)
    if not study.has(name):
        return None
    folder = study.folder(name)
    coder = load_coder(folder)
    try:
        metrics = SaeMetrics(**read_json(folder / _METRICS))
    except TypeError:
        raise StudyError(f"{folder / _METRICS} is damaged: it does not hold metrics") from None
    if not isinstance(coder, Transcoder):
        raise StudyError(f"{folder} is damaged: it holds no transcoder")
    return StudyTranscoder(coder, metrics)
