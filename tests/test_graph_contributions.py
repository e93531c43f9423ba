"""Contributions: sums that must add up on made-up activations, and the refusals."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from circuitlogic.errors import DataError, NothingLeftError
from circuitlogic.graph.columns import EdgeArrays, NodeColumns
from circuitlogic.graph.contributions import contributions
from circuitlogic.graph.store import FeatureGraph


@dataclass(frozen=True)
class Rows:
    matrix: NDArray[np.float64]

    def column(self, index: int) -> NDArray[np.float64]:
        return self.matrix[:, index]


# a: 3 features, b: 2, c: 1; a skip edge a/2 -> c/0
EDGES = [(0, 3, 0.5), (1, 3, -0.25), (1, 4, 1.5), (3, 5, 0.8), (4, 5, -0.6), (2, 5, 0.3)]
BIAS = np.array([np.nan] * 3 + [0.1, -0.2, 0.05])


def example_graph() -> FeatureGraph:
    source, target, weight = (np.array(column) for column in zip(*EDGES, strict=True))
    nodes = NodeColumns.of(6, scale=np.array([1.0, 2.0, 0.5, 1.0, 3.0, 2.0]), bias=BIAS)
    edges = EdgeArrays(source, target, weight.astype(float), weight.astype(float))
    return FeatureGraph.from_edges(("a", "b", "c"), (3, 2, 1), edges, nodes)


def exact_activity(graph: FeatureGraph, samples: int = 50) -> dict[str, Rows]:
    """Activations that follow the graph to the letter, in raw units."""
    rng = np.random.default_rng(0)
    unit = np.zeros((samples, 6))
    unit[:, :3] = np.maximum(rng.normal(0.5, 1.0, (samples, 3)), 0)
    for node in (3, 4, 5):
        incoming = sum(weight * unit[:, a] for a, b, weight in EDGES if b == node)
        unit[:, node] = np.maximum(incoming + BIAS[node], 0)
    raw = unit * graph.nodes.scale
    return {"a": Rows(raw[:, :3]), "b": Rows(raw[:, 3:5]), "c": Rows(raw[:, 5:])}


def test_direct_inputs_and_bias_make_up_the_activation_where_the_graph_is_exact() -> None:
    graph = example_graph()
    found = contributions(graph, "c/0", exact_activity(graph))
    assert found.samples > 5
    assert found.activation == pytest.approx(found.direct + found.bias)
    assert found.unexplained == pytest.approx(0, abs=1e-6)
    assert sum(one.carried for one in found.ancestors) == pytest.approx(found.direct)
    assert [abs(one.carried) for one in found.ancestors] == sorted(
        (abs(one.carried) for one in found.ancestors), reverse=True
    )
    assert {one.feature for one in found.ancestors} == {"b/0", "b/1", "a/2"}
    assert found.ancestors[0].share == pytest.approx(found.ancestors[0].carried / found.activation)


def test_on_one_example_the_first_site_carries_all_but_the_biases_that_fire() -> None:
    graph, activity = example_graph(), exact_activity(example_graph())
    firing = np.flatnonzero(activity["c"].column(0) > 0)
    for example in firing[:8].tolist():
        found = contributions(graph, "c/0", activity, example=example, depth=2)
        rooted = sum(one.carried for one in found.ancestors if one.feature.startswith("a/"))
        fires = [activity["b"].column(i)[example] > 0 for i in (0, 1)]
        biases = BIAS[5] + 0.8 * BIAS[3] * fires[0] - 0.6 * BIAS[4] * fires[1]
        assert found.activation == pytest.approx(rooted + biases)
        assert found.samples == 1


def test_what_the_graph_does_not_predict_is_told() -> None:
    graph, activity = example_graph(), exact_activity(example_graph())
    activity["c"].matrix[:] += 2.0 * graph.nodes.scale[5] * (activity["c"].matrix > 0)
    assert contributions(graph, "c/0", activity).unexplained == pytest.approx(2.0)


def test_filters_and_limit() -> None:
    graph, activity = example_graph(), exact_activity(example_graph())
    only_a = contributions(graph, "c/0", activity, depth=2, sites=["a"])
    assert {one.feature for one in only_a.ancestors} == {"a/0", "a/1", "a/2"}
    strong = contributions(graph, "c/0", activity, min_weight=0.5)
    assert {one.feature for one in strong.ancestors} == {"b/0", "b/1"}
    one = contributions(graph, "c/0", activity, limit=1)
    assert (len(one.ancestors), one.left_out) == (1, 2)
    weights = {o.feature: o.weight for o in contributions(graph, "c/0", activity, depth=2).ancestors}
    assert weights["a/1"] == pytest.approx(-0.25 * 0.8 + 1.5 * -0.6)


def test_refusals() -> None:
    graph, activity = example_graph(), exact_activity(example_graph())
    silent = int(np.flatnonzero(activity["c"].column(0) <= 0)[0])
    with pytest.raises(NothingLeftError, match="does not fire on example"):
        contributions(graph, "c/0", activity, example=silent)
    with pytest.raises(DataError, match=r"there are 0\.\.49"):
        contributions(graph, "c/0", activity, example=50)
    with pytest.raises(DataError, match="no activations of b"):
        contributions(graph, "c/0", {"c": activity["c"], "a": activity["a"]})
    bare = FeatureGraph.from_edges(graph.sites, graph.site_sizes, graph.edges())
    with pytest.raises(DataError, match="no known scale"):
        contributions(bare, "c/0", activity)
