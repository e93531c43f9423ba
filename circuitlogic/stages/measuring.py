"""Stage 8: how closely the thresholded graph follows the original: stored by `extract`, asked again by `verify`."""

from circuitlogic.errors import ConfigError
from circuitlogic.progress import Progress
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.extracted import GRAPH
from circuitlogic.stages.feature_network import SELECTED, measure_feature_network, measure_split
from circuitlogic.stages.network_metrics import FIDELITY, MEASURED, NetworkMetrics, load_metrics, save_metrics
from circuitlogic.stages.selecting import asked_config
from circuitlogic.stages.subject import Subject, load_card
from circuitlogic.stages.subject_kinds import stored_images, stored_subject
from circuitlogic.stages.text_subject import KIND as LANGUAGE_MODEL
from circuitlogic.stages.transcoding import transcoder_artefacts
from circuitlogic.study import Study


def make_fidelity(study: Study, subject: Subject, threshold: float, progress: Progress) -> NetworkMetrics:
    """The thresholded graph's held-out figures."""
    used = (SELECTED, GRAPH, activations_artefact("heldout"), *transcoder_artefacts(study))
    made_from = [study.entry(name).content for name in used]
    key = study.key(FIDELITY, MEASURED, threshold, study.config.text.splice_tokens, made_from)
    if study.is_done(FIDELITY, key):
        return load_metrics(study, FIDELITY)
    metrics = measure_feature_network(study, subject, threshold, "heldout", progress)
    save_metrics(metrics, study, FIDELITY, key)
    return metrics


def measure_again(study: Study, split: str, threshold: float | None, progress: Progress) -> NetworkMetrics:
    """The figures on a split; without a threshold at the one that was extracted, else at the config's.

    Raises:
        ConfigError: a split that the subject does not have, or a threshold that makes no sense.
        StudyError: the study is not trained, or its network was brought by the caller.
    """
    if threshold is None and study.has(FIDELITY):
        threshold = load_metrics(study, FIDELITY).threshold
    used = asked_config(study, threshold).threshold
    if load_card(study).kind != LANGUAGE_MODEL:
        subject, data = stored_images(study, progress)
        return measure_split(study, subject, data, split, used, progress)
    if split != "heldout":
        raise ConfigError("a language model's study has no official test set: use split heldout")
    subject = stored_subject(study, progress)
    with subject.at_rest():
        return measure_feature_network(study, subject, used, split, progress)
