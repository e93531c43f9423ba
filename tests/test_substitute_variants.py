"""Ways of tuning: what each lets move, what it must leave alone, and what edited samples are worth."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from feature_cases import seeded
from image_cases import blobs
from torch import Tensor

from circuitlogic.activations.paired import OUTPUTS, PairedActivations, capture_to_disk
from circuitlogic.activations.sites import Site
from circuitlogic.config import NetworkConfig, SaeConfig, TuneConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.errors import ConfigError
from circuitlogic.networks.image_mlp import ImageClassifier
from circuitlogic.networks.protocol import stretch_between, tail_from
from circuitlogic.networks.training import train_classifier
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.statistics import feature_statistics
from circuitlogic.saes.training import train_sae
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.substitute.interventional import TrueMap, edited, intervene
from circuitlogic.substitute.objective import copying
from circuitlogic.substitute.sparse_support import sparse_layer
from circuitlogic.substitute.support import TunedLayer, layer_of
from circuitlogic.substitute.tuning import tune_feature_network
from circuitlogic.verify.faithfulness import faithfulness, reference

SITES = ("hidden.0", "hidden.1", "hidden.2")
TUNE = TuneConfig(edges=60, anchor_by="feature", epochs=3, batch_size=100, lr=5e-3)
THRESHOLD = 0.02


class Case:
    """A small classifier with autoencoders of its own and random connectors."""

    def __init__(self, folder: Path) -> None:
        data = blobs()
        config = NetworkConfig(hidden=(12, 12, 12), epochs=5, batch_size=32, shift=0, lr=0.01)
        self.network: ImageClassifier = train_classifier(data, config, seeded(0))
        images = torch.from_numpy(data.train.images)
        self.labels = torch.from_numpy(data.train.labels)
        self.activations = PairedActivations(
            capture_to_disk(self.network, SITES, [images], folder, outputs_as=OUTPUTS)
        )
        sites = [Site.parse(name) for name in SITES]
        self.tail = tail_from(self.network, sites[-1])
        stretches = tuple(stretch_between(self.network, a, b) for a, b in pairwise(sites))
        self.true_map = TrueMap(stretches, self.tail)
        self.chain = self._chain()

    def _chain(self) -> FeatureNetwork:
        settings = SaeConfig(expansion=1.5, k=4, epochs=3, batch_size=100)
        found: list[Dictionary] = []
        for site in SITES:
            store = self.activations.stores[site]
            sae = train_sae(store, store, settings, 0).sae
            found.append(Dictionary(site, sae, feature_statistics(sae, store, 0.1)))
        connectors: list[Connector] = []
        for number, (a, b) in enumerate(pairwise(found)):
            scales = (a.statistics.scales, b.statistics.scales)
            weight = 0.5 * torch.randn(len(scales[1]), len(scales[0]), generator=seeded(number))
            raw = weight * scales[1][:, None] / scales[0]
            connectors.append(Connector(a.site, b.site, raw, torch.zeros(len(scales[1])), *scales))
        decoder = found[-1].encoder
        assert isinstance(decoder, SparseAutoencoder)
        return FeatureNetwork(tuple(found), tuple(connectors), decoder, self.tail)

    def tuned(self, **settings: object) -> FeatureNetwork:
        """The chain after tuning with some settings changed."""
        config = replace(TUNE, **settings)  # pyright: ignore[reportArgumentType]
        return tune_feature_network(
            self.chain, self.activations, config, THRESHOLD, 0, true_map=self.true_map
        )

    def kl(self, network: FeatureNetwork) -> float:
        """Of the thresholded network."""
        ref = reference(self.activations, self.labels, SITES[-1], self.tail, "train")
        return faithfulness(network.thresholded(THRESHOLD), self.activations, ref, "").kl


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("variants"))


def parameters(sae: object) -> list[Tensor]:
    assert isinstance(sae, SparseAutoencoder)
    return [p.detach().clone() for p in sae.state_dict().values()]


def same(one: object, other: object) -> bool:
    return all(torch.equal(a, b) for a, b in zip(parameters(one), parameters(other), strict=True))


def test_later_dictionaries_move_and_the_first_never_does(case: Case) -> None:
    before = [parameters(d.encoder) for d in case.chain.dictionaries]
    tuned = case.tuned(dictionaries="later")
    first, *later = zip(case.chain.dictionaries, tuned.dictionaries, strict=True)
    assert first[0] is first[1]
    assert not any(same(was.encoder, now.encoder) for was, now in later)
    assert tuned.decoder is tuned.dictionaries[-1].encoder
    after = [parameters(d.encoder) for d in case.chain.dictionaries]
    assert all(
        torch.equal(a, b)
        for was, now in zip(before, after, strict=True)
        for a, b in zip(was, now, strict=True)
    )


def test_moved_dictionaries_are_measured_again_and_connectors_take_their_scales(case: Case) -> None:
    tuned = case.tuned(dictionaries="later")
    for connector, (source, target) in zip(tuned.connectors, pairwise(tuned.dictionaries), strict=True):
        assert torch.equal(connector.source_scales, source.statistics.scales)
        assert torch.equal(connector.target_scales, target.statistics.scales)
        assert isinstance(target.encoder, SparseAutoencoder)
        fresh = feature_statistics(target.encoder, case.activations.stores[target.site], 0.1)
        assert torch.equal(fresh.scales, target.statistics.scales)


def test_a_moving_readout_leaves_every_feature_as_it_is(case: Case) -> None:
    tuned = case.tuned(dictionaries="readout")
    assert all(a is b for a, b in zip(tuned.dictionaries, case.chain.dictionaries, strict=True))
    assert not torch.equal(tuned.decoder.W_dec, case.chain.decoder.W_dec)
    assert torch.equal(tuned.decoder.W_enc, case.chain.decoder.W_enc)


def test_biases_alone_leave_the_kept_weights_alone(case: Case) -> None:
    tuned = case.tuned(train="biases", select="weight", divergence=0.0)
    for was, now in zip(case.chain.connectors, tuned.connectors, strict=True):
        kept = now.weight != 0
        assert int(kept.sum()) <= 60
        assert torch.allclose(now.weight[kept], was.weight[kept], rtol=1e-5)
        assert not torch.equal(was.bias, now.bias)


def test_selecting_by_weight_keeps_the_largest(case: Case) -> None:
    config = replace(TUNE, select="weight", edges=20)
    connector, target = case.chain.connectors[0], case.chain.dictionaries[1]
    layer = layer_of(connector, target, config)
    size = connector.unit_weight.abs()
    assert int(layer.support.sum()) == 20
    assert size[layer.support > 0].min() >= size[layer.support == 0].max()


def test_every_feature_keeps_its_first_edges(case: Case) -> None:
    layer = layer_of(
        case.chain.connectors[0], case.chain.dictionaries[1], replace(TUNE, edges=40, min_edges=2)
    )
    layer.fisher.copy_(torch.rand(layer.fisher.shape, generator=seeded(1)) * (torch.arange(18) < 3)[:, None])
    layer.keep_strongest(1.0)
    assert int(layer.support.sum()) == 40
    assert int(layer.support.sum(1).min()) >= 2


def test_true_inputs_keep_connectors_apart_and_predicted_ones_join_them(case: Case) -> None:
    first, second = case.chain.connectors
    other = replace(case.chain, connectors=(first, replace(second, weight=-second.weight)))
    for student, joined in ((0.0, False), (1.0, True)):
        config = replace(TUNE, student=student, divergence=0.0, select="weight")
        one, two = (
            tune_feature_network(chain, case.activations, config, THRESHOLD, 0)
            for chain in (case.chain, other)
        )
        assert torch.equal(one.connectors[0].weight, two.connectors[0].weight) is not joined


def test_weighing_the_divergence_brings_the_answers_nearer(case: Case) -> None:
    without, with_it = (case.kl(case.tuned(divergence=d, epochs=8)) for d in (0.0, 3.0))
    assert with_it < without


def test_edited_samples_need_the_true_map(case: Case) -> None:
    config = replace(TUNE, interventions=0.5)
    with pytest.raises(ConfigError, match="resumes from its first site"):
        tune_feature_network(case.chain, case.activations, config, THRESHOLD, 0)
    assert not torch.equal(
        case.tuned(interventions=0.5).connectors[0].weight, case.tuned().connectors[0].weight
    )


def test_every_variant_is_decided_by_its_seed(case: Case) -> None:
    settings = {"dictionaries": "later", "interventions": 0.3, "student": 0.5}
    once, again = case.tuned(**settings), case.tuned(**settings)
    assert all(
        torch.equal(a.weight, b.weight) for a, b in zip(once.connectors, again.connectors, strict=True)
    )
    assert same(once.decoder, again.decoder)


def test_edits_use_only_what_the_batch_holds() -> None:
    features = torch.rand(64, 20, generator=seeded(2))
    found = edited(features, seeded(3))
    assert found.shape == features.shape
    assert (found >= 0).all()
    assert (found <= features.max(0).values + 1e-6).all()
    assert (found != features).any(1).double().mean() > 0.9


def test_following_the_real_layers_from_real_activations_gives_the_real_ones(case: Case) -> None:
    rows = {site: torch.from_numpy(v) for site, v in case.activations.rows(slice(0, 40)).items()}
    later, outputs = case.true_map.follow(rows[SITES[0]], None)
    assert torch.allclose(outputs, rows[OUTPUTS], atol=1e-5)
    assert all(torch.allclose(a, rows[s], atol=1e-5) for a, s in zip(later, SITES[1:], strict=True))


@pytest.mark.parametrize("keeps", [False, True])
def test_edits_are_added_to_activations_where_the_rest_is_kept(case: Case, keeps: bool) -> None:
    first = case.chain.dictionaries[0]
    sae, scales = first.encoder, first.statistics.scales
    assert isinstance(sae, SparseAutoencoder)
    given = torch.from_numpy(case.activations.rows(slice(0, 40))[SITES[0]])
    features = first.unit_features(given)
    nothing_between = TrueMap((lambda activations, _: activations,), lambda x, _: x, keeps_rest=keeps)
    found, (seen,) = intervene(features, [given, given], 0.5, sae, scales, nothing_between, seeded(3))
    rest = given - sae.decode(features * scales)
    assert torch.allclose(seen[:20], sae.decode(found[:20] * scales) + keeps * rest[:20], atol=1e-5)
    assert torch.equal(seen[20:], given[20:])
    assert torch.equal(found[20:], features[20:])
    assert not torch.equal(found[:20], features[:20])


def test_copying_is_what_correlates_with_one_input() -> None:
    source = torch.randn(4000, 3, generator=seeded(4))
    copies = source[:, :1].repeat(1, 2)
    sums = source.sum(1, keepdim=True).repeat(1, 2)
    assert float(copying(source, copies)) == pytest.approx(0.15, abs=1e-3)
    assert float(copying(source, sums)) == 0.0
    assert float(copying(source, torch.cat([copies, sums], 1))) == pytest.approx(0.075, abs=1e-3)


def test_a_sparse_layer_is_tuned_as_a_dense_one() -> None:
    weight = torch.randn(9, 12, generator=seeded(0)) * (torch.rand(9, 12, generator=seeded(1)) < 0.3)
    bias = torch.randn(9, generator=seeded(2))
    features = torch.relu(torch.randn(40, 12, generator=seeded(3)) - 0.5).requires_grad_()
    sparse = sparse_layer(weight, bias, 20, 1)
    dense = TunedLayer(
        weight.clone().requires_grad_(),
        bias.clone().requires_grad_(),
        (weight != 0).float(),
        torch.zeros(9, 12),
        20,
        int((weight != 0).sum()),
        1,
    )
    found: list[tuple[torch.Tensor, ...]] = []
    for layer in (dense, sparse):
        features.grad = None
        out = layer.forward(features)
        out.square().sum().backward()
        layer.observe_gradient()
        at_edges = features.grad * (features > 0) if features.grad is not None else features
        with torch.no_grad():
            layer.keep_strongest(1.0)
            layer.apply_support()
        found.append((out.detach(), at_edges, layer.weight.detach()))
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, atol=1e-5)
    assert int((sparse.weight != 0).sum()) == 20
    assert int((sparse.weight != 0).sum(1).min()) >= int((weight != 0).sum(1).min() > 0)
    with torch.no_grad():
        for layer in (dense, sparse):
            layer.cut(torch.ones(9, 12), 0.3)
            layer.apply_support()
            layer.keep_largest()
    assert torch.equal(dense.weight.detach(), sparse.weight)
    assert float(sparse.weight[sparse.weight != 0].abs().min()) > 0.3


def test_features_gain_nothing_by_falling_silent_where_their_unexplained_share_counts(case: Case) -> None:
    settings = {
        "dictionaries": "later",
        "divergence": 0.0,
        "anchor": 20.0,
        "reconstruction": 0.02,
        "epochs": 6,
    }
    firings = {
        by: sum(
            float(d.statistics.firings.sum())
            for d in case.tuned(anchor_by=by, live_rate=0.0, copy_weight=0.0, **settings).dictionaries[1:]
        )
        for by in ("feature", "unexplained")
    }
    assert firings["unexplained"] > 1.5 * firings["feature"], firings
