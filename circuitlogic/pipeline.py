"""The driver. Each function is one command; each line in it is one stage of DESIGN's flow.

    network + data -> activations -> SAEs -> connectors -> feature network -> feature graph -> gates

A stage that is done and unchanged is not run again.
"""

from dataclasses import replace
from pathlib import Path

from circuitlogic.config import StudyConfig, config_from_mapping
from circuitlogic.datasets.images import ImageData
from circuitlogic.progress import SILENT, Progress
from circuitlogic.stages.captured import make_activations
from circuitlogic.stages.connecting import make_connectors
from circuitlogic.stages.dictionaries import make_dictionaries
from circuitlogic.stages.examples import make_examples
from circuitlogic.stages.extracted import GRAPH, make_gates, make_graph
from circuitlogic.stages.feature_network import (
    TUNED,
    NetworkMetrics,
    load_metrics,
    make_feature_network,
    measure_feature_network,
    measure_split,
    save_metrics,
)
from circuitlogic.stages.subject import Subject, classifier_subject, load_data, make_classifier, make_own_card
from circuitlogic.study import Study

_DEMO: dict[str, dict[str, object]] = {
    "network": {"hidden": (32, 32, 32), "epochs": 80, "batch_size": 64, "shift": 0},
    "saes": {"expansion": 2.0, "k": 4, "epochs": 80, "batch_size": 64},
    "connectors": {"epochs": 60, "batch_size": 64},
    "tune": {"epochs": 100, "batch_size": 64},
}

FIDELITY = "fidelity"
"""Artefact that holds the feature network's metrics at the extracted threshold."""


def demo_config(seed: int = 0) -> StudyConfig:
    """Settings of `circuitlogic demo`: the embedded digits, small enough for half a minute."""
    return config_from_mapping({"seed": seed, **_DEMO})


def train(
    root: Path, config: StudyConfig, progress: Progress = SILENT, data: ImageData | None = None
) -> Study:
    """Train everything that needs training, into the study folder `root`.

    Raises:
        CircuitLogicError: bad data, bad settings, or a folder that is no study.
    """
    data = data or load_data(config, progress)
    study = Study.create(root, config)
    subject = make_classifier(study, data, progress)
    return _train_on(study, subject, progress)


def train_on(root: Path, config: StudyConfig, subject: Subject, progress: Progress = SILENT) -> Study:
    """As `train`, for a network of your own (`circuitlogic.stages.subject.own_subject`)."""
    study = Study.create(root, config)
    make_own_card(study, subject)
    return _train_on(study, subject, progress)


def _train_on(study: Study, subject: Subject, progress: Progress) -> Study:
    make_activations(study, subject, progress)
    make_dictionaries(study, progress)
    make_connectors(study, subject, progress)
    make_feature_network(study, subject, progress)
    return study


def extract(
    study: Study, subject: Subject | None = None, threshold: float | None = None, progress: Progress = SILENT
) -> NetworkMetrics:
    """Threshold weights into the feature graph, read its gates, and run the thresholded graph as a network.

    Args:
        study: A trained study.
        subject: Its network; None loads the study's own classifier.
        threshold: Overrides the config's.
        progress: Told of every step.

    Raises:
        NothingLeftError: the threshold leaves no edge.
    """
    config = study.config.extract
    if threshold is not None:
        config = replace(config, threshold=threshold)
    make_graph(study, config)
    make_gates(study, config, progress)
    subject = subject or stored_subject(study, progress)
    make_examples(study, subject, progress)
    metrics = measure_feature_network(study, subject, config.threshold, "heldout")
    made_from = [study.entry(name).content for name in (TUNED, GRAPH)]
    key = study.key(FIDELITY, config.threshold, made_from)
    if not study.is_done(FIDELITY, key):
        save_metrics(metrics, study, FIDELITY, key)
    return metrics


def stored_subject(study: Study, progress: Progress = SILENT) -> Subject:
    """The study's own classifier with its data.

    Raises:
        StudyError: the network was brought by the caller.
    """
    return classifier_subject(study, load_data(study.config, progress))


def verify(
    study: Study, split: str = "heldout", threshold: float | None = None, progress: Progress = SILENT
) -> NetworkMetrics:
    """Run the thresholded feature network on the held-out samples or on the official test set.

    Args:
        study: A trained study of an image classifier.
        split: `heldout`, or `test`, which nothing else ever touches.
        threshold: Overrides the one that was extracted (or the config's).
        progress: Told of the capture.

    Raises:
        ConfigError: another split.
        StudyError: the study is not trained, or its network was brought by the caller.
    """
    data = load_data(study.config, progress)
    if threshold is None:
        threshold = (
            load_metrics(study, FIDELITY).threshold if study.has(FIDELITY) else study.config.extract.threshold
        )
    return measure_split(study, classifier_subject(study, data), data, split, threshold, progress)
