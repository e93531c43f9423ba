"""Stage 2: paired activations at all sites, with the network's own outputs, on disk."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations, capture_to_disk
from circuitlogic.activations.store import ActivationStore
from circuitlogic.errors import DataError, StudyError
from circuitlogic.networks.protocol import Resumable
from circuitlogic.progress import Progress
from circuitlogic.stages.subject import Samples, Subject, load_card
from circuitlogic.study import Study
from circuitlogic.substitute.tuning import INPUTS, OUTPUTS
from circuitlogic.tensor_files import read_tensors, write_tensors

SPLITS = ("train", "heldout")
_LABELS = "labels.safetensors"


def artefact(split: str) -> str:
    """Name of a split's activations."""
    return f"activations/{split}"


def make_activations(study: Study, subject: Subject, progress: Progress) -> None:
    """Capture every split that is not captured yet."""
    names = [site.name for site in subject.sites]
    for split, samples in (("train", subject.train), ("heldout", subject.heldout)):
        key = study.key("activations", subject.identity, names, split)
        if study.is_done(artefact(split), key):
            continue
        with study.making(artefact(split), key) as folder:
            stores = _capture(subject, samples, folder, progress)
            labels = _labels(samples, stores[OUTPUTS].as_tensor(), split)
            write_tensors(folder / _LABELS, {"labels": labels})


@contextmanager
def captured(subject: Subject, samples: Samples, progress: Progress) -> Generator[PairedActivations]:
    """Activations of samples that no study keeps (the official test set), on disk only while inside."""
    with TemporaryDirectory() as folder:
        yield PairedActivations(_capture(subject, samples, Path(folder), progress))


def _capture(
    subject: Subject, samples: Samples, folder: Path, progress: Progress
) -> dict[str, ActivationStore]:
    return capture_to_disk(
        subject.network,
        [_text(subject, site.name) for site in subject.sites],
        samples.batches(),
        folder,
        inputs_as=None if isinstance(subject.network, Resumable) else INPUTS,
        outputs_as=OUTPUTS,
        progress=progress,
    )


def _text(subject: Subject, name: str) -> str:
    site = next(s for s in subject.sites if s.name == name)
    return site.module if site.name == site.module else f"{site.module}:{site.side}"


def _labels(samples: Samples, outputs: Tensor, split: str) -> Int[Tensor, " n"]:
    if samples.labels is None:
        return outputs.argmax(1)
    if len(samples.labels) != len(outputs):
        raise DataError(f"{len(samples.labels)} labels do not match {len(outputs)} {split} samples")
    return samples.labels.long()


def load_activations(study: Study, split: str) -> PairedActivations:
    """The stored activations of a split, all sites and the outputs (and inputs, where they are needed).

    Raises:
        StudyError: missing or damaged.
    """
    folder = study.folder(artefact(split))
    names = [*load_card(study).sites, OUTPUTS]
    if (folder / INPUTS).is_dir():
        names.append(INPUTS)
    return PairedActivations.open(folder, names)


def load_labels(study: Study, split: str) -> Int[Tensor, " n"]:
    """The labels of a split.

    Raises:
        StudyError: missing or damaged.
    """
    path = study.folder(artefact(split)) / _LABELS
    labels = read_tensors(path, ("labels",))["labels"]
    if labels.ndim != 1 or labels.dtype != torch.int64:
        raise StudyError(
            f"{path}: labels must be one row of integers, not {labels.dtype} {list(labels.shape)}"
        )
    return labels


def strongest_rows(values: np.ndarray, count: int) -> np.ndarray:
    """Numbers of the `count` largest positive `values`, largest first, ties by number."""
    order = np.argsort(-values, kind="stable")[:count]
    return order[values[order] > 0]
