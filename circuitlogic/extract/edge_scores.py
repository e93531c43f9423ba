"""What an edge is worth, as [n_out, n_in] per connector: a registry of scores, 0 where there is no edge.

Measured on true features of both sites. Scores of different connectors share their unit, so that all edges of a
graph can be ranked together.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.connectors.feature_pairs import FeaturePairs
from circuitlogic.connectors.model import Connector
from circuitlogic.registry import Registry

_BATCH = 2048
_PAIRS = 1 << 22

EdgeScores = Float[Tensor, "n_out n_in"]


def weight_score(connector: Connector, pairs: FeaturePairs) -> EdgeScores:  # noqa: ARG001
    """|unit-scale weight|."""
    return connector.unit_weight.abs().double()


def effect_score(connector: Connector, pairs: FeaturePairs) -> EdgeScores:
    """|w| times the rms of the input while the target fires, in typical firings of the target."""
    statistics = pairs.target.statistics
    squares = torch.zeros(connector.weight.shape, dtype=torch.float64)
    firings = torch.zeros(len(squares), 1, dtype=torch.float64)
    for source, target in pairs.batches(_BATCH, None):
        fires = (target * statistics.scales > statistics.thresholds).double()
        squares += fires.T @ source.double().square()
        firings += fires.sum(0)[:, None]
    return connector.unit_weight.abs().double() * (squares / firings.clamp_min(1)).sqrt()


def ablation_score(connector: Connector, pairs: FeaturePairs) -> EdgeScores:
    """By how much the squared error of the ReLU output grows without the edge, as a share of the target's variance.

    Negative where the output is better without it.
    """
    weight, bias = connector.unit_weight.double(), connector.unit_bias.double()
    added = torch.zeros_like(weight)
    count, total, squares = 0, torch.zeros_like(bias), torch.zeros_like(bias)
    for source, target in pairs.batches(_BATCH, None):
        x, y = source.double(), target.double()
        z = x @ weight.T + bias
        for row in weight.any(1).nonzero()[:, 0].tolist():
            inputs = weight[row].nonzero()[:, 0]
            added[row, inputs] += _added_errors(x[:, inputs] * weight[row, inputs], z[:, row], y[:, row])
        count, total, squares = count + len(x), total + y.sum(0), squares + y.square().sum(0)
    variance = squares / max(count, 1) - (total / max(count, 1)).square()
    return torch.where(weight != 0, added / max(count, 1) / variance.clamp_min(1e-12)[:, None], 0.0)


def _added_errors(
    parts: Float[Tensor, "batch inputs"], z: Float[Tensor, " batch"], y: Float[Tensor, " batch"]
) -> Float[Tensor, " inputs"]:
    """Σ over samples of the squared error without each part, minus that with all."""
    with_all = (z.relu() - y).square()
    found = [
        ((z[:, None] - some).relu() - y[:, None]).square().sum(0) - with_all.sum()
        for some in parts.split(max(_PAIRS // max(len(z), 1), 1), dim=1)
    ]
    return torch.cat(found)


_SCORES: Registry[Callable[[Connector, FeaturePairs], EdgeScores]] = Registry(
    "edge score",
    {
        "weight": weight_score,
        "effect": effect_score,
        "ablation": ablation_score,
    },
)


def score_named(name: str) -> Callable[[Connector, FeaturePairs], EdgeScores]:
    """The score registered under `name`."""
    return _SCORES[name]
