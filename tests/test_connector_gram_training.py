"""Connectors trained by the Gram solver: planted edges, certificates, penalties of the config."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from feature_cases import pairs_of, planted_map, sparse_features
from gram_cases import objective, problem_of

from circuitlogic.config import ConnectorConfig
from circuitlogic.connectors.lasso import solve_lasso
from circuitlogic.connectors.training import train_connector


def gram_config(**changes: object) -> ConnectorConfig:
    return replace(ConnectorConfig(solver="gram", penalties=8, penalty_ratio=1e-2), **changes)


def test_the_gram_solver_trains_a_connector_with_a_certificate(tmp_path: Path) -> None:
    weight, bias = planted_map(12, 6, seed=1)
    source = sparse_features(1500, 12, seed=2)
    target = torch.relu(source @ weight.T + bias)
    target[:, 3] = 0.0
    pairs = pairs_of(tmp_path, source, target)
    once, again, other = (train_connector(pairs, None, gram_config(), seed) for seed in (5, 5, 6))
    strong = once.connector.thresholded(0.1).weight
    alive = [0, 1, 2, 4, 5]
    assert torch.equal(strong[alive].sign() * (weight[alive] > 0), (weight[alive] > 0).float())
    assert not once.connector.weight[3].any()
    assert once.connector.bias[3] == 0
    assert once.certificate is not None
    assert 0 <= once.certificate.gap_max <= 1e-4
    assert once.certificate.penalty_min < once.certificate.penalty_max
    assert once.connector.weight.numpy().tobytes() == again.connector.weight.numpy().tobytes()
    assert torch.equal(once.connector.weight, other.connector.weight)  # nothing in it is drawn
    assert [stage.kind for stage in once.stages] == ["start", *["penalty"] * 6, "refit"]
    assert torch.allclose(once.stages[-1].weight, once.connector.unit_weight)


def test_without_a_path_every_row_has_the_penalty_of_the_config(tmp_path: Path) -> None:
    weight, bias = planted_map(8, 4, seed=5)
    source = sparse_features(400, 8, seed=6)
    pairs = pairs_of(tmp_path, source, torch.relu(source @ weight.T + bias))
    made = train_connector(pairs, None, gram_config(penalties=0, l1=0.02, gap=1e-12, refit="none"), 0)
    features, targets = (v.double().numpy() for v in next(pairs.batches(400, None)))
    expected = solve_lasso(problem_of(features, targets), 0.02, gap=1e-12)
    assert np.allclose(made.connector.unit_weight.numpy(), expected.weight, atol=1e-6)
    assert made.certificate is not None
    assert made.certificate.penalty_min == made.certificate.penalty_max == pytest.approx(0.02)
    assert made.losses[-1] == pytest.approx(
        float(objective(features, targets, expected.weight, 0.02).sum()), rel=1e-6
    )
