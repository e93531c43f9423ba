"""Controls: neurons as features are the original itself; shuffled weights are the same weights elsewhere."""

from pathlib import Path

import pytest
import torch
from feature_cases import seeded
from image_cases import blobs

from circuitlogic.activations.paired import OUTPUTS, PairedActivations, capture_to_disk
from circuitlogic.activations.sites import Site
from circuitlogic.config import NetworkConfig
from circuitlogic.errors import ConfigError
from circuitlogic.networks.protocol import tail_from
from circuitlogic.networks.training import score_classifier, train_classifier
from circuitlogic.verify.controls import fit_readout, neuron_network, shuffled_classifier
from circuitlogic.verify.faithfulness import faithfulness, original_accuracy, reference

SITES = ("hidden.0", "hidden.1", "hidden.2")
CONFIG = NetworkConfig(hidden=(12, 12, 12), epochs=5, batch_size=32, shift=0, lr=0.01)


def test_unpruned_neurons_are_the_original(tmp_path: Path) -> None:
    data = blobs()
    network = train_classifier(data, CONFIG, seeded(0))
    images, labels = torch.from_numpy(data.train.images), torch.from_numpy(data.train.labels)
    activations = PairedActivations(capture_to_disk(network, SITES, [images], tmp_path, outputs_as=OUTPUTS))
    sites = [Site.parse(name) for name in SITES]
    tail = tail_from(network, sites[-1])
    exact = neuron_network(network, sites, tail, activations, 0.1)
    ref = reference(activations, labels, SITES[-1], tail, "train")
    found = faithfulness(exact, activations, ref, "neurons")
    assert found.agreement == 1.0
    assert found.kl == pytest.approx(0.0, abs=1e-6)
    assert found.accuracy == original_accuracy(activations, labels)
    with pytest.raises(ConfigError, match="no single layer"):
        neuron_network(network, [sites[0], sites[2]], tail, activations, 0.1)


def test_shuffled_weights_are_the_same_weights_elsewhere() -> None:
    network = train_classifier(blobs(), CONFIG, seeded(0))
    before = [p.detach().clone() for p in network.parameters()]
    shuffled = shuffled_classifier(network, seeded(1))
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    for layer, other in zip(network.hidden, shuffled.hidden, strict=True):
        for one, two in zip(layer.parameters(), other.parameters(), strict=True):
            assert torch.equal(one.flatten().sort().values, two.flatten().sort().values)
            assert not torch.equal(one, two)
    assert torch.equal(network.readout.weight, shuffled.readout.weight)


def test_fitting_the_readout_restores_most_of_the_accuracy_and_nothing_else_moves() -> None:
    data = blobs()
    shuffled = shuffled_classifier(train_classifier(data, CONFIG, seeded(0)), seeded(1))
    hidden = [p.detach().clone() for p in shuffled.hidden.parameters()]
    before = score_classifier(shuffled, data.train, "train").accuracy
    fit_readout(shuffled, torch.from_numpy(data.train.images), torch.from_numpy(data.train.labels))
    after = score_classifier(shuffled, data.train, "train").accuracy
    assert after > max(before, 0.6)
    assert all(torch.equal(a, b) for a, b in zip(hidden, shuffled.hidden.parameters(), strict=True))
