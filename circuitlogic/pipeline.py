"""The driver. Each function is one command; each line in it is one stage of DESIGN's flow.

    network + data -> activations -> SAEs -> connectors -> feature network -> feature graph -> gates

A stage that is done and unchanged is not run again.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from circuitlogic.config import EdgeScore, StudyConfig
from circuitlogic.datasets.images import ImageData
from circuitlogic.features import FeatureId
from circuitlogic.progress import SILENT, Progress
from circuitlogic.stages.captured import make_activations
from circuitlogic.stages.causal import make_causal
from circuitlogic.stages.connecting import make_connectors
from circuitlogic.stages.controls import Control, make_controls
from circuitlogic.stages.dictionaries import make_dictionaries
from circuitlogic.stages.evidence import make_evidence
from circuitlogic.stages.extracting import make_gates, make_graph
from circuitlogic.stages.feature_network import make_feature_network
from circuitlogic.stages.given import check_given
from circuitlogic.stages.measuring import make_fidelity, measure_again
from circuitlogic.stages.network_metrics import NetworkMetrics
from circuitlogic.stages.selecting import asked_config, make_selection
from circuitlogic.stages.subject import Subject, make_own_card
from circuitlogic.stages.subject_kinds import image_maker, stored_images, subject_kind, subject_of
from circuitlogic.stages.sweep import SweepPoint, make_sweep
from circuitlogic.stages.transcoding import make_transcoders
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
    check_given(study, subject)
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
    config = asked_config(study, threshold, score, top_k, edges)
    subject = subject_of(study, subject, progress)
    make_selection(study, config)
    make_graph(study, config)
    make_gates(study, config, progress, jobs)
    with subject.at_rest():
        make_evidence(study, subject, progress)
        return make_fidelity(study, subject, config.threshold, progress)


def verify(
    study: Study, split: str = "heldout", threshold: float | None = None, progress: Progress = SILENT
) -> NetworkMetrics:
    """Run the thresholded feature network on the held-out samples or on the official test set.

    Args:
        study: A trained study.
        split: `heldout`, or `test`, which nothing else ever touches; a language model has none.
        threshold: Overrides the one that was extracted, or the config's.
        progress: Told of the capture.

    Raises:
        ConfigError: another split, or a threshold that makes no sense.
        StudyError: the study is not trained, or its network was brought by the caller.
    """
    return measure_again(study, split, threshold, progress)


def sweep(
    study: Study, budgets: Sequence[int], subject: Subject | None = None, progress: Progress = SILENT
) -> tuple[SweepPoint, ...]:
    """Prune and tune the connectors at several edge budgets; else as `extract`, and as `make_sweep`."""
    with subject_of(study, subject, progress).at_rest() as subject:
        return make_sweep(study, subject, budgets, progress)


def controls(study: Study, progress: Progress = SILENT) -> tuple[Control, ...]:
    """The study's recipe on its own neurons, and on randomised weights.

    Raises:
        StudyError: the study is not trained, or its network was brought by the caller.
    """
    return make_controls(study, *stored_images(study, progress), progress)


def verify_gates(
    study: Study,
    subject: Subject | None = None,
    split: str = "heldout",
    progress: Progress = SILENT,
    only: Collection[FeatureId] | None = None,
) -> tuple[GateIntervention, ...]:
    """Switch gates' literals on and off in the original network, of all gates or `only` some; else as `extract`."""
    with subject_of(study, subject, progress).at_rest() as subject:
        return make_causal(study, subject, split, progress, only)
