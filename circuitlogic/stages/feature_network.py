"""Stage 5: the feature network, pruned and tuned, and how closely it follows the original."""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.connectors.metrics import sparsity_of
from circuitlogic.connectors.model import Connector
from circuitlogic.datasets.images import ImageData
from circuitlogic.errors import ConfigError, StudyError
from circuitlogic.networks.protocol import Tail, tail_from
from circuitlogic.progress import SILENT, Progress
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.stages.captured import artefact as activations_artefact
from circuitlogic.stages.captured import captured, load_activations, load_labels
from circuitlogic.stages.connecting import artefact as connector_artefact
from circuitlogic.stages.connecting import load_connectors
from circuitlogic.stages.dictionaries import load_dictionaries
from circuitlogic.stages.network_metrics import NetworkMetrics
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.splicing import measure_splices
from circuitlogic.stages.subject import Subject, image_samples
from circuitlogic.study import Study
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.substitute.tuning import tune_feature_network
from circuitlogic.tensor_files import read_json
from circuitlogic.verify.faithfulness import (
    faithfulness,
    reconstruction_faithfulness,
    reference,
    site_fidelity,
)

TUNED = "feature_network"
"""Artefact that holds the tuned connectors."""
SELECTED = "selection"
"""Artefact that holds those of their edges that `extract` was asked for, before the threshold."""
CHOICE = "choice.json"
"""What was asked: score, top_k, edges."""


def make_feature_network(study: Study, subject: Subject, progress: Progress) -> None:
    """Tune the chain of connectors; measure nothing yet, since that needs a threshold.

    A language model's connectors stay as solved: each stands for one layer, with the true ones around it.
    """
    config = study.config
    connectors = load_connectors(study)
    made_from = [study.entry(connector_artefact(c.source, c.target)).content for c in connectors]
    key = study.key("tune", config.tune, config.extract.threshold, config.seed, made_from, subject.identity)
    if study.is_done(TUNED, key):
        return
    if subject.text is None:
        train = load_activations(study, "train")
        seed = seed_for(config.seed, TUNED)
        solved = load_feature_network(study, subject, tuned=False)
        tuned = tune_feature_network(solved, train, config.tune, config.extract.threshold, seed, progress)
        connectors = tuned.connectors
    with study.making(TUNED, key) as folder:
        for connector in connectors:
            connector.save(folder / f"{connector.source}__{connector.target}")


def load_feature_network(study: Study, subject: Subject, tuned: bool = True) -> FeatureNetwork:
    """The study's feature network: tuned, or with the connectors as their solver left them.

    Raises:
        StudyError: an artefact is missing or damaged.
    """
    connectors = load_tuned(study) if tuned else load_connectors(study)
    dictionaries = load_dictionaries(study)
    decoder = dictionaries[-1].encoder
    if not isinstance(decoder, SparseAutoencoder):
        raise StudyError(f"the dictionary of {dictionaries[-1].site} has no decoder")
    return FeatureNetwork(dictionaries, connectors, decoder, _tail(subject))


def _tail(subject: Subject) -> Tail:
    """The network after its last site: stored inputs get their own shape back, modules may work in place."""
    tail = tail_from(subject.network, subject.sites[-1])
    shape = next(iter(subject.heldout.batches())).shape[1:]

    def run(activations: Tensor, inputs: Tensor | None) -> Tensor:
        return tail(activations.clone(), None if inputs is None else inputs.reshape(-1, *shape))

    return run


def load_tuned(study: Study) -> tuple[Connector, ...]:
    """The tuned connectors, in order.

    Raises:
        StudyError: missing or damaged.
    """
    return _load(study, TUNED)


def load_selected(study: Study) -> tuple[Connector, ...]:
    """The tuned connectors with the edges that were last selected; with all, where nothing was since tuning.

    Raises:
        StudyError: missing or damaged.
    """
    if not study.has(SELECTED):
        return load_tuned(study)
    choice = read_json(study.folder(SELECTED) / CHOICE)
    current = study.is_done(SELECTED, selection_key(study, choice))
    return _load(study, SELECTED if current else TUNED)


def selection_key(study: Study, choice: dict[str, Any]) -> str:
    """The key of the edges selected from what is tuned now."""
    made_from = [study.entry(name).content for name in (TUNED, activations_artefact("train"))]
    return study.key("selection", choice, made_from)


def _load(study: Study, artefact: str) -> tuple[Connector, ...]:
    folder = study.folder(artefact)
    names = [(c.source, c.target) for c in load_connectors(study)]
    return tuple(Connector.load(folder / f"{source}__{target}") for source, target in names)


def measure_feature_network(
    study: Study, subject: Subject, threshold: float, split: str, progress: Progress = SILENT
) -> NetworkMetrics:
    """Run every variant on a stored split, after really thresholding."""
    if subject.text is not None:
        return measure_splices(study, subject, load_selected(study), threshold, progress)
    activations, labels = load_activations(study, split), load_labels(study, split)
    solved, tuned = (load_feature_network(study, subject, tuned=t) for t in (False, True))
    return measure_chain(solved, tuned, threshold, activations, labels, split, load_selected(study))


def measure_chain(
    solved: FeatureNetwork,
    tuned: FeatureNetwork,
    threshold: float,
    activations: PairedActivations,
    labels: Int[Tensor, " n"],
    split: str,
    selected: tuple[Connector, ...] | None = None,
) -> NetworkMetrics:
    """As `measure_feature_network`, on any captured samples; `selected` are the tuned edges kept, None for all."""
    tail: Tail = tuned.tail
    ref = reference(activations, labels, tuned.dictionaries[-1].site, tail, split)
    kept = tuned if selected is None else replace(tuned, connectors=selected)
    cut = kept.thresholded(threshold)
    live = [d.statistics.live for d in tuned.dictionaries[1:]]
    variants = (
        reconstruction_faithfulness(tuned, activations, ref),
        faithfulness(solved, activations, ref, "connectors as solved"),
        faithfulness(solved.thresholded(threshold), activations, ref, "as solved, thresholded"),
        faithfulness(tuned, activations, ref, "tuned"),
        faithfulness(cut, activations, ref, "tuned, thresholded"),
    )
    return NetworkMetrics(
        threshold,
        variants,
        tuple(sparsity_of(c, alive) for c, alive in zip(cut.connectors, live, strict=True)),
        site_fidelity(cut, activations, split),
    )


def measure_split(
    study: Study, subject: Subject, data: ImageData, split: str, threshold: float, progress: Progress
) -> NetworkMetrics:
    """As `measure_feature_network`, on the stored held-out samples or on the official test part of `data`.

    Raises:
        ConfigError: another split.
    """
    if split == "heldout":
        return measure_feature_network(study, subject, threshold, split)
    if split != "test":
        raise ConfigError(f"split {split!r} is not known: use heldout or test")
    solved, tuned = (load_feature_network(study, subject, tuned=t) for t in (False, True))
    labels = torch.from_numpy(data.test.labels)
    with captured(subject, image_samples(data.test), progress) as activations:
        return measure_chain(solved, tuned, threshold, activations, labels, split, load_selected(study))
