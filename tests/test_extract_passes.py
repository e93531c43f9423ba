"""From weights to edges, from edges to the graph, from rows to gates: known answers and symmetries."""

from pathlib import Path

import numpy as np
import pytest
import torch
from feature_cases import connector, identity_dictionary, seeded, sparse_features, stored

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.config import ExtractConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.errors import NothingLeftError
from circuitlogic.extract.edges_to_graph import edges_to_graph
from circuitlogic.extract.row_activity import Split
from circuitlogic.extract.rows_to_gates import encode_site, rows_to_gates
from circuitlogic.extract.weights_to_edges import require_edges, weights_to_edges
from circuitlogic.features import FeatureId
from circuitlogic.graph.store import FeatureGraph
from circuitlogic.logic.formula import And, Formula, Literal, Not, Or
from circuitlogic.logic.gate import Gate

SCALED = Connector(
    "a",
    "b",
    torch.tensor([[0.0, 1.0, -0.4], [3.0, 0.0, 0.25]]),
    torch.tensor([0.5, -1.0]),
    torch.tensor([1.0, 0.5, 2.0]),
    torch.tensor([2.0, 1.0]),
)
"""Unit weights [[0, 0.25, -0.4], [3, 0, 0.5]]."""


def test_weights_to_edges_known_answer() -> None:
    edges = weights_to_edges(SCALED, 0.3)
    assert edges.target.tolist() == [0, 1, 1]
    assert edges.source.tolist() == [2, 0, 2]
    assert edges.weight.tolist() == pytest.approx([-0.4, 3.0, 0.5])
    assert edges.raw_weight.tolist() == pytest.approx([-0.4, 3.0, 0.25])


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.25, 0.3, 0.7, 3.0])
def test_edges_are_exactly_what_thresholding_leaves(threshold: float) -> None:
    wide = connector(torch.randn(30, 40, generator=seeded(0)))
    wide.weight[0, 0] = threshold
    left = wide.thresholded(threshold).weight
    edges = weights_to_edges(wide, threshold)
    assert len(edges) == int((left != 0).sum())
    assert left[edges.target, edges.source].tolist() == edges.raw_weight.tolist()
    for rows in (1, 7, 30):
        again = weights_to_edges(wide, threshold, rows)
        assert (again.target.tolist(), again.source.tolist()) == (
            edges.target.tolist(),
            edges.source.tolist(),
        )
        assert again.weight.tolist() == edges.weight.tolist()


def dictionaries(folder: Path, sizes: dict[str, int]) -> list[Dictionary]:
    values = {site: sparse_features(100, n, seed) for seed, (site, n) in enumerate(sizes.items())}
    activations = stored(folder, values)
    return [identity_dictionary(activations, site) for site in sizes]


def named_edges(graph: FeatureGraph) -> set[tuple[str, str, float]]:
    return {
        (str(e.source), str(e.target), round(e.weight, 6))
        for site in graph.sites
        for index in range(len(graph.members(site)))
        for e in graph.edges_into(FeatureId(site, index))
    }


def test_the_graph_joins_all_connectors(tmp_path: Path) -> None:
    ends = dictionaries(tmp_path, {"a": 3, "b": 2, "c": 2})
    second = connector(torch.tensor([[0.0, 2.0], [0.05, 0.0]]), torch.tensor([0.1, 0.2]), "b", "c")
    graph = edges_to_graph(ends, [SCALED, second], 0.3)
    assert graph.sites == ("a", "b", "c")
    assert graph.site_sizes == (3, 2, 2)
    assert named_edges(graph) == {
        ("a/2", "b/0", -0.4),
        ("a/0", "b/1", 3.0),
        ("a/2", "b/1", 0.5),
        ("b/1", "c/0", 2.0),
    }
    assert np.isnan(graph.nodes.bias[:3]).all()
    assert graph.nodes.bias[3:].tolist() == pytest.approx([0.25, -1.0, 0.1, 0.2])
    rates = torch.cat([end.statistics.rates for end in ends])
    assert graph.nodes.firing_rate.tolist() == pytest.approx(rates.tolist())


def test_permuting_features_permutes_the_graph(tmp_path: Path) -> None:
    ends = dictionaries(tmp_path, {"a": 6, "b": 5})
    made = connector(torch.randn(5, 6, generator=seeded(1)))
    rows, columns = torch.randperm(5, generator=seeded(2)), torch.randperm(6, generator=seeded(3))
    turned = connector(made.weight[rows][:, columns])
    plain = named_edges(edges_to_graph(ends, [made], 0.5))
    renamed = {
        (f"a/{columns[int(s[2:])]}", f"b/{rows[int(t[2:])]}", w)
        for s, t, w in named_edges(edges_to_graph(ends, [turned], 0.5))
    }
    assert 5 < len(plain) < 30
    assert renamed == plain


