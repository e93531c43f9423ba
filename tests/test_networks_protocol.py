"""Networks: running on from a site gives what the whole network gives, by `resume` and by hooks."""

from collections.abc import Callable

import pytest
import torch
from feature_cases import seeded
from torch import Tensor, nn

from circuitlogic.activations.sites import Site
from circuitlogic.errors import DataError, UnknownNameError
from circuitlogic.networks.image_mlp import ImageClassifier
from circuitlogic.networks.protocol import KnowsItsWeights, Resumable, outputs_of, tail_from

EVERY_LAYER = ["hidden.0", "hidden.1", "hidden.0.0", "hidden.0.1", "hidden.1.0", "hidden.1.1", "readout"]


@pytest.fixture
def classifier() -> ImageClassifier:
    network = ImageClassifier(12, (7, 5), 3, seeded(0))
    with torch.no_grad():
        for number, parameter in enumerate(network.parameters()):
            if parameter.ndim == 1:
                parameter.copy_(torch.randn(parameter.shape, generator=seeded(number)))
    return network


@pytest.fixture
def images() -> Tensor:
    return torch.rand(9, 12, generator=seeded(1))


def caught(network: nn.Module, module: str, inputs: Tensor) -> Tensor:
    """The output of `module` on `inputs`."""
    seen: list[Tensor] = []
    hook = network.get_submodule(module).register_forward_hook(
        lambda _m, _a, out: seen.append(out.detach().clone())
    )
    with torch.no_grad():
        network(inputs)
    hook.remove()
    return seen[0]


@pytest.mark.parametrize("site", EVERY_LAYER)
def test_resuming_at_any_layer_gives_the_networks_outputs(
    classifier: ImageClassifier, images: Tensor, site: str
) -> None:
    assert torch.equal(classifier.resume(site, caught(classifier, site, images)), classifier(images))


def test_resuming_from_the_pixels_is_the_whole_network(classifier: ImageClassifier, images: Tensor) -> None:
    assert torch.equal(classifier.resume(None, images), classifier(images))
    logits, hidden = classifier.hidden_activations(images)
    assert torch.equal(logits, classifier(images))
    assert [h.shape[1] for h in hidden] == [7, 5]
    assert classifier.site_names == ("hidden.0", "hidden.1")


def test_an_unknown_site_suggests_the_right_one(classifier: ImageClassifier, images: Tensor) -> None:
    with pytest.raises(UnknownNameError, match=r"hidden\.1"):
        classifier.resume("hiden.1", images)
    with pytest.raises(UnknownNameError, match="readout"):
        classifier.affine_between("hidden.0", "readot")


class Hidden(nn.Module):
    """The same network without `resume`: only hooks can run it on."""

    def __init__(self, network: ImageClassifier) -> None:
        super().__init__()
        self.hidden, self.readout = network.hidden, network.readout

    def forward(self, images: Tensor) -> Tensor:
        for layer in self.hidden:
            images = layer(images)
        return self.readout(images)


@pytest.mark.parametrize("site", EVERY_LAYER)
def test_a_hooked_tail_equals_resume(classifier: ImageClassifier, images: Tensor, site: str) -> None:
    place = Site.parse(site)
    hooked = Hidden(classifier)
    assert isinstance(classifier, Resumable)
    assert not isinstance(hooked, Resumable)
    other = torch.rand_like(caught(classifier, site, images))
    expected = tail_from(classifier, place)(other, None)
    assert torch.allclose(tail_from(hooked, place)(other, images), expected, atol=1e-6)
    assert torch.equal(hooked(images), classifier(images))


def test_an_input_site_replaces_what_the_module_is_given(classifier: ImageClassifier, images: Tensor) -> None:
    other = torch.rand(9, 7, generator=seeded(3))
    found = tail_from(classifier, Site.parse("hidden.1:in"))(other, images)
    assert torch.allclose(found, classifier.resume("hidden.0", other), atol=1e-6)


def test_both_tails_pass_gradients_to_the_activation(classifier: ImageClassifier, images: Tensor) -> None:
    gradients: list[Tensor] = []
    for network in (classifier, Hidden(classifier)):
        activation = torch.ones(9, 7, requires_grad=True)
        tail_from(network, Site.parse("hidden.0"))(activation, images).square().sum().backward()
        assert activation.grad is not None
        gradients.append(activation.grad)
    assert gradients[0].abs().sum() > 0
    assert torch.allclose(*gradients, atol=1e-5)


