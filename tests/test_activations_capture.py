"""Capturing: any module, any side, rows that belong together, and a network left as it was found."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from circuitlogic.activations.capture import capture, capture_in_memory
from circuitlogic.activations.sites import Site, find_sites
from circuitlogic.errors import ConfigError, DataError, UnknownNameError
from circuitlogic.features import FeatureId


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))


def batches(n: int = 10, size: int = 4, d: int = 3) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return list(torch.randn(n, d, generator=generator).split(size))


def hooks_on(module: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in module.modules())


class Odd(nn.Module):
    """A part whose output is `make(x)`."""

    def __init__(self, make) -> None:
        super().__init__()
        self.part = Making(make)

    def forward(self, x: Tensor) -> Tensor:
        self.part(x)
        return x


class Making(nn.Module):
    def __init__(self, make) -> None:
        super().__init__()
        self.make = make

    def forward(self, x: Tensor):
        return self.make(x)


# --- sites -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("hidden.1", Site("hidden.1", "hidden.1", "out")),
        ("hidden.1:out", Site("hidden.1.out", "hidden.1", "out")),
        ("hidden.1:in", Site("hidden.1.in", "hidden.1", "in")),
        ("a-b_c", Site("a-b_c", "a-b_c", "out")),
    ],
)
def test_parsing(text: str, site: Site) -> None:
    assert Site.parse(text) == site
    assert FeatureId.parse(f"{site.name}/3").site == site.name


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a..b", ".a", "a.", "a/b", "../a", "a:both", "a:", ":in", "a b", "a\n", "é"]
)
def test_texts_that_are_no_sites(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a site"):
        Site.parse(text)


@pytest.mark.parametrize("text", ["layers.0.linear1", "layers.0.linear1:in", "layers.0.linear1:out"])
def test_a_sites_name_can_be_given_as_a_site(text: str) -> None:
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 1, enable_nested_tensor=False)
    (site,) = find_sites(encoder, [text])
    assert find_sites(encoder, [site.name]) == (site,)


def test_a_module_called_in_is_meant_before_the_side() -> None:
    tree = nn.ModuleDict({"a": nn.ModuleDict({"in": nn.Linear(1, 1)})})
    assert find_sites(tree, ["a.in"]) == (Site("a.in", "a.in", "out"),)
    assert find_sites(tree, ["a.out"]) == (Site("a.out", "a", "out"),)


def test_unknown_repeated_and_no_sites() -> None:
    with pytest.raises(UnknownNameError, match="unknown site '7': known: 0, 1, 2"):
        find_sites(network(), ["7"])
    encoder = nn.TransformerEncoderLayer(8, 2, 16)
    with pytest.raises(UnknownNameError, match="did you mean linear"):
        find_sites(encoder, ["linera1:in"])
    with pytest.raises(UnknownNameError, match=r"unknown site '0\.in:in'"):
        find_sites(network(), ["0.in:in"])
    with pytest.raises(ConfigError, match=r"'0\.in' is given 2 times"):
        find_sites(network(), ["0:in", "0.in"])
    with pytest.raises(ConfigError, match="no sites"):
        find_sites(network(), [])


# --- what is caught --------------------------------------------------------------------------------------


def test_values_are_those_of_the_modules() -> None:
    net, data = network(), batches()
    caught = capture_in_memory(net, ["0:in", "0", "1:in", "1:out", "2"], data)
    x = torch.cat(data)
    with torch.no_grad():
        first = net[0](x)
        expected = {"0.in": x, "0": first, "1.in": first, "1.out": first.relu(), "2": net(x)}
    assert list(caught) == list(expected)
    for name, values in expected.items():
        assert torch.allclose(caught[name], values), name


def test_batching_changes_nothing() -> None:
    one = capture_in_memory(network(), ["1"], batches(size=10))["1"]
    many = capture_in_memory(network(), ["1"], batches(size=3))["1"]
    assert torch.allclose(one, many, atol=1e-6)


def test_the_number_of_rows_is_returned_and_any_iterable_will_do() -> None:
    def endless_looking() -> Iterator[Tensor]:
        yield from batches(10, 3)

    sizes: list[int] = []
    total = capture(network(), ["2"], endless_looking(), lambda rows: sizes.append(len(rows["2"])))
    assert (total, sizes) == (10, [3, 3, 3, 1])


@pytest.mark.parametrize(
    "make",
    [
        lambda x: (x, x * 2),
        lambda x: [None, x],
        lambda x: ("text", x, x + 1),
        lambda x: {"loss": None, "hidden": x},
    ],
)
def test_of_a_collection_the_first_tensor_counts(make) -> None:
    data = batches()
    assert torch.equal(capture_in_memory(Odd(make), ["part"], data)["part"], torch.cat(data))


def test_recurrent_outputs_are_tuples() -> None:
    net = nn.Sequential(nn.LSTM(3, 5, batch_first=True))
    data = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    caught = capture_in_memory(net, ["0"], [data])["0"]
    assert torch.allclose(caught, net(data)[0].detach().reshape(14, 5))


def test_higher_ranks_are_flattened_to_rows_in_order() -> None:
    data = torch.arange(24.0).reshape(2, 3, 4)
    caught = capture_in_memory(nn.Sequential(nn.Identity()), ["0"], [data])["0"]
    assert torch.equal(caught, data.reshape(6, 4))


def test_half_precision_and_strided_outputs_become_float32() -> None:
    data = batches()
    caught = capture_in_memory(Odd(lambda x: x.bfloat16()[:, ::2]), ["part"], data)["part"]
    assert caught.dtype == torch.float32
    assert torch.allclose(caught, torch.cat(data)[:, ::2], rtol=1e-2)


def test_inputs_given_by_keyword_are_seen() -> None:
    class Caller(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.part(input=x)

    data = batches()
    assert torch.equal(capture_in_memory(Caller(), ["part:in"], data)["part.in"], torch.cat(data))


def test_a_transformer_layer_in_spite_of_its_fused_path() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.5)
    data = [torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]
    caught = capture_in_memory(layer, ["self_attn", "linear1", "linear2:in", "norm2"], data)
    assert {name: tuple(values.shape) for name, values in caught.items()} == {
        "self_attn": (20, 8),
        "linear1": (20, 16),
        "linear2.in": (20, 16),
        "norm2": (20, 8),
    }
    assert torch.equal(caught["linear2.in"], caught["linear1"].relu())
    with torch.no_grad():
        expected = layer.eval()(torch.cat(data)).reshape(20, 8)
    assert torch.allclose(caught["norm2"], expected, atol=1e-5)


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: None, "gives NoneType, not a float tensor"),
        (lambda _: "text", "gives str"),
        (lambda _: (), "gives tuple"),
        (lambda x: x > 0, "gives torch.bool"),
        (lambda x: x.long(), "gives torch.int64"),
        (lambda x: x.sum(), r"shape \(\)"),
        (lambda x: x[:, 0], r"shape \(4,\)"),
        (lambda x: x[:, :0], r"shape \(4, 0\)"),
    ],
)
def test_outputs_that_are_no_rows(make, words: str) -> None:
    net = Odd(make)
    with pytest.raises(DataError, match=f"'part' .*{words}"):
        capture_in_memory(net, ["part"], batches())
    assert hooks_on(net) == 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_the_first_value_that_is_not_finite_is_named(bad: float) -> None:
    data = batches(n=10, size=4)
    data[1][2, 1] = bad
    data[2][0, 0] = bad
    with pytest.raises(DataError, match=rf"site '0.in': .* sample 6 is not finite \({bad} at component 1\)"):
        capture_in_memory(network(), ["0:in"], data)


def test_sites_with_different_numbers_of_rows() -> None:
    net = nn.Sequential(nn.Identity(), nn.Flatten())
    with pytest.raises(DataError, match="'0' and '1' give 6 and 2 rows"):
        capture_in_memory(net, ["0", "1"], [torch.zeros(2, 3, 4)])


def test_a_module_that_runs_twice_or_never() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.used(self.used(x))

    with pytest.raises(DataError, match="'used' ran 2 times"):
        capture_in_memory(Twice(), ["used"], batches())
    with pytest.raises(DataError, match="'idle' ran 0 times"):
        capture_in_memory(Twice(), ["idle"], batches())


def test_no_batches() -> None:
    with pytest.raises(DataError, match="no samples"):
        capture_in_memory(network(), ["0"], [])


# --- the network is left as it was -----------------------------------------------------------------------


def test_modes_hooks_weights_and_gradients_are_left_alone() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    net.train()
    net[2].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    seen: list[tuple[bool, bool]] = []
    with_hooks: list[int] = []

    def receive(rows) -> None:
        seen.append((any(m.training for m in net.modules()), rows["2"].requires_grad))
        with_hooks.append(hooks_on(net))

    capture(net, ["0", "2"], batches(), receive)
    assert seen == [(False, False)] * 3
    assert with_hooks == [2] * 3
    assert hooks_on(net) == 0
    assert [m.training for m in net.modules()] == [True, True, True, False]
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


@pytest.mark.parametrize("where", ["network", "batches", "receiver"])
def test_an_exception_undoes_everything(where: str) -> None:
    net = network().train()

    def failing_batches() -> Iterator[Tensor]:
        yield batches()[0]
        if where == "network":
            yield torch.zeros(2, 99)
        raise KeyboardInterrupt

    def receive(rows) -> None:
        if where == "receiver":
            raise ValueError("receiver")

    expected = {"network": RuntimeError, "batches": KeyboardInterrupt, "receiver": ValueError}[where]
    with pytest.raises(expected):
        capture(net, ["0", "1:in"], failing_batches(), receive)
    assert hooks_on(net) == 0
    assert all(module.training for module in net.modules())
    assert torch.is_grad_enabled()