def test_a_threshold_that_leaves_nothing_says_how_strong_the_strongest_is(tmp_path: Path) -> None:
    ends = dictionaries(tmp_path, {"a": 3, "b": 2})
    with pytest.raises(NothingLeftError, match=r"above 3; the strongest is 3: choose a lower --threshold"):
        edges_to_graph(ends, [SCALED], 3.0)
    require_edges([SCALED], [weights_to_edges(SCALED, 2.9)], 2.9)


CONFIG = ExtractConfig(levels=1, bootstrap=20)
WEIGHTS = torch.tensor(
    [
        [1.0, 1.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 0.0, 0.0, 0.0],
        [1.0, 0.0, -4.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 2.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)
BIASES = torch.tensor([0.0, -1.2, 0.0, 0.0, 0.0])
A, B, C, D = (Literal(FeatureId("a", i)) for i in range(4))


def planted_rows(folder: Path, seed: int) -> PairedActivations:
    """b/0 = A OR B, b/1 = A AND B, b/2 = A AND NOT C, b/3 = D, b/4 never; inputs on at 35 %, strength about 1."""
    on = torch.rand(1500, 5, generator=seeded(seed)) < 0.35
    inputs = on * (0.9 + 0.2 * torch.rand(1500, 5, generator=seeded(seed + 1)))
    return stored(folder, {"a": inputs, "b": torch.relu(inputs @ WEIGHTS.T + BIASES)})


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Gate]:
    folder = tmp_path_factory.mktemp("planted")
    train, heldout = (planted_rows(folder / name, seed) for name, seed in (("train", 0), ("heldout", 10)))
    ends = [identity_dictionary(train, site) for site in "ab"]
    scales = [end.statistics.scales for end in ends]
    made = Connector("a", "b", WEIGHTS, BIASES, *scales)
    splits = [Split(*(encode_site(end, part) for end in ends)) for part in (train, heldout)]
    live = np.array([True, True, True, True, False])
    gates = rows_to_gates(made.thresholded(0.1), live, *splits, CONFIG, 0)
    return {str(gate.feature): gate for gate in gates}


def test_only_live_features_are_read(planted: dict[str, Gate]) -> None:
    assert list(planted) == ["b/0", "b/1", "b/2", "b/3"]


@pytest.mark.parametrize(
    ("feature", "kind", "formula"),
    [
        ("b/0", "or", Or((A, B))),
        ("b/1", "and", And((A, B))),
        ("b/2", "and-not", And((A, Not(C)))),
        ("b/3", "copy", D),
    ],
)
def test_planted_gates_are_read_off_a_connector(
    planted: dict[str, Gate], feature: str, kind: str, formula: Formula
) -> None:
    gate = planted[feature]
    assert gate.kind == kind
    assert gate.formula == formula
    assert gate.evidence is not None
    assert gate.evidence.f1 == 1.0
    assert gate.evidence.samples == 1500
    assert gate.evidence.r2 == pytest.approx(1.0, abs=1e-5)
    assert gate.evidence.connector_f1 == 1.0


def test_a_gate_keeps_both_units_and_its_threshold(planted: dict[str, Gate], tmp_path: Path) -> None:
    gate = planted["b/2"]
    assert [str(i.feature) for i in gate.inputs] == ["a/2", "a/0"]
    assert [i.raw_weight for i in gate.inputs] == [-4.0, 1.0]
    target = identity_dictionary(planted_rows(tmp_path, 0), "b").statistics
    assert gate.scale == pytest.approx(float(target.scales[2]))
    assert gate.threshold == pytest.approx(float(target.thresholds[2]), rel=1e-6)
    source_scale = gate.inputs[1].weight * gate.scale
    assert source_scale == pytest.approx(1.0, abs=0.02)
    assert 0.3 < gate.inputs[0].firing_rate < 0.4


def test_encoding_a_site_gives_its_true_features_column_by_column(tmp_path: Path) -> None:
    activations = planted_rows(tmp_path, 0)
    found = encode_site(identity_dictionary(activations, "b"), activations)
    dense = activations.stores["b"].as_array()
    assert found.matrix.shape == dense.shape
    assert np.array_equal(found.column(1), dense[:, 1].astype(np.float64))
    assert not found.column(4).any()
