"""Features of sites with a known map between them, shared by the tests of connectors and what uses them."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.activations.store import ActivationStore
from circuitlogic.activations.writer import ActivationWriter
from circuitlogic.connectors.feature_pairs import Dictionary, FeaturePairs
from circuitlogic.connectors.model import Connector
from circuitlogic.saes.base import Weights
from circuitlogic.saes.relu import Relu
from circuitlogic.saes.statistics import FeatureStatistics, feature_statistics

# Tensors here are small: on a busy machine more threads only wait for each other.


def seeded(seed: int) -> torch.Generator:
    """A generator of random numbers."""
    return torch.Generator().manual_seed(seed)


def sparse_features(samples: int, features: int, seed: int, rate: float = 0.25) -> Tensor:
    """[samples, features], each feature on at `rate` with strength 0.5 to 1.5."""
    generator = seeded(seed)
    on = torch.rand(samples, features, generator=generator) < rate
    return on * (0.5 + torch.rand(samples, features, generator=generator))


def stored(folder: Path, values: Mapping[str, Tensor]) -> PairedActivations:
    """Activations on disk."""
    stores: dict[str, ActivationStore] = {}
    for site, rows in values.items():
        writer = ActivationWriter(folder / site, site, rows.shape[1])
        writer.append(rows.float())
        stores[site] = writer.finish()
    return PairedActivations(stores)


def identity_sae(d: int) -> Relu:
    """An autoencoder whose features are the non-negative components themselves."""
    eye = torch.eye(d)
    return Relu(Weights(eye, torch.zeros(d), eye, torch.zeros(d)), 0.0)


def identity_dictionary(activations: PairedActivations, site: str) -> Dictionary:
    """A dictionary that reads components as features, measured on the stored activations."""
    store = activations.stores[site]
    sae = identity_sae(store.d)
    return Dictionary(site, sae, feature_statistics(sae, store, 0.1))


def pairs_of(folder: Path, source: Tensor, target: Tensor) -> FeaturePairs:
    """Training data of a connector a → b between features that are the activations themselves."""
    activations = stored(folder, {"a": source, "b": target})
    return FeaturePairs(
        identity_dictionary(activations, "a"), identity_dictionary(activations, "b"), activations
    )


def plain_statistics(features: int, thresholds: float = 0.0, scale: float = 1.0) -> FeatureStatistics:
    """Statistics of live features, all alike."""
    full = torch.full((features,), 1.0)
    return FeatureStatistics(scale * full, 0.5 * full, thresholds * full, 100 * full)


def connector(weight: Tensor, bias: Tensor | None = None, source: str = "a", target: str = "b") -> Connector:
    """A connector between features of scale 1."""
    n_out, n_in = weight.shape
    bias = torch.zeros(n_out) if bias is None else bias
    return Connector(source, target, weight, bias, torch.ones(n_in), torch.ones(n_out))


def planted_map(n_in: int, n_out: int, seed: int) -> tuple[Tensor, Tensor]:
    """(W, b): every output has two exciting inputs and one inhibiting one."""
    generator = seeded(seed)
    weight = torch.zeros(n_out, n_in)
    for row in weight:
        chosen = torch.randperm(n_in, generator=generator)[:3]
        row[chosen] = torch.tensor([1.0, 0.8, -1.2])
    return weight, torch.full((n_out,), -0.1)
