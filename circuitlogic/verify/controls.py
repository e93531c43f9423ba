"""Owns the two networks that a feature network must be compared with.

*Pruned neurons*: the original's own layers as connectors between neurons, so that the same pruning and tuning runs
on them. *Randomised weights*: the classifier with every hidden layer's weights shuffled and only its readout fitted
again, so that its features can be decomposed, though nothing in them was learned.
"""

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.activations.sites import Site
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.errors import ConfigError
from circuitlogic.networks.image_mlp import ImageClassifier
from circuitlogic.networks.protocol import KnowsItsWeights, Tail
from circuitlogic.saes.base import Weights
from circuitlogic.saes.relu import Relu
from circuitlogic.saes.statistics import feature_statistics
from circuitlogic.substitute.feature_network import FeatureNetwork

_READOUT_PENALTY = 1e-4
_READOUT_STEPS = 200


def neuron_dictionary(activations: PairedActivations, site: str, firing: float) -> Dictionary:
    """The neurons of a site (not negative, as after a ReLU) as its features."""
    store = activations.stores[site]
    sae = _identity(store.d)
    return Dictionary(site, sae, feature_statistics(sae, store, firing))


def _identity(d: int) -> Relu:
    eye, zero = torch.eye(d), torch.zeros(d)
    return Relu(Weights(eye, zero, eye, zero), 0.0)


def neuron_network(
    network: nn.Module, sites: Sequence[Site], tail: Tail, activations: PairedActivations, firing: float
) -> FeatureNetwork:
    """The original as a feature network: neurons for features, its own layers for connectors; exact.

    Raises:
        ConfigError: no single linear layer with ReLU is known between two sites.
    """
    dictionaries = [neuron_dictionary(activations, site.name, firing) for site in sites]
    connectors: list[Connector] = []
    for (one, two), (source, target) in zip(pairwise(sites), pairwise(dictionaries), strict=True):
        affine = (
            network.affine_between(one.module, two.module) if isinstance(network, KnowsItsWeights) else None
        )
        if affine is None:
            raise ConfigError(
                f"no single layer is known between {one.name} and {two.name}: no neurons to prune"
            )
        scales = (source.statistics.scales, target.statistics.scales)
        weight = torch.where(target.statistics.live[:, None], affine[0], 0.0)
        connectors.append(Connector(one.name, two.name, weight, affine[1].clone(), *scales))
    decoder = _identity(activations.stores[sites[-1].name].d)
    return FeatureNetwork(tuple(dictionaries), tuple(connectors), decoder, tail)


def shuffled_classifier(network: ImageClassifier, generator: torch.Generator) -> ImageClassifier:
    """A copy whose hidden layers hold the same weights and biases in random places; the readout is kept."""
    found = copy.deepcopy(network)
    with torch.no_grad():
        for layer in found.hidden:
            for parameter in layer.parameters():
                order = torch.randperm(parameter.numel(), generator=generator)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return found.eval()


def fit_readout(
    network: ImageClassifier, images: Float[Tensor, "n pixels"], labels: Int[Tensor, " n"]
) -> None:
    """Fit the readout alone, by logistic regression on the last hidden layer (L-BFGS, a little ridge)."""
    with torch.no_grad():
        hidden = network.hidden_activations(images)[1][-1]
        size = hidden.square().mean().sqrt().clamp_min(1e-12)
    weight = torch.zeros_like(network.readout.weight).requires_grad_()
    bias = torch.zeros_like(network.readout.bias).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=_READOUT_STEPS, line_search_fn="strong_wolfe", tolerance_change=1e-9
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (
            F.cross_entropy(hidden / size @ weight.T + bias, labels)
            + _READOUT_PENALTY * weight.square().sum()
        )
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        network.readout.weight.copy_(weight / size)
        network.readout.bias.copy_(bias)
