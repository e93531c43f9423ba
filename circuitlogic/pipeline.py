"""The driver. Each function is one command; each line in it is one stage of DESIGN's flow.

    network + data -> activations -> SAEs -> connectors -> feature network -> feature graph -> gates

A stage that is done and unchanged is not run again.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from circuitlogic.config import EdgeScore, ExtractConfig, StudyConfig
from circuitlogic.datasets.images import ImageData
from circuitlogic.errors import ConfigError
from circuitlogic.features import FeatureId
from circuitlogic.progress import SILENT, Progress
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import make_activations
from circuitlogic.stages.causal import make_causal
from circuitlogic.stages.class_evidence import make_class_evidence
from circuitlogic.stages.connecting import make_connectors
from circuitlogic.stages.controls import Control, make_controls
from circuitlogic.stages.dictionaries import make_dictionaries
from circuitlogic.stages.examples import make_examples
from circuitlogic.stages.extracted import GRAPH
from circuitlogic.stages.extracting import make_gates, make_graph
from circuitlogic.stages.feature_network import (
    SELECTED,
    make_feature_network,
    measure_feature_network,
    measure_split,
)
from circuitlogic.stages.network_metrics import FIDELITY, MEASURED, NetworkMetrics, load_metrics, save_metrics
from circuitlogic.stages.sample_evidence import make_sample_evidence
from circuitlogic.stages.selecting import make_selection
from circuitlogic.stages.subject import (
    Subject,
    check_subject,
    classifier_subject,
    load_card,
    load_classifier,
    load_data,
    make_own_card,
)
from circuitlogic.stages.subject_kinds import image_maker, stored_subject, subject_kind
from circuitlogic.stages.sweep import SweepPoint, make_sweep
from circuitlogic.stages.text_subject import KIND as LANGUAGE_MODEL
from circuitlogic.stages.token_contexts import make_contexts
from circuitlogic.stages.token_evidence import make_token_evidence
from circuitlogic.stages.transcoding import make_transcoders, transcoder_artefacts
from circuitlogic.study import Study
from circuitlogic.verify.intervention import GateIntervention


def train(
    root: Path, config: StudyConfig, progress: Progress = SILENT, data: ImageData | None = None
) -> Study:
    """Train everything that needs training, into the study folder `root`.

    Raises:
        CircuitLogicError: bad data, bad settings, or a folder that is no study.
    """
    kind = subject_kind(config.network.kind)
    make = kind.prepare(config, progress) if data is None else image_maker(data)
    study = Study.create(root, config)
    subject = make(study, progress)
    with subject.at_rest():
        return _train_on(study, subject, progress)


def train_on(root: Path, config: StudyConfig, subject: Subject, progress: Progress = SILENT) -> Study:
    """As `train`, for a network of your own (`circuitlogic.stages.subject.own_subject`)."""
    study = Study.create(root, config)
    make_own_card(study, subject)
    with subject.at_rest():
        return _train_on(study, subject, progress)


def _train_on(study: Study, subject: Subject, progress: Progress) -> Study:
    make_activations(study, subject, progress)
    make_dictionaries(study, progress)
    make_transcoders(study, progress)
    make_connectors(study, subject, progress)
    make_feature_network(study, subject, progress)
    return study


def extract(
    study: Study,
    subject: Subject | None = None,
    threshold: float | None = None,
    progress: Progress = SILENT,
    *,
    score: EdgeScore | None = None,
    top_k: int | None = None,
    edges: int | None = None,
    jobs: int = 1,
) -> NetworkMetrics:
    """Threshold weights into the feature graph, read its gates, and run the thresholded graph as a network.

    Args:
        study: A trained study.
        subject: Its network; None loads the study's own classifier.
        threshold: Overrides the config's.
        progress: Told of every step.
        score: Overrides by what edges are ranked.
        top_k: Overrides how many inputs a feature keeps at most.
        edges: Overrides how many edges are kept in all at most.
        jobs: Processes that read gates; the result does not depend on it.

    Raises:
        ConfigError: the threshold or a number of edges makes no sense.
        NothingLeftError: it leaves no edge; an earlier graph is kept.
        StudyError: the study is not trained, or was not trained on `subject`.
    """
    config = _extract_config(study, threshold, score, top_k, edges)
    subject = subject or stored_subject(study, progress)
    check_subject(study, subject)
    make_selection(study, config)
    make_graph(study, config)
    make_gates(study, config, progress, jobs)
    with subject.at_rest():
        make_examples(study, subject, progress)
        make_class_evidence(study)
        make_sample_evidence(study)
        make_contexts(study, subject, progress)
        make_token_evidence(study, subject, progress)
        return _fidelity(study, subject, config.threshold, progress)


def _fidelity(study: Study, subject: Subject, threshold: float, progress: Progress) -> NetworkMetrics:
    """The thresholded graph's figures, measured unless that is done."""
    used = (SELECTED, GRAPH, activations_artefact("heldout"), *transcoder_artefacts(study))
    made_from = [study.entry(name).content for name in used]
    key = study.key(FIDELITY, MEASURED, threshold, study.config.text.splice_tokens, made_from)
    if study.is_done(FIDELITY, key):
        return load_metrics(study, FIDELITY)
    metrics = measure_feature_network(study, subject, threshold, "heldout", progress)
    save_metrics(metrics, study, FIDELITY, key)
    return metrics


