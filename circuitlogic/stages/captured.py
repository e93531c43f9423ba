"""Stage 2: paired activations at all sites, with the network's own outputs, on disk."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import Int
from torch import Tensor

from circuitlogic.activations.capture import widths_as_run
from circuitlogic.activations.paired import INPUTS, OUTPUTS, PairedActivations, capture_to_disk
from circuitlogic.activations.sites import Site
from circuitlogic.activations.store import ActivationStore
from circuitlogic.activations.writer import ActivationWriter
from circuitlogic.errors import ConfigError, DataError, StudyError
from circuitlogic.networks.protocol import Resumable
from circuitlogic.progress import Progress
from circuitlogic.stages.subject import Samples, Subject, load_card
from circuitlogic.stages.token_rows import capture_text
from circuitlogic.study import Study
from circuitlogic.tensor_files import read_tensors, write_tensors

SPLITS = ("train", "heldout")
_LABELS = "labels.safetensors"


def artefact(split: str) -> str:
    """Name of a split's activations."""
    return f"activations/{split}"


def make_activations(study: Study, subject: Subject, progress: Progress) -> None:
    """Capture every split that is not captured yet.

    Raises:
        ConfigError: the network runs the sites in another order, or batches can be passed over only once.
        DataError: values that are not finite, or samples, sites and labels that do not go with each other.
    """
    names = [site.name for site in subject.sites]
    for split, samples in (("train", subject.train), ("heldout", subject.heldout)):
        key = study.key("activations", subject.identity, names, split)
        if study.is_done(artefact(split), key):
            continue
        _check_fresh(samples, split)
        _check_order(subject, samples)
        if subject.text is not None:
            with study.making(artefact(split), key) as folder:
                capture_text(subject, subject.text.windows(split), study.config.text, folder, progress)
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
    """Sites, outputs and, if the network cannot resume from its last site, inputs."""
    resumes = isinstance(subject.network, Resumable) and subject.sites[-1].side == "out"
    kept: list[ActivationWriter] = []
    try:
        stores = capture_to_disk(
            subject.network,
            [site.text for site in subject.sites],
            samples.batches() if resumes else _keeping(samples.batches(), folder / INPUTS, kept),
            folder,
            outputs_as=OUTPUTS,
            progress=progress,
        )
        for writer in kept:
            stores[INPUTS] = writer.finish()
    except BaseException:
        for writer in kept:
            writer.discard()
        raise
    if len(stores.get(INPUTS, stores[OUTPUTS])) != len(stores[OUTPUTS]):
        raise DataError(
            f"{type(subject.network).__name__} gives {len(stores[OUTPUTS])} rows for {len(stores[INPUTS])} "
            "samples: without resume() it must give one row for each"
        )
    return stores


def _keeping(batches: Iterable[Tensor], folder: Path, kept: list[ActivationWriter]) -> Iterator[Tensor]:
    """The batches as they are; on the way each is flattened into a store, whose writer comes into `kept`."""
    for batch in batches:
        if not batch.is_floating_point() or batch.ndim < 2:
            raise DataError(
                f"inputs of {batch.dtype} {list(batch.shape)}: a network without resume() needs "
                "floats, [samples, ...]"
            )
        rows = batch.flatten(1)
        if not kept:
            kept.append(ActivationWriter(folder, INPUTS, rows.shape[1]))
        kept[0].append(rows)
        yield batch


def _check_fresh(samples: Samples, split: str) -> None:
    """Refuse one generator handed out again and again: whoever asks second would miss batches."""
    given = samples.batches()
    if iter(given) is given and samples.batches() is given:
        raise ConfigError(
            f"{split} gives the same iterator twice, which is used up after one pass: "
            "give a function that starts a fresh pass over the batches each time"
        )


def _check_order(subject: Subject, samples: Samples) -> None:
    """Refuse sites that the network runs in another order; what else is wrong is left to the capture."""
    batch = next(iter(samples.batches()), None)
    if batch is not None:
        check_order(subject.sites, widths_as_run(subject.network, subject.sites, batch))


def check_order(sites: Sequence[Site], ran: Iterable[str]) -> None:
    """Refuse sites that the network `ran` in another order; one that it did not run is left to the capture.

    Raises:
        ConfigError: another order.
    """
    names, order = [site.name for site in sites], list(ran)
    if order != names and sorted(order) == sorted(names):
        raise ConfigError(f"the network runs its sites in the order {', '.join(order)}: give them so")


def _labels(samples: Samples, outputs: Tensor, split: str) -> Int[Tensor, " n"]:
    labels = samples.labels
    if labels is None:
        return outputs.argmax(1)
    if labels.shape != (len(outputs),) or labels.is_floating_point():
        raise DataError(
            f"{split} labels of {labels.dtype} {list(labels.shape)} do not match {len(outputs)} samples: "
            "give one class number for each"
        )
    if int(labels.min()) < 0 or int(labels.max()) >= outputs.shape[1]:
        raise DataError(
            f"{split} labels go from {int(labels.min())} to {int(labels.max())}: "
            f"the network has {outputs.shape[1]} outputs, numbered from 0"
        )
    return labels.long().cpu()


def load_activations(study: Study, split: str) -> PairedActivations:
    """The stored activations of a split, all sites and the outputs (and inputs, where they are needed).

    Raises:
        StudyError: missing or damaged.
    """
    folder = study.folder(artefact(split))
    names = [*load_card(study).sites, *(name for name in (OUTPUTS, INPUTS) if (folder / name).is_dir())]
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
