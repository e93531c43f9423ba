"""Optimised inputs: known answers for linear features, constraints, determinism, refusals."""

import pytest
import torch
from torch import Tensor

from circuitlogic.errors import ConfigError, DataError
from circuitlogic.render.visualise import Ascent, optimised_input


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def patterns(count: int, side: int) -> Tensor:
    """Rows with +1 inside a square that differs by row, -1 elsewhere, shape [count, side * side]."""
    weights = -torch.ones(count, side, side)
    third = side // 3
    for row in range(count):
        top = (row * third) % (side - third)
        weights[row, top : top + third, row : row + 2 * third] = 1
    return weights.flatten(1)


@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 1, 8, 8), (2, 28, 28), (2, 1, 28, 28)])
def test_a_linear_feature_likes_the_pixels_with_positive_weight(shape: tuple[int, ...]) -> None:
    weights = patterns(shape[0], shape[-1])
    images = optimised_input(
        lambda x: (x * weights).sum(1), shape, 60, seeded(), Ascent(total_variation=0.02)
    )
    assert images.shape == shape
    bright = torch.from_numpy(images).flatten(1) > 0.5
    agreement = (bright == (weights > 0)).float().mean(1)
    assert (agreement > 0.95).all()


def test_jitter_and_smoothness_still_find_a_blob() -> None:
    weights = patterns(1, 28)
    ascent = Ascent(jitter=2, total_variation=0.3)
    images = torch.from_numpy(
        optimised_input(lambda x: (x * weights).sum(1), (1, 28, 28), 80, seeded(), ascent)
    )
    inside = images.flatten(1)[weights > 0].mean()
    outside = images.flatten(1)[weights < 0].mean()
    assert inside > 0.8
    assert outside < 0.1


def test_pixels_stay_in_the_box_and_the_activation_rises() -> None:
    torch_rng = seeded(3)
    weights = torch.randn(4, 64, generator=torch_rng)
    hidden = torch.randn(64, 64, generator=torch_rng) / 8

    def activation(x: Tensor) -> Tensor:
        return (torch.tanh(x @ hidden) * weights).sum(1)

    start = torch.from_numpy(optimised_input(activation, (4, 8, 8), 1, seeded()))
    images = torch.from_numpy(optimised_input(activation, (4, 8, 8), 80, seeded()))
    assert float(images.min()) >= 0
    assert float(images.max()) <= 1
    assert (activation(images.flatten(1)) > activation(start.flatten(1))).all()


def test_features_in_a_batch_do_not_disturb_each_other() -> None:
    weights = patterns(2, 8)
    together = optimised_input(lambda x: (x * weights).sum(1), (2, 8, 8), 40, seeded(), Ascent(start=0.0))
    scaled = weights * torch.tensor([[1.0], [1000.0]])
    apart = optimised_input(lambda x: (x * scaled).sum(1), (2, 8, 8), 40, seeded(), Ascent(start=0.0))
    assert abs(together - apart).max() < 1e-4


def test_brightness_penalty_darkens_pixels_that_do_not_matter() -> None:
    weights = torch.zeros(1, 64)
    weights[0, :8] = 1
    images = optimised_input(
        lambda x: (x * weights).sum(1), (1, 8, 8), 150, seeded(), Ascent(total_variation=0.0)
    )
    assert images[0, 0].min() > 0.9
    assert images[0, 1:].max() < 0.1


def test_smoothness_penalty_reduces_the_variation() -> None:
    weights = torch.randn(1, 64, generator=seeded(5))

    def variation(strength: float) -> float:
        ascent = Ascent(total_variation=strength)
        images = optimised_input(lambda x: (x * weights).sum(1), (1, 8, 8), 60, seeded(), ascent)
        return float(
            abs(images[:, 1:] - images[:, :-1]).sum() + abs(images[:, :, 1:] - images[:, :, :-1]).sum()
        )

    assert variation(0.6) < variation(0.0)


def test_same_generator_same_image_and_the_network_stays_unchanged() -> None:
    layer = torch.nn.Linear(64, 2)
    first, second = (
        optimised_input(lambda x: layer(x)[range(2), range(2)], (2, 8, 8), 20, seeded(7)) for _ in range(2)
    )
    assert (first == second).all()
    assert all(parameter.grad is None for parameter in layer.parameters())


def test_a_feature_with_no_slope_goes_dark_instead_of_failing() -> None:
    images = optimised_input(lambda x: torch.relu(x.sum(1) - 1e6), (1, 8, 8), 150, seeded())
    assert images.max() < 0.05


@pytest.mark.parametrize(("shape", "steps"), [((8, 8), 5), ((1, 3, 8, 8), 5), ((0, 8, 8), 5), ((1, 8, 8), 0)])
def test_shapes_and_steps_that_make_no_sense(shape: tuple[int, ...], steps: int) -> None:
    with pytest.raises(ConfigError, match="height, width"):
        optimised_input(lambda x: x.sum(1), shape, steps, seeded())


@pytest.mark.parametrize(
    "setting", [{"l2": -1.0}, {"step_size": 0.0}, {"jitter": -1}, {"total_variation": -0.1}]
)
def test_settings_that_make_no_sense(setting: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Ascent(**setting)  # type: ignore[arg-type]


def test_activations_of_a_wrong_kind_are_refused() -> None:
    with pytest.raises(DataError, match=r"expected \[2\]"):
        optimised_input(lambda x: x, (2, 4, 4), 3, seeded())
    with pytest.raises(DataError, match="does not depend"):
        optimised_input(lambda x: torch.zeros(len(x)), (2, 4, 4), 3, seeded())
    with pytest.raises(DataError, match="finite gradient"):
        optimised_input(lambda x: x.sum(1) * float("nan"), (2, 4, 4), 3, seeded())
