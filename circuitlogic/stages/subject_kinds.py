"""Owns the kinds of subjects that a config can name: a new kind is a new file in this layer and one line here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from circuitlogic.config import StudyConfig
from circuitlogic.datasets.images import ImageData
from circuitlogic.errors import StudyError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.registry import Registry
from circuitlogic.stages.subject import (
    Subject,
    check_sites,
    check_subject,
    classifier_subject,
    load_card,
    load_classifier,
    load_data,
    make_classifier,
)
from circuitlogic.stages.text_subject import KIND, prepare_text, stored_text_subject
from circuitlogic.study import Study

Maker: TypeAlias = Callable[[Study, Progress], Subject]


@dataclass(frozen=True, slots=True)
class SubjectKind:
    """One value of `network.kind`."""

    name: str
    card: str
    """How the network's card names it."""
    prepare: Callable[[StudyConfig, Progress], Maker]
    """Loads what the config names, writing nothing; what comes back makes the subject in a study."""
    stored: Maker
    """Takes up the subject of a study that is trained."""


def image_maker(data: ImageData) -> Maker:
    """Trains the config's classifier on `data`."""
    return lambda study, progress: make_classifier(study, data, progress)


def _prepare_images(config: StudyConfig, progress: Progress) -> Maker:
    data = load_data(config, progress)
    check_sites(config, data)
    return image_maker(data)


def _stored_classifier(study: Study, progress: Progress) -> Subject:
    return stored_images(study, progress)[0]


def _prepare_text(config: StudyConfig, progress: Progress) -> Maker:
    return prepare_text(config, progress).make


_KINDS = Registry(
    "network kind",
    {
        kind.name: kind
        for kind in (
            SubjectKind("image_mlp", "image-classifier", _prepare_images, _stored_classifier),
            SubjectKind("hf", KIND, _prepare_text, stored_text_subject),
        )
    },
)


def subject_kind(name: str) -> SubjectKind:
    """The kind of that name.

    Raises:
        UnknownNameError: there is none.
    """
    return _KINDS[name]


def stored_images(study: Study, progress: Progress = SILENT) -> tuple[Subject, ImageData]:
    """The study's own image classifier, and all its images.

    Raises:
        StudyError: the study is not trained, or its network was brought by the caller.
    """
    load_classifier(study)
    data = load_data(study.config, progress)
    return classifier_subject(study, data), data


def subject_of(study: Study, given: Subject | None, progress: Progress = SILENT) -> Subject:
    """The subject that the study was trained on: the one given, else its own network.

    Raises:
        StudyError: the study was not trained on it, or has no network of its own.
    """
    subject = given or stored_subject(study, progress)
    check_subject(study, subject)
    return subject


def stored_subject(study: Study, progress: Progress = SILENT) -> Subject:
    """The study's own network with its samples.

    Raises:
        StudyError: the network was brought by the caller, or is not what it was.
    """
    card = load_card(study)
    kind = next((kind for kind in _KINDS.values() if kind.card == card.kind), None)
    if kind is None:
        raise StudyError(
            f"{study.root}: its network was given as a Python module; pass it again through the Python API"
        )
    return kind.stored(study, progress)
