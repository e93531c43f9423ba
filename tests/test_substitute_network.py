"""The feature network: exact where its parts are, pruned within its budget, closer to the original once tuned."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from feature_cases import connector, identity_dictionary, identity_sae, seeded, sparse_features, stored
from image_cases import blobs
from torch import Tensor, nn

from circuitlogic.activations.paired import INPUTS, OUTPUTS, PairedActivations, capture_to_disk
from circuitlogic.activations.sites import Site
from circuitlogic.config import NetworkConfig, TuneConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.errors import DataError, StudyError
from circuitlogic.networks.protocol import tail_from
from circuitlogic.networks.training import train_classifier
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.substitute.tuning import tune_feature_network
from circuitlogic.verify.faithfulness import Reference, faithfulness, reference

SITES = ("hidden.0", "hidden.1", "hidden.2")
BUDGET, THRESHOLD = 24, 0.1
TUNE = TuneConfig(edges=BUDGET, anchor=0.1, epochs=12, batch_size=100, lr=5e-3)


def exact_connector(source: Dictionary, target: Dictionary, weight: Tensor, bias: Tensor) -> Connector:
    scales = (source.statistics.scales, target.statistics.scales)
    return Connector(source.site, target.site, weight.clone(), bias.clone(), *scales)


def chain_of(
    network: nn.Module,
    activations: PairedActivations,
    layers: Iterable[tuple[Tensor, Tensor]],
    sites: list[str],
) -> FeatureNetwork:
    """Neurons as features, the network's own layers as connectors."""
    ends = tuple(identity_dictionary(activations, site) for site in sites)
    joined = zip(ends[:-1], ends[1:], layers, strict=True)
    connectors = tuple(exact_connector(a, b, *layer) for a, b, layer in joined)
    width = activations.stores[sites[-1]].d
    return FeatureNetwork(ends, connectors, identity_sae(width), tail_from(network, Site.parse(sites[-1])))


@dataclass(frozen=True, eq=False)
class Case:
    """A trained classifier, its stored activations, itself as a feature network."""

    activations: PairedActivations
    exact: FeatureNetwork
    ref: Reference
    tuned: FeatureNetwork


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    data = blobs()
    config = NetworkConfig(hidden=(12, 12, 12), epochs=5, batch_size=32, shift=0, lr=0.01)
    network = train_classifier(data, config, seeded(0))
    images = torch.from_numpy(data.train.images)
    stores = capture_to_disk(network, SITES, [images], tmp_path_factory.mktemp("case"), outputs_as=OUTPUTS)
    activations = PairedActivations(stores)
    layers = [network.affine_between(a, b) for a, b in pairwise(SITES)]
    assert None not in layers
    exact = chain_of(network, activations, layers, list(SITES))
    labels = torch.from_numpy(data.train.labels)
    ref = reference(activations, labels, SITES[-1], exact.tail, "train")
    tuned = tune_feature_network(exact, activations, TUNE, THRESHOLD, seed=0)
    return Case(activations, exact, ref, tuned)


def test_exact_parts_make_the_original(case: Case) -> None:
    found = faithfulness(case.exact, case.activations, case.ref, "exact")
    assert found.kl == pytest.approx(0.0, abs=1e-6)
    assert found.agreement == 1.0
    assert found.loss_recovered == pytest.approx(1.0, abs=1e-4)
    rows = {site: torch.from_numpy(v) for site, v in case.activations.rows(slice(0, 50)).items()}
    for site, features in zip(SITES, case.exact.features(rows[SITES[0]]), strict=True):
        assert torch.allclose(features, rows[site], atol=1e-4)


def test_tuning_keeps_to_the_budget_and_adds_no_edge(case: Case) -> None:
    assert all(0 < edges <= BUDGET for edges in case.tuned.edges)
    for before, after in zip(case.exact.connectors, case.tuned.connectors, strict=True):
        assert not ((after.weight != 0) & (before.weight == 0)).any()
        assert torch.equal(after.source_scales, before.source_scales)
        assert (after.source, after.target) == (before.source, before.target)


