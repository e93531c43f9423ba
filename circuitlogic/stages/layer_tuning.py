"""A language model's layers as they are tuned: each by itself, with the autoencoder that its connector predicts."""

import numpy as np
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.errors import StudyError
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.stages.connecting import load_connectors
from circuitlogic.stages.dictionaries import load_ends
from circuitlogic.stages.subject import Subject
from circuitlogic.stages.token_rerun import layer_alone
from circuitlogic.study import Study
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.substitute.interventional import TrueMap
from circuitlogic.substitute.spliced_text import SplicedText


def solved_layers(study: Study) -> list[FeatureNetwork]:
    """Every layer with its connector as solved; none where no autoencoder may move."""
    tune = study.config.tune
    if tune.dictionaries != "later" or tune.epochs == 0:
        return []
    return [
        FeatureNetwork((source, target), (connector,), _decoder_of(target), _no_tail)
        for (source, target), connector in zip(load_ends(study, False), load_connectors(study), strict=True)
    ]


def layer_map(subject: Subject, layer: FeatureNetwork, activations: PairedActivations) -> TrueMap | None:
    """The layer by itself; None where it does not treat each token by itself."""
    places = {site.name: site for site in subject.sites}
    source, target = (places[dictionary.site] for dictionary in layer.dictionaries)
    alone = layer_alone(subject.network, (source, target), activations)
    if alone is None:
        return None
    return TrueMap((lambda edited, _: alone(edited, np.arange(len(edited))),), _no_tail, keeps_rest=True)


def layer_text(study: Study, subject: Subject, layer: FeatureNetwork) -> SplicedText | None:
    """The training text with the model around the layer; None where tuning does not ask for it."""
    if subject.text is None or study.config.tune.splice == 0:
        return None
    target = next(site for site in subject.sites if site.name == layer.dictionaries[-1].site)
    return SplicedText.of(subject.network, target, subject.text.train)


def _decoder_of(dictionary: Dictionary) -> SparseAutoencoder:
    if not isinstance(dictionary.encoder, SparseAutoencoder):
        raise StudyError(f"the dictionary of {dictionary.site} has no decoder")
    return dictionary.encoder


def _no_tail(activations: Tensor, inputs: Tensor | None) -> Tensor:  # noqa: ARG001
    return activations
