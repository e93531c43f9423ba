"""Stage 3, beside the dictionaries: transcoders of each stretch of a language model, if the config asks."""

from dataclasses import asdict, dataclass

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.config import TranscoderKind
from circuitlogic.connectors.readout import linear_readout
from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.progress import Progress
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.coders import Transcoder
from circuitlogic.saes.predictions import prediction_metrics
from circuitlogic.saes.saelens import load_coder, save_sae
from circuitlogic.saes.scores import SaeMetrics
from circuitlogic.saes.transcoding import train_transcoder, with_decoder
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import load_activations
from circuitlogic.stages.dictionaries import artefact as sae_artefact
from circuitlogic.stages.dictionaries import load_dictionary, site_settings
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.stretches import stretches
from circuitlogic.stages.subject import load_card
from circuitlogic.study import Study

READOUT_WAY, TRAINED_WAY = "readout", "trained"
WAYS: dict[TranscoderKind, tuple[str, ...]] = {
    "none": (),
    "readout": (READOUT_WAY,),
    "trained": (READOUT_WAY, TRAINED_WAY),
}
"""`transcoders.kind` -> the ways in which a stretch's transcoders are made."""
_METRICS = "metrics.json"
_SPLITS = tuple(activations_artefact(split) for split in ("train", "heldout"))


@dataclass(frozen=True, slots=True)
class StudyTranscoder:
    """A transcoder of the study's own, and how well it predicts, held out."""

    coder: Transcoder
    metrics: SaeMetrics


def artefact(way: str, source: str, target: str) -> str:
    """Name of a transcoder."""
    return f"transcoders/{way}/{source}__{target}"


def transcoder_artefacts(study: Study) -> tuple[str, ...]:
    """Of the transcoders that the study has."""
    return tuple(name for name in study.artefacts() if name.startswith("transcoders/"))


def make_transcoders(study: Study, progress: Progress) -> None:
    """Fit or train every transcoder that is not there yet; those that are not asked for are forgotten.

    A stretch whose input has a given transcoder is left out: that one is compared.
    """
    ways, wanted = WAYS[study.config.transcoders.kind], set[str]()
    ends = stretches(load_card(study).sites) if ways else ()
    for source, target in ends:
        encoder = load_dictionary(study, source, tuned=False).encoder
        if isinstance(encoder, SparseAutoencoder):
            for way in ways:
                wanted.add(artefact(way, source, target))
                _make(study, way, (source, target), encoder, progress)
    for name in set(transcoder_artefacts(study)) - wanted:
        study.forget(name)


def _make(
    study: Study, way: str, ends: tuple[str, str], encoder: SparseAutoencoder, progress: Progress
) -> None:
    name, key = artefact(way, *ends), _key(study, way, *ends)
    if study.is_done(name, key):
        return
    source, target = ends
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    coder = _made(study, way, ends, encoder, train, progress)
    metrics = prediction_metrics(coder, source, target, heldout, train)
    with study.making(name, key) as folder:
        save_sae(coder, folder, {"hook_name": source, "hook_name_out": target})
        write_json(folder / _METRICS, asdict(metrics))


def _key(study: Study, way: str, source: str, target: str) -> str:
    """A trained one depends on activations alone, a readout on the input's dictionary too."""
    config, contents = study.config, [study.entry(part).content for part in _SPLITS]
    if way == TRAINED_WAY:
        settings = site_settings(config.saes, source, load_card(study).sites.index(source))
        return study.key("transcoder", settings, config.seed, source, target, contents)
    contents.append(study.entry(sae_artefact(source)).content)
    return study.key("readout", config.transcoders.ridge, source, target, contents)


def _made(
    study: Study,
    way: str,
    ends: tuple[str, str],
    encoder: SparseAutoencoder,
    train: PairedActivations,
    progress: Progress,
) -> Transcoder:
    source, target = ends
    config, rows = study.config, (train.stores[source], train.stores[target])
    if way == TRAINED_WAY:
        settings = site_settings(config.saes, source, load_card(study).sites.index(source))
        seed = seed_for(config.seed, f"transcoders/{source}__{target}")
        return train_transcoder(*rows, settings, seed, progress, f"transcoder of {source}")
    progress.note(f"readout of {target} from the features of {source}")
    readout = linear_readout(encoder, *rows, config.transcoders.ridge)
    return with_decoder(encoder, readout.weight, readout.bias)


def load_transcoder(study: Study, way: str, source: str, target: str) -> StudyTranscoder | None:
    """The transcoder of a stretch that was made in this way; None where the study has none.

    Raises:
        StudyError: damaged.
    """
    name = artefact(way, source, target)
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