def by_magnitude(network: FeatureNetwork, budget: int) -> FeatureNetwork:
    """The `budget` largest |unit weights| of each connector, untuned."""
    pruned: list[Connector] = []
    for made in network.connectors:
        cut = made.unit_weight.abs().flatten().sort(descending=True).values[budget]
        pruned.append(made.thresholded(float(cut)))
    return replace(network, connectors=tuple(pruned))


def test_tuning_beats_pruning_by_magnitude_at_the_same_budget_after_thresholding(case: Case) -> None:
    plain = by_magnitude(case.exact, BUDGET)
    assert plain.edges == (BUDGET, BUDGET)
    untuned = faithfulness(plain, case.activations, case.ref, "magnitude")
    tuned = faithfulness(case.tuned.thresholded(THRESHOLD), case.activations, case.ref, "tuned")
    assert tuned.kl < 0.5 * untuned.kl
    assert tuned.agreement > 0.95
    assert sum(tuned.edges) <= 2 * BUDGET


def test_tuning_leaves_what_it_was_given_alone_and_the_seed_decides_every_byte(case: Case) -> None:
    before = [made.weight.clone() for made in case.exact.connectors]
    config = replace(TUNE, epochs=2)
    once, again, other = (
        tune_feature_network(case.exact, case.activations, config, THRESHOLD, seed) for seed in (1, 1, 2)
    )
    assert all(torch.equal(a, b.weight) for a, b in zip(before, case.exact.connectors, strict=True))
    for a, b in zip(once.connectors, again.connectors, strict=True):
        assert a.weight.numpy().tobytes() == b.weight.numpy().tobytes()
        assert a.bias.numpy().tobytes() == b.bias.numpy().tobytes()
    assert not torch.equal(once.connectors[0].bias, other.connectors[0].bias)


@pytest.mark.parametrize("batch_size", [1000, 300, 200, 100])
def test_even_the_shortest_schedule_keeps_to_the_budget(case: Case, batch_size: int) -> None:
    config = TuneConfig(edges=5, epochs=1, batch_size=batch_size)
    tuned = tune_feature_network(case.exact, case.activations, config, THRESHOLD, seed=0)
    assert all(edges <= 5 for edges in tuned.edges)


def test_a_high_threshold_cuts_below_the_budget(case: Case) -> None:
    strongest = max(float(made.unit_weight.abs().max()) for made in case.exact.connectors)
    config = replace(TUNE, epochs=1, lr=1e-4)
    tuned = tune_feature_network(case.exact, case.activations, config, 2 * strongest, seed=0)
    assert tuned.edges == (0, 0)


def test_without_a_budget_ten_edges_per_live_feature_are_kept(case: Case) -> None:
    """Twelve live features have twelve inputs each: 120 of 144 edges stay."""
    live = [int(d.statistics.live.sum()) for d in case.exact.dictionaries[1:]]
    tuned = tune_feature_network(
        case.exact, case.activations, replace(TUNE, edges=None, epochs=2), threshold=0.0, seed=0
    )
    assert list(tuned.edges) == [
        min(10 * n, made.weight.numel()) for n, made in zip(live, case.exact.connectors, strict=True)
    ]


def test_a_budget_above_what_there_is_prunes_nothing(case: Case) -> None:
    sparse = by_magnitude(case.exact, 20)
    tuned = tune_feature_network(sparse, case.activations, replace(TUNE, edges=500, epochs=2), 0.0, seed=0)
    assert tuned.edges == (20, 20)


def test_no_epochs_change_nothing(case: Case) -> None:
    assert tune_feature_network(case.exact, case.activations, replace(TUNE, epochs=0), 0.1, 0) is case.exact


def test_a_loss_that_is_not_finite_is_refused(case: Case) -> None:
    with pytest.raises(DataError, match=r"tune\.lr"):
        tune_feature_network(case.exact, case.activations, replace(TUNE, lr=1e30), THRESHOLD, seed=0)


