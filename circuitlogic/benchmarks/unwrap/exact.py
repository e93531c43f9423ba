"""Owns the rungs that are solved and not tuned: a support, as it is or from a path, and the convex refit on it.

All between unit-scale features and on training samples, by the solvers behind `connectors.solver = "relu"`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.benchmarks.seed_experiment import strongest
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.gram_statistics import centred, gram_statistics
from circuitlogic.connectors.lasso import largest_penalties
from circuitlogic.connectors.model import Connector
from circuitlogic.connectors.products import SparseRows, as_sparse_rows
from circuitlogic.connectors.relu_path import refit_relu
from circuitlogic.connectors.relu_rows import ReluSamples, relu_samples, samples_of, solve_relu
from circuitlogic.connectors.solvers.gram import tensor
from circuitlogic.substitute.feature_network import FeatureNetwork

Exact = Literal["refit", "path", "student"]
"""`refit`: on the strongest entries as solved; `path`: on those of the first penalty that leaves as many edges;
`student`: as `path`, later connectors on what the earlier ones predict."""

_GAP, _FALL, _SMALLEST = 1e-3, 0.85, 1e-3
_BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """One connector's samples."""

    samples: ReluSamples
    largest: Float[np.ndarray, " n_out"]
    """Each row's largest penalty."""


def solved_exactly(
    network: FeatureNetwork, activations: PairedActivations, kind: Exact, edges: int
) -> FeatureNetwork:
    """The chain with at most `edges` edges per connector, refitted on them with their signs kept."""
    found: list[Connector] = []
    inputs = _true_features(network.dictionaries[0], activations)
    for connector, (_, target) in zip(network.connectors, pairwise(network.dictionaries), strict=True):
        outputs = _true_features(target, activations)
        problem = _problem(inputs, outputs)
        support = strongest(connector if kind == "refit" else _on_path(problem, connector, edges), edges)
        found.append(_refitted(problem, support))
        inputs = _predicted(found[-1], inputs) if kind == "student" else outputs
    return replace(network, connectors=tuple(found))


def _true_features(dictionary: Dictionary, activations: PairedActivations) -> SparseRows:
    """Unit-scale features of all samples."""

    def chunks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for rows in activations.batches(_BATCH):
            features = dictionary.unit_features(rows[dictionary.site]).numpy()
            yield features, features

    size = len(dictionary.statistics.scales)
    return samples_of(chunks(), size, size)[0]


def _problem(x: SparseRows, y: SparseRows) -> _Problem:
    statistics = gram_statistics([(x, y)], x.shape[1], y.shape[1])[0]
    return _Problem(relu_samples(x, y), largest_penalties(centred(statistics)))


def _on_path(problem: _Problem, like: Connector, edges: int) -> Connector:
    """The penalised solution with the largest penalty, one for all rows, that leaves `edges` edges or more."""
    penalty = float(problem.largest.max(initial=0.0))
    smallest = _SMALLEST * penalty
    weight, bias = np.zeros(like.weight.shape), np.zeros(len(like.weight))
    while np.count_nonzero(weight) < edges and penalty > smallest:
        penalty *= _FALL
        solved = solve_relu(problem.samples, penalty, gap=_GAP, start=(weight, bias))
        weight, bias = solved.weight, solved.bias
    return _connector(like, weight, bias)


def _refitted(problem: _Problem, support: Connector) -> Connector:
    weight, bias = support.unit_weight.double().numpy(), support.unit_bias.double().numpy()
    found = refit_relu(problem.samples, weight, bias, problem.largest)
    return _connector(support, found.weight, found.bias)


def _connector(like: Connector, weight: np.ndarray, bias: np.ndarray) -> Connector:
    """`like` with these parameters between unit-scale features."""
    raw = tensor(weight) * like.target_scales[:, None] / like.source_scales
    return replace(like, weight=raw, bias=tensor(bias) * like.target_scales)


def _predicted(connector: Connector, inputs: SparseRows) -> SparseRows:
    """Unit-scale features that the connector gives for unit-scale `inputs`."""
    weight, bias = connector.unit_weight.double().numpy(), connector.unit_bias.double().numpy()
    z = np.asarray(inputs @ weight.T) + bias
    return as_sparse_rows(torch.relu(torch.from_numpy(z)).float().numpy())
