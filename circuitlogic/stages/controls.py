"""Owns a study's controls: its neurons pruned by its own recipe, and the recipe on randomised weights."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from circuitlogic.config import Select, TuneConfig
from circuitlogic.datasets.images import ImageData
from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import load_activations, load_labels, make_activations
from circuitlogic.stages.connecting import make_connectors
from circuitlogic.stages.dictionaries import TUNED, make_dictionaries
from circuitlogic.stages.feature_network import (
    load_feature_network,
    load_tuned,
    make_feature_network,
    measure_chain,
    true_map_of,
)
from circuitlogic.stages.network_metrics import NetworkMetrics, metrics_from_json
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject import (
    NETWORK,
    Subject,
    image_samples,
    load_classifier,
    make_own_card,
    own_subject,
)
from circuitlogic.study import Study
from circuitlogic.substitute.tuning import tune_feature_network
from circuitlogic.verify.controls import fit_readout, neuron_network, shuffled_classifier
from circuitlogic.verify.faithfulness import original_accuracy

CONTROLS = "controls"
_FILE = "controls.json"


@dataclass(frozen=True, slots=True)
class Control:
    """One network beside the study's own, on the held-out samples."""

    name: str
    original_accuracy: float
    """Of the network that it stands for."""
    metrics: NetworkMetrics


def make_controls(study: Study, subject: Subject, data: ImageData, progress: Progress) -> tuple[Control, ...]:
    """Run the controls that are not run yet.

    Raises:
        StudyError: the study's network is no image classifier of this package, or is not trained.
    """
    config = study.config
    key = study.key(CONTROLS, config, study.entry(TUNED).content, subject.identity)
    if study.is_done(CONTROLS, key):
        return load_controls(study)
    kinds: dict[str, Callable[[], Control]] = {
        "neurons by effect": lambda: _neurons(study, subject, "effect", progress),
        "neurons by weight": lambda: _neurons(study, subject, "weight", progress),
        "randomised weights": lambda: _randomised(study, data, progress),
    }
    found: list[Control] = []
    for name, run in kinds.items():
        progress.note(f"control: {name}")
        found.append(run())
    with study.making(CONTROLS, key) as folder:
        write_json(folder / _FILE, {"controls": [asdict(control) for control in found]})
    return tuple(found)


def load_controls(study: Study) -> tuple[Control, ...]:
    """What `make_controls` stored.

    Raises:
        StudyError: missing or damaged.
    """
    path = study.folder(CONTROLS) / _FILE
    try:
        return tuple(
            Control(str(v["name"]), float(v["original_accuracy"]), metrics_from_json(v["metrics"]))
            for v in read_json(path)["controls"]
        )
    except (KeyError, TypeError, ValueError):
        raise StudyError(f"{path} is damaged: it does not hold controls") from None


def budget_of(study: Study) -> int:
    """Edges per connector that the study's own graph may have: its setting, else ten per live feature."""
    if study.config.tune.edges is not None:
        return study.config.tune.edges
    return max(int((c.weight != 0).sum()) for c in load_tuned(study))


def neuron_tuning(tune: TuneConfig, edges: int, select: Select) -> TuneConfig:
    """The study's recipe for neurons, which stay what they are; where decoders move, their readout does."""
    dictionaries = "frozen" if tune.dictionaries == "frozen" else "readout"
    return replace(tune, edges=edges, select=select, dictionaries=dictionaries)


def _neurons(study: Study, subject: Subject, select: Select, progress: Progress) -> Control:
    config, train = study.config, load_activations(study, "train")
    tail = load_feature_network(study, subject, tuned=False).tail
    exact = neuron_network(subject.network, subject.sites, tail, train, config.extract.firing)
    tuned = tune_feature_network(
        exact,
        train,
        neuron_tuning(config.tune, budget_of(study), select),
        config.extract.threshold,
        seed_for(config.seed, CONTROLS),
        progress,
        true_map_of(subject),
    )
    heldout, labels = load_activations(study, "heldout"), load_labels(study, "heldout")
    metrics = measure_chain(exact, tuned, config.extract.threshold, heldout, labels, "heldout")
    return Control(f"neurons by {select}", original_accuracy(heldout, labels), metrics)


def randomised_subject(study: Study, subject_identity: str, data: ImageData) -> Subject:
    """The study's classifier with shuffled hidden weights and a readout fitted on the training labels."""
    generator = torch.Generator().manual_seed(seed_for(study.config.seed, "randomised"))
    network = shuffled_classifier(load_classifier(study), generator)
    fit_readout(network, torch.from_numpy(data.train.images), torch.from_numpy(data.train.labels))
    train, heldout = image_samples(data.train), image_samples(data.heldout)
    return own_subject(
        network,
        study.config.sites or network.site_names,
        train.batches,
        heldout.batches,
        identity=f"shuffled {subject_identity}",
        train_labels=train.labels,
        heldout_labels=heldout.labels,
    )


def _randomised(study: Study, data: ImageData, progress: Progress) -> Control:
    subject = randomised_subject(study, study.entry(NETWORK).content, data)
    with TemporaryDirectory() as folder:
        other = Study.create(Path(folder) / "randomised", study.config)
        make_own_card(other, subject)
        make_activations(other, subject, progress)
        make_dictionaries(other, progress)
        make_connectors(other, subject, progress)
        make_feature_network(other, subject, progress)
        solved, tuned = (load_feature_network(other, subject, tuned=t) for t in (False, True))
        heldout, labels = load_activations(other, "heldout"), load_labels(other, "heldout")
        metrics = measure_chain(solved, tuned, study.config.extract.threshold, heldout, labels, "heldout")
        return Control("randomised weights", original_accuracy(heldout, labels), metrics)
