"""The seed's experiment: figures, their summary over seeds, and the report made from them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from circuitlogic.benchmarks import run, seed_experiment, seed_report
from circuitlogic.benchmarks.figures import Figure, Table, cached, rows
from circuitlogic.config import StudyConfig
from circuitlogic.errors import StudyError


def test_summary_is_the_mean_and_the_range_over_seeds() -> None:
    figures = [
        Figure("curve", "458", "accuracy", v, s, "heldout", 100) for s, v in enumerate((0.95, 0.97, 0.96))
    ]
    cell = Table(figures, "curve").cell("458", "accuracy")
    assert cell is not None
    assert (round(cell.mean, 9), cell.low, cell.high, cell.seeds) == (0.96, 0.95, 0.97, 3)
    assert cell.text(1, percent=True) == "96.0 % (95.0 to 97.0)"
    assert Table(figures, "curve").text("458", "kl") == "-"
    assert Table(figures, "saes").arms == ()


def test_a_finished_experiment_is_read_back_until_its_key_changes(tmp_path: Path) -> None:
    calls: list[str] = []

    def compute(value: float) -> list[Figure]:
        calls.append("computed")
        return rows("saes", "tied", 0, "heldout", 10, {"mse": value})

    path = tmp_path / "saes.json"
    first = cached(path, "key", lambda: compute(1.0))
    assert cached(path, "key", lambda: compute(2.0)) == first
    assert [f.value for f in cached(path, "other key", lambda: compute(2.0))] == [2.0]
    assert len(calls) == 2


def test_damaged_figures_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "saes.json"
    path.write_text(json.dumps({"$schema": "circuitlogic/figures/1", "key": "k", "figures": [{"arm": 1}]}))
    with pytest.raises(StudyError, match="does not hold figures"):
        cached(path, "k", list)


def test_untied_wins_are_counted_from_the_figures() -> None:
    values = {
        "tied": {"l1": 0.2, "mse": 0.1, "fvu": 0.3, "l0": 10},
        "untied": {"l1": 0.1, "mse": 0.1, "fvu": 0.2, "l0": 20},
    }
    figures = [
        f for arm, v in values.items() for f in rows("saes", f"{arm}, l1 2 | hidden.0", 0, "heldout", 1, v)
    ]
    wins = seed_report._untied_wins(Table(figures, "saes"))
    assert wins == {"pairs": 1, "objective": 1, "fvu": 1, "l0": 0}


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every loop of the experiment once."""
    monkeypatch.setattr(seed_experiment, "EDGES", (60, 458))
    monkeypatch.setattr(seed_report, "EDGES", (60, 458))
    monkeypatch.setattr(seed_experiment, "L1_OF_SAES", (1.8,))
    monkeypatch.setattr(seed_experiment, "L1_OF_GRADIENT", (1.0,))
    monkeypatch.setattr(seed_report, "L1_OF_GRADIENT", (1.0,))
    monkeypatch.setattr(seed_experiment, "WIDTHS", (24,))
    monkeypatch.setattr(seed_report, "WIDTHS", (24,))
    monkeypatch.setattr(seed_experiment, "LENGTHS", (1, 2))


@pytest.mark.usefixtures("little")
def test_the_whole_reproduction_runs_and_reports_what_it_measured(
    tmp_path: Path, small_config: StudyConfig
) -> None:
    config = replace(
        small_config, saes=replace(small_config.saes, epochs=2), tune=replace(small_config.tune, epochs=3)
    )
    report = run.reproduce(tmp_path / "work", tmp_path / "out", config, (0,), "circuitlogic bench mnist")
    text = report.read_text(encoding="utf-8")
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())["figures"]
    for experiment in ("main", "classifier", "saes", "seed recipe", "starts", "curve", "gates", "digits"):
        assert any(f["experiment"] == experiment for f in figures), experiment
    accuracy = next(
        f["value"]
        for f in figures
        if (f["experiment"], f["arm"], f["metric"]) == ("curve", "60", "accuracy (test)")
    )
    assert f"{100 * accuracy:.2f} %" in text
    edges = [
        f["value"]
        for f in figures
        if f["experiment"] == "curve" and f["arm"] == "60" and f["metric"] == "edges 1"
    ]
    assert edges
    assert all(0 < e <= 60 for e in edges)
    assert (tmp_path / "out" / "study" / "index.html").exists()
    assert str(tmp_path) not in text
