"""Training the image classifier: it learns, the seed decides every byte, nonsense is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from feature_cases import seeded
from image_cases import blobs

from circuitlogic.config import NetworkConfig
from circuitlogic.datasets.images import ImageSplit
from circuitlogic.errors import DataError
from circuitlogic.networks.training import score_classifier, score_logits, shifted, train_classifier

SMALL = NetworkConfig(hidden=(12, 10), epochs=5, batch_size=32, shift=0, lr=0.01)


def test_the_classifier_learns_and_is_left_in_evaluation_mode() -> None:
    data = blobs()
    network = train_classifier(data, SMALL, seeded(0))
    score = score_classifier(network, data.heldout, "heldout")
    assert (score.split, score.samples) == ("heldout", len(data.heldout))
    assert score.accuracy > 0.95
    assert score.loss < 0.3
    assert not any(module.training for module in network.modules())
    assert [layer[0].out_features for layer in network.hidden] == [12, 10]


def test_the_seed_decides_every_weight() -> None:
    data, config = blobs(), replace(SMALL, epochs=1, shift=1)
    once, again, other = (train_classifier(data, config, seeded(s)).state_dict() for s in (3, 3, 4))
    assert all(torch.equal(once[name], again[name]) for name in once)
    assert not torch.equal(once["readout.weight"], other["readout.weight"])


@pytest.mark.parametrize("steps", range(1, 8))
def test_any_number_of_steps_can_be_trained(steps: int) -> None:
    data = blobs(samples=steps * 8)
    network = train_classifier(data, replace(SMALL, epochs=1, batch_size=8), seeded(0))
    assert all(torch.isfinite(parameter).all() for parameter in network.parameters())


def test_an_activation_penalty_makes_activations_smaller() -> None:
    data = blobs()
    images = torch.from_numpy(data.train.images)
    energies: list[float] = []
    for penalty in (0.0, 1.0):
        network = train_classifier(data, replace(SMALL, activation_penalty=penalty), seeded(0))
        energies.append(float(network.hidden_activations(images)[1][-1].square().mean().detach()))
    assert energies[1] < 0.5 * energies[0]


def test_a_loss_that_is_not_finite_is_refused() -> None:
    data = blobs()
    images = np.full_like(data.train.images, np.nan)
    with pytest.raises(DataError, match=r"network\.lr"):
        train_classifier(replace(data, train=ImageSplit(images, data.train.labels)), SMALL, seeded(0))
    with pytest.raises(DataError, match="not finite"):
        train_classifier(data, replace(SMALL, lr=1e30), seeded(0))


def test_scores_by_hand() -> None:
    """Probabilities of the right class 0.9, 0.4 (wrong), 0.5 (argmax is the first of equals, wrong)."""
    logits = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]]).log()
    score = score_logits(logits, torch.tensor([0, 0, 1]), "hand")
    assert score.accuracy == pytest.approx(1 / 3)
    assert score.loss == pytest.approx(-np.log([0.9, 0.4, 0.5]).mean())


def picture(down: int, right: int) -> torch.Tensor:
    """A 5 by 4 image with one bright pixel."""
    image = torch.zeros(5, 4)
    image[down, right] = 1.0
    return image.flatten()


def test_shifts_move_the_whole_batch_by_one_offset_and_fill_with_nothing() -> None:
    batch = torch.stack([picture(2, 1), picture(2, 2)])
    seen: set[tuple[int, int]] = set()
    generator = seeded(0)
    for _ in range(60):
        moved = shifted(batch, (5, 4), 1, generator).view(2, 5, 4)
        spots = moved.nonzero().tolist()
        assert [spot[0] for spot in spots] == [0, 1]
        (_, down, right), (_, down2, right2) = spots
        assert (down2, right2) == (down, right + 1)
        seen.add((down - 2, right - 1))
    assert seen == {(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)}


def test_what_is_moved_out_of_the_picture_is_gone_and_no_shift_changes_nothing() -> None:
    corner = picture(0, 0)[None]
    sums = {
        float(shifted(corner, (5, 4), 1, generator).sum()) for generator in [seeded(0)] for _ in range(40)
    }
    assert sums == {0.0, 1.0}
    assert torch.equal(shifted(corner, (5, 4), 0, seeded(0)), corner)
