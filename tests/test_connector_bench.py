"""The connector benchmark: planted data are what they claim, one certificate for all arms, absences are named."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Cli

from circuitlogic.benchmarks.solverbench.peers import ARMS
from circuitlogic.benchmarks.solverbench.planted_rows import INPUTS_PER_ROW, plant_rows
from circuitlogic.benchmarks.solverbench.race import course, race
from circuitlogic.benchmarks.solverbench.run import Settings
from circuitlogic.errors import ConfigError, UnknownNameError
from circuitlogic.progress import SILENT


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


BY_NAME = {arm.name: arm for arm in ARMS}


def test_planted_rows_are_the_relu_of_a_sparse_map() -> None:
    data = plant_rows(3000, 64, 20, 3)
    again, other = plant_rows(3000, 64, 20, 3), plant_rows(3000, 64, 20, 4)
    assert (np.count_nonzero(data.weight, axis=1) == INPUTS_PER_ROW).all()
    clean = np.maximum(data.x.toarray() @ data.weight.T + data.bias, 0)
    assert np.abs(data.y.toarray() - clean).max() < 0.25
    assert 0.01 < data.x.nnz / (3000 * 64) < 0.04
    assert 0.1 < (data.weight < 0).sum() / (data.weight != 0).sum() < 0.3
    assert (data.x != again.x).nnz == 0
    assert (data.x != other.x).nnz > 0


@pytest.mark.parametrize("name", ["gram", "gram, further penalty", "sklearn Lasso", "relu"])
def test_stricter_settings_come_closer_by_the_common_certificate(name: str) -> None:
    where, arm = course(1500, 32, 12, 1e-3, 3, 0), BY_NAME[name]
    gaps = [where.gap(arm, arm.solve(where.task, s)) for s in arm.settings[:4]]
    assert gaps[-1] < 1e-4
    assert gaps[-1] <= gaps[0]
    nothing = (np.zeros((3, 32)), where.task.problem.mean_y[where.task.rows])
    assert where.gap(arm, nothing) > 0.1


@pytest.mark.parametrize(("name", "certified"), [("proximal Adam", "gram"), ("proximal Adam, ReLU", "relu")])
def test_first_order_arms_are_judged_by_their_true_distance(name: str, certified: str) -> None:
    where, arm = course(600, 16, 6, 1e-3, 3, 0), BY_NAME[name]
    found = arm.solve(where.task, (1e-2, 25))
    true, bound = where.gap(arm, found), where.gap(BY_NAME[certified], found)
    assert 0 <= true <= bound + 1e-8
    ours = BY_NAME[certified].solve(where.task, 1e-8)
    assert abs(where.gap(arm, ours)) < 1e-6


def test_an_arm_that_misses_says_how_close_it_came() -> None:
    where = course(600, 16, 6, 1e-3, 3, 0)
    hopeless = replace(BY_NAME["gram"], settings=(0.9, 0.5))
    (found,) = race(where, [hopeless], {"linear": 1e-14, "relu": 1e-14}, 1, SILENT)
    assert found.seconds is None
    assert "came no closer than" in found.note


def test_settings_without_meaning_are_refused() -> None:
    fine = {"samples": 100, "n_in": 8, "n_out": 2, "rows": 1, "repeats": 1, "penalty": 1e-3}
    rest = {"linear_gap": 1e-6, "relu_gap": 1e-3, "seeds": (0,), "arms": (), "recall": False, "digits": False}
    Settings(**fine, **rest)
    with pytest.raises(ConfigError, match="above 0"):
        Settings(**{**fine, "penalty": 0.0}, **rest)
    with pytest.raises(UnknownNameError, match="celer"):
        Settings(**fine, **{**rest, "arms": ("cellar Lasso",)})


def test_the_command_writes_what_it_shows(cli: Cli, tmp_path: Path) -> None:
    out, figures = tmp_path / "r.md", tmp_path / "r.json"
    small = ("--samples", "600", "--inputs", "16", "--outputs", "6", "--rows", "2", "--repeats", "1")
    arms = ("--arms", "gram;sklearn Lasso;celer Lasso;relu", "--seeds", "0", "--no-digits")
    answer = cli("bench", "connectors", *small, *arms, "--out", out, "--json", figures)
    assert str(out) in answer.out
    document = json.loads(figures.read_text())
    races = {race["arm"]: race for race in document["races"]}
    assert races["gram"]["gap"] <= 1e-6 < races["relu"]["gap"] <= 1e-3
    assert len(races["gram"]["runs"]) == 1
    assert races["sklearn Lasso"]["note"] == "2, extrapolated"
    if not BY_NAME["celer Lasso"].present:
        assert races["celer Lasso"]["note"] == "not installed"
    assert {f["solver"] for f in document["found"]} == {"gram, refitted", "relu, penalised", "relu, refitted"}
    assert "not installed" in out.read_text() or BY_NAME["celer Lasso"].present
    assert "| gram |" in out.read_text()
