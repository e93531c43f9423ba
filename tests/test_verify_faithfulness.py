"""Faithfulness: every figure by hand, and the original measured against itself."""

import math

import pytest
import torch
from feature_cases import connector, identity_dictionary, identity_sae, sparse_features, stored
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.verify.faithfulness import (
    Reference,
    compare,
    faithfulness,
    reconstruction_faithfulness,
    reference,
    site_fidelity,
)

ORIGINAL = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
OURS = torch.tensor([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.4, 0.6]])
LABELS = torch.tensor([0, 1, 1, 0])
LOSS_ORIGINAL = -(math.log(0.9) + math.log(0.8) + math.log(0.4) + math.log(0.7)) / 4
LOSS_OURS = -(math.log(0.8) + math.log(0.6) + math.log(0.7) + math.log(0.4)) / 4


def by_hand() -> Reference:
    return Reference("heldout", ORIGINAL.log(), LABELS, loss_zero=2.0, loss_mean=1.0)


def test_every_figure_by_hand() -> None:
    found = compare(by_hand(), OURS.log(), "thresholded", (3, 4))
    kl = sum(
        p * math.log(p / q)
        for row, other in zip(ORIGINAL.tolist(), OURS.tolist(), strict=True)
        for p, q in zip(row, other, strict=True)
    )
    assert (found.variant, found.split, found.samples, found.edges) == ("thresholded", "heldout", 4, (3, 4))
    assert found.accuracy == 0.75
    assert found.agreement == 0.5
    assert found.kl == pytest.approx(kl / 4)
    assert found.loss == pytest.approx(LOSS_OURS)
    assert found.loss_recovered == pytest.approx((2.0 - LOSS_OURS) / (2.0 - LOSS_ORIGINAL))
    assert found.loss_recovered_mean == pytest.approx((1.0 - LOSS_OURS) / (1.0 - LOSS_ORIGINAL))


def test_the_original_against_itself_is_perfect() -> None:
    found = compare(by_hand(), ORIGINAL.log(), "itself", ())
    assert (found.kl, found.agreement, found.loss_recovered, found.loss_recovered_mean) == (
        0.0,
        1.0,
        1.0,
        1.0,
    )
    assert found.accuracy == 0.75


def test_logits_count_up_to_a_constant_per_sample() -> None:
    shift = torch.tensor([[3.0], [-50.0], [0.5], [100.0]])
    plain, moved = (compare(by_hand(), OURS.log() + s, "x", ()) for s in (torch.zeros(4, 1), shift))
    assert moved.kl == pytest.approx(plain.kl, abs=1e-5)
    assert moved.loss == pytest.approx(plain.loss, abs=1e-5)


def test_an_ablated_network_recovers_nothing() -> None:
    flat = torch.zeros(4, 2)
    ref = Reference("x", ORIGINAL.log(), LABELS, loss_zero=math.log(2), loss_mean=math.log(2))
    assert compare(ref, flat, "x", ()).loss_recovered == pytest.approx(0.0, abs=1e-7)


def test_where_ablation_changes_nothing_nothing_can_be_recovered() -> None:
    loss = compare(by_hand(), ORIGINAL.log(), "x", ()).loss
    ref = Reference("x", ORIGINAL.log(), LABELS, loss_zero=loss, loss_mean=loss)
    assert compare(ref, OURS.log(), "x", ()).loss_recovered == 0.0


READOUT = torch.tensor([[2.0, -1.0], [-1.0, 1.0], [0.5, 0.0]])
BIAS = torch.tensor([0.3, -0.2])


def tail(activations: Tensor, inputs: Tensor | None) -> Tensor:
    return activations @ READOUT + BIAS


TRUE = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, -1.0], [-0.5, 0.0, 1.0]])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[PairedActivations, Reference]:
    """A network a → b = ReLU(TRUE a) → linear outputs on 5,000 samples, labelled by its own answers."""
    first = sparse_features(5000, 3, seed=0, rate=0.5)
    second = torch.relu(first @ TRUE.T)
    outputs = tail(second, None)
    activations = stored(tmp_path_factory.mktemp("chain"), {"a": first, "b": second, "outputs": outputs})
    return activations, reference(activations, outputs.argmax(1), "b", tail, "train")


def chain(activations: PairedActivations, weight: Tensor) -> FeatureNetwork:
    """A feature network with `weight` in TRUE's place."""
    ends = tuple(identity_dictionary(activations, site) for site in "ab")
    return FeatureNetwork(ends, (connector(weight),), identity_sae(3), tail)


def test_an_exact_chain_is_the_original(original: tuple[PairedActivations, Reference]) -> None:
    activations, ref = original
    network = chain(activations, TRUE)
    found = faithfulness(network, activations, ref, "exact")
    assert found.kl == pytest.approx(0.0, abs=1e-9)
    assert (found.agreement, found.accuracy, found.edges) == (1.0, 1.0, (6,))
    assert found.loss_recovered == pytest.approx(1.0, abs=1e-6)
    assert found.loss_recovered_mean == pytest.approx(1.0, abs=1e-6)
    fidelity = site_fidelity(network, activations, "train")
    assert [f.samples for f in fidelity] == [5000]
    assert fidelity[0].fvu == pytest.approx(0.0, abs=1e-9)
    assert fidelity[0].firing_f1_median == 1.0


def test_ablations_are_what_they_say(original: tuple[PairedActivations, Reference]) -> None:
    activations, ref = original
    mean = torch.from_numpy(activations.stores["b"].as_array().mean(0))
    for loss, logits in ((ref.loss_zero, BIAS), (ref.loss_mean, tail(mean, None))):
        expected = torch.nn.functional.cross_entropy(logits.expand(5000, 2), ref.labels)
        assert loss == pytest.approx(float(expected), abs=1e-5)


def test_a_wrong_connector_is_found_out_and_the_dictionary_is_not_blamed(
    original: tuple[PairedActivations, Reference],
) -> None:
    activations, ref = original
    network = chain(activations, 0.3 * TRUE)
    found = faithfulness(network, activations, ref, "wrong")
    assert found.kl > 0.05
    assert found.agreement < 1.0
    assert found.loss_recovered < 0.95
    assert site_fidelity(network, activations, "train")[0].fvu > 0.3
    alone = reconstruction_faithfulness(network, activations, ref)
    assert alone.kl == pytest.approx(0.0, abs=1e-9)
    assert alone.edges == ()
    assert "b" in alone.variant


def test_a_chain_without_edges_is_the_zero_ablation(original: tuple[PairedActivations, Reference]) -> None:
    activations, ref = original
    found = faithfulness(chain(activations, torch.zeros(3, 3)), activations, ref, "empty")
    assert found.edges == (0,)
    assert found.loss_recovered == pytest.approx(0.0, abs=1e-6)
