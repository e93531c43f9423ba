"""The unwrapping benchmark: what its figures are turned into."""

from dataclasses import replace
from pathlib import Path

import pytest

from circuitlogic.benchmarks.figures import Figure, rows
from circuitlogic.benchmarks.unwrap.against_neurons import edges_at, edges_ratio, neuron_rows, tried_rows
from circuitlogic.benchmarks.unwrap.answers import target_rows
from circuitlogic.benchmarks.unwrap.report import write_unwrap_report
from circuitlogic.benchmarks.unwrap.run import report_finished
from circuitlogic.benchmarks.unwrap.rungs import BUDGET, LADDER, base_config
from circuitlogic.config import StudyConfig
from circuitlogic.errors import StudyError


def measured(drop: float, edges: int) -> dict[str, float | int]:
    site = {
        "edges": edges // 2,
        "reached": 90,
        "live": 96,
        "R2": 0.8,
        "F1": 0.8,
        "always F1": 0.2,
        "copies": 0.1,
    }
    site |= {"best input": 0.7, "fvu before": 0.05, "fvu after": 0.1}
    both = {f"{name} {number}": value for name, value in site.items() for number in (1, 2)}
    values = {
        "accuracy": 0.98 - drop,
        "original": 0.98,
        "drop": drop,
        "agreement": 0.98,
        "kl": 0.04,
        "edges": edges,
    }
    return {**values, **both}


def figures(seed: int) -> list[Figure]:
    found = rows("curve", str(BUDGET), seed, "heldout", 1000, measured(0.01, 800))
    for budget, drop, edges in ((500, 0.04, 1000), (1000, 0.02, 2000), (2000, 0.005, 4000)):
        found += rows("neurons by effect", str(budget), seed, "heldout", 1000, measured(drop, edges))
    return found + rows("ladder", f"{LADDER[-1].name} | {BUDGET}", seed, "heldout", 1000, measured(0.05, 700))


def test_equal_drop_is_found_between_budgets_and_bounded_outside() -> None:
    curve = [(100.0, 0.04), (200.0, 0.02), (400.0, 0.01)]
    assert edges_at(curve, 0.02) == (pytest.approx(200.0), True)
    assert edges_at(curve, 0.03) == (pytest.approx(100 * 2**0.5), True)
    assert edges_at(curve, 0.05) == (100.0, False)
    assert edges_at(curve, 0.001) == (400.0, False)


def test_the_ratio_is_made_seed_by_seed() -> None:
    assert edges_ratio(figures(0)) == "3.97x (by seed: 3.97)"
    assert edges_ratio([*figures(0), *figures(1)]).endswith("(by seed: 3.97, 3.97)")
    assert edges_ratio([]) == "-"


def with_fidelity(found: list[Figure], arm: str, r2: float, f1: float) -> list[Figure]:
    """`found` in which this arm's features are predicted so well."""
    values = {"R2 1": r2, "R2 2": r2, "F1 1": f1, "F1 2": f1}
    return [replace(f, value=values.get(f.metric, f.value)) if f.arm == arm else f for f in found]


def test_fidelity_asks_the_neurons_for_more_edges_only_where_they_lack_it() -> None:
    neurons = figures(0)
    for budget, r2 in (("500", 0.4), ("1000", 0.6), ("2000", 0.8)):
        neurons = with_fidelity(neurons, budget, r2, 0.9)
    easy = with_fidelity(neurons, str(BUDGET), 0.4, 0.8)
    assert edges_ratio(easy, as_true=True) == edges_ratio(easy)
    loose = [replace(f, value=0.02) if (f.arm, f.metric) == (str(BUDGET), "drop") else f for f in neurons]
    at_drop = with_fidelity(loose, str(BUDGET), 0.8, 0.8)
    assert edges_ratio(at_drop) == "2.50x (by seed: 2.50)"
    assert edges_ratio(at_drop, as_true=True) == "5.00x (by seed: 5.00)"
    beyond = with_fidelity(loose, str(BUDGET), 0.95, 0.8)
    assert edges_ratio(beyond, as_true=True) == "at least 5.00x (by seed: at least 5.00)"
    assert tried_rows(at_drop) == [[f"the recipe, {BUDGET} edges each", "800", "2.00", "2.50x"]]
    assert tried_rows(at_drop, seed=1) == []
    assert neuron_rows(at_drop) == [[str(BUDGET), edges_ratio(at_drop), edges_ratio(at_drop, as_true=True)]]


def test_the_report_holds_what_was_measured_and_dashes_for_what_was_not(tmp_path: Path) -> None:
    path = write_unwrap_report(figures(0), tmp_path / "unwrapping.md", "circuitlogic bench unwrap")
    text = path.read_text(encoding="utf-8")
    assert "| 458 | 400 + 400 | 97.00 % | 1.00 |" in text
    assert "3.97x" in text
    assert f"| {LADDER[-1].name} | 350 + 350 |" in text
    assert "### 916 edges" not in text
    assert (tmp_path / "unwrapping.png").stat().st_size > 0
    assert (tmp_path / "unwrapping.json").stat().st_size > 0
    assert [row[4] for row in target_rows([])][:2] == ["held out -, test -", "held out -, test -"]


def test_an_unfinished_run_that_left_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no finished arm"):
        report_finished(tmp_path, tmp_path / "x.md", [0], "")


def test_every_rung_is_a_config() -> None:
    untouched = [rung.tune is None and rung.exact is None for rung in LADDER]
    assert untouched == [True] + [False] * (len(LADDER) - 1)
    assert not any(rung.tune and rung.exact for rung in LADDER)
    for base in ("seed", "wide", "matched"):
        assert base_config(StudyConfig(), base).tune.epochs == 0