def _extract_config(
    study: Study,
    threshold: float | None,
    score: EdgeScore | None = None,
    top_k: int | None = None,
    edges: int | None = None,
) -> ExtractConfig:
    """The study's, with what is given laid over it; `replace` checks ranges."""
    given = {"threshold": threshold, "score": score, "top_k": top_k, "edges": edges}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    config = study.config
    return replace(config, extract=replace(config.extract, **changed)).extract


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
        ConfigError: another split, or a threshold that makes no sense.
        StudyError: the study is not trained, or its network was brought by the caller.
    """
    if threshold is None and study.has(FIDELITY):
        threshold = load_metrics(study, FIDELITY).threshold
    used = _extract_config(study, threshold).threshold
    if load_card(study).kind == LANGUAGE_MODEL:
        return _verify_text(study, split, used, progress)
    load_classifier(study)
    data = load_data(study.config, progress)
    return measure_split(study, classifier_subject(study, data), data, split, used, progress)


def _verify_text(study: Study, split: str, threshold: float, progress: Progress) -> NetworkMetrics:
    if split != "heldout":
        raise ConfigError("a language model's study has no official test set: use split heldout")
    subject = stored_subject(study, progress)
    with subject.at_rest():
        return measure_feature_network(study, subject, threshold, split, progress)


def sweep(
    study: Study, budgets: Sequence[int], subject: Subject | None = None, progress: Progress = SILENT
) -> tuple[SweepPoint, ...]:
    """Prune and tune the connectors at several edge budgets; arguments and errors as `extract`, and those of
    `circuitlogic.stages.sweep.make_sweep`."""
    subject = subject or stored_subject(study, progress)
    check_subject(study, subject)
    with subject.at_rest():
        return make_sweep(study, subject, budgets, progress)


def controls(study: Study, progress: Progress = SILENT) -> tuple[Control, ...]:
    """The study's recipe on its own neurons, and on randomised weights.

    Raises:
        StudyError: the study is not trained, or its network was brought by the caller.
    """
    load_classifier(study)
    data = load_data(study.config, progress)
    return make_controls(study, classifier_subject(study, data), data, progress)


def verify_gates(
    study: Study,
    subject: Subject | None = None,
    split: str = "heldout",
    progress: Progress = SILENT,
    only: Collection[FeatureId] | None = None,
) -> tuple[GateIntervention, ...]:
    """Switch gates' literals on and off in the original network, of all gates or `only` some; else as `extract`."""
    subject = subject or stored_subject(study, progress)
    check_subject(study, subject)
    with subject.at_rest():
        return make_causal(study, subject, split, progress, only)