def test_a_hooked_tail_needs_the_inputs(classifier: ImageClassifier) -> None:
    with pytest.raises(DataError, match=r"Hidden has no resume\(\).*hidden\.0"):
        tail_from(Hidden(classifier), Site.parse("hidden.0"))(torch.ones(2, 7), None)


def test_a_hook_is_taken_off_even_where_the_network_fails(
    classifier: ImageClassifier, images: Tensor
) -> None:
    hooked = Hidden(classifier)
    before = hooked(images)
    with pytest.raises(RuntimeError):
        tail_from(hooked, Site.parse("hidden.0"))(torch.ones(9, 8), images)
    assert torch.equal(hooked(images), before)


class Odd(nn.Module):
    """Gives its activation inside a tuple, a dict, or takes it as a keyword; in double precision."""

    def __init__(self, wrap: Callable[[Tensor], object], unwrap: Callable[[object], Tensor]) -> None:
        super().__init__()
        self.inner = _Wrapping(wrap)
        self.unwrap = unwrap

    def forward(self, x: Tensor) -> Tensor:
        return 2 * self.unwrap(self.inner(scale=3, x=x.double()))


class _Wrapping(nn.Module):
    def __init__(self, wrap: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.wrap = wrap

    def forward(self, scale: int, x: Tensor) -> object:
        return self.wrap(scale * x)


@pytest.mark.parametrize(
    ("wrap", "unwrap"),
    [
        (lambda x: x, lambda y: y),
        (lambda x: (x, "more"), lambda y: y[0]),
        (lambda x: (None, x), lambda y: y[1]),
        (lambda x: {"note": 1, "hidden": x}, lambda y: y["hidden"]),
        (lambda x: x[:, None, :], lambda y: y[:, 0]),
    ],
)
def test_the_first_tensor_of_what_a_module_gives_or_takes_is_replaced(
    wrap: Callable[[Tensor], object], unwrap: Callable[[object], Tensor]
) -> None:
    network, inputs, new = Odd(wrap, unwrap), torch.rand(4, 3), torch.rand(4, 3)
    assert torch.allclose(tail_from(network, Site.parse("inner"))(new, inputs), 2 * new.double())
    assert torch.allclose(tail_from(network, Site.parse("inner:in"))(new, inputs), 6 * new.double())


def test_tails_run_in_evaluation_mode_and_put_modes_back() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    network.train()
    network[2].eval()
    inputs, activation = torch.rand(6, 3), torch.rand(6, 4)
    tail = tail_from(network, Site.parse("0"))
    assert torch.equal(tail(activation, inputs), tail(activation, inputs))
    assert torch.equal(outputs_of(network, inputs), outputs_of(network, inputs))
    assert network[1].num_batches_tracked == 0
    assert [module.training for module in network] == [True, True, False, True]


def test_outputs_do_not_depend_on_the_batch_size(classifier: ImageClassifier, images: Tensor) -> None:
    assert torch.allclose(outputs_of(classifier, images, 2), outputs_of(classifier, images), atol=1e-6)
    assert not outputs_of(classifier, images).requires_grad


@pytest.mark.parametrize(
    ("source", "target", "then"),
    [
        ("hidden.0", "hidden.1", torch.relu),
        ("hidden.0.1", "hidden.1.0", lambda z: z),
        ("hidden.1", "readout", lambda z: z),
    ],
)
def test_the_layer_between_two_sites_computes_the_next_from_the_last(
    classifier: ImageClassifier, images: Tensor, source: str, target: str, then: Callable[[Tensor], Tensor]
) -> None:
    assert isinstance(classifier, KnowsItsWeights)
    affine = classifier.affine_between(source, target)
    assert affine is not None
    computed = then(caught(classifier, source, images) @ affine[0].T + affine[1])
    assert torch.allclose(computed, caught(classifier, target, images), atol=1e-5)
    assert not affine[0].requires_grad


@pytest.mark.parametrize(
    ("source", "target"),
    [("hidden.0", "readout"), ("hidden.1", "hidden.0"), ("hidden.0", "hidden.0"), ("hidden.0.0", "hidden.1")],
)
def test_no_layer_is_claimed_where_there_is_not_exactly_one(
    classifier: ImageClassifier, source: str, target: str
) -> None:
    assert classifier.affine_between(source, target) is None