def test_a_module_without_resume_is_tuned_by_hooks_and_stored_inputs(tmp_path: Path) -> None:
    """Dropout is on in the module's own mode: the tail must not see it."""
    network = nn.Sequential(
        nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 4)
    )
    for number, parameter in enumerate(network.parameters()):
        nn.init.normal_(parameter, std=0.5, generator=seeded(number))
    network.train()
    images = torch.from_numpy(blobs().train.images)
    stores = capture_to_disk(network, ["1", "3"], [images], tmp_path, inputs_as=INPUTS, outputs_as=OUTPUTS)
    activations = PairedActivations(stores)
    middle = network[2]
    layer = (middle.weight.detach(), middle.bias.detach())
    exact = chain_of(network, activations, [layer], ["1", "3"])
    ref = reference(activations, activations.stores[OUTPUTS].as_tensor().argmax(1), "3", exact.tail, "train")
    assert faithfulness(exact, activations, ref, "exact").kl == pytest.approx(0.0, abs=1e-6)
    budget = 12
    config = TuneConfig(edges=budget, anchor=0.1, epochs=10, batch_size=100, lr=5e-3)
    tuned = tune_feature_network(exact, activations, config, 0.05, seed=0)
    assert tuned.edges[0] <= budget
    untuned = faithfulness(by_magnitude(exact, budget), activations, ref, "magnitude").kl
    assert faithfulness(tuned, activations, ref, "tuned").kl < untuned
    assert network.training
    assert all(p.grad is None for part in (network, exact.decoder) for p in part.parameters())


def identity_tail(activations: Tensor, inputs: Tensor | None) -> Tensor:
    return activations


@pytest.fixture
def three(tmp_path: Path) -> tuple[Dictionary, ...]:
    activations = stored(tmp_path, {site: sparse_features(20, 3, 0) for site in "abc"})
    return tuple(identity_dictionary(activations, site) for site in "abc")


@pytest.mark.parametrize(
    "ends", [[], [("a", "b")], [("b", "c"), ("a", "b")], [("a", "x"), ("b", "c")], [("a", "b"), ("x", "c")]]
)
def test_connectors_that_are_no_chain_are_refused(
    three: tuple[Dictionary, ...], ends: list[tuple[str, str]]
) -> None:
    connectors = tuple(connector(torch.eye(3), None, *names) for names in ends)
    with pytest.raises(StudyError, match="one chain"):
        FeatureNetwork(three, connectors, identity_sae(3), identity_tail)


def test_a_connector_of_another_size_is_refused(three: tuple[Dictionary, ...]) -> None:
    connectors = (connector(torch.eye(3)), connector(torch.ones(3, 4), None, "b", "c"))
    with pytest.raises(StudyError, match=r"b → c is \[3, 4\], its dictionaries ask for \[3, 3\]"):
        FeatureNetwork(three, connectors, identity_sae(3), identity_tail)


def test_a_chain_by_hand(three: tuple[Dictionary, ...]) -> None:
    """(1, 2, 0) → (2, 0.5, 0) → (0, 2, 0): doubled minus second, then shifted; negative parts are cut."""
    first = connector(torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.25, 0.0], [-1.0, 0.0, 0.0]]))
    second = connector(torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 5.0]]), None, "b", "c")
    network = FeatureNetwork(three, (first, second), identity_sae(3), identity_tail)
    found = network.features(torch.tensor([[1.0, 2.0, 0.0]]))
    assert [f.tolist() for f in found] == [[[1.0, 2.0, 0.0]], [[2.0, 0.5, 0.0]], [[0.0, 2.0, 0.0]]]
    assert network(torch.tensor([[1.0, 2.0, 0.0]])).tolist() == [[0.0, 2.0, 0.0]]
    assert network.edges == (3, 3)
    assert network.thresholded(0.5).edges == (2, 3)
    assert network.thresholded(1.0).edges == (1, 1)
