"""The unwrapping benchmark: what its figures are turned into."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from circuitlogic.benchmarks.figures import Figure, rows
from circuitlogic.benchmarks.unwrap.against_neurons import edges_at, edges_ratio, neuron_rows, tried_rows
from circuitlogic.benchmarks.unwrap.answers import target_rows
from circuitlogic.benchmarks.unwrap.arms import Arms
from circuitlogic.benchmarks.unwrap.report import write_unwrap_report
from circuitlogic.benchmarks.unwrap.run import report_finished
from circuitlogic.benchmarks.unwrap.rungs import BUDGET, LADDER, base_config
from circuitlogic.benchmarks.unwrap.trials import UNGUARDED
from circuitlogic.config import SaeConfig, StudyConfig
from circuitlogic.errors import StudyError
from circuitlogic.study import Study

T = TypeVar("T")


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
    guards = ["0.80 + 0.80", "10 + 10 %", "96 + 96", "90 + 90", "yes"]
    assert tried_rows(at_drop) == [[f"the recipe, {BUDGET} edges each", "800", "2.00", "2.50x", *guards]]
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


class Notes:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def track(self, steps: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:  # noqa: ARG002
        yield from steps

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_an_unfinished_run_that_left_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no finished arm"):
        report_finished(tmp_path, tmp_path / "x.md", StudyConfig(), [0], "")


def test_arms_of_other_settings_or_without_their_study_are_left_out_and_named(tmp_path: Path) -> None:
    notes = Notes()
    run = Arms(tmp_path, False, notes)
    made = run.figures("curve", lambda: "these settings", lambda: figures(0))
    reading = Arms(tmp_path, True, notes)

    def gone() -> str:
        raise StudyError("its study does not exist")

    assert reading.figures("curve", lambda: "these settings", list) == made
    assert reading.figures("never run", gone, lambda: made) == []
    assert notes.notes == []
    assert reading.figures("curve", lambda: "others", lambda: made) == []
    assert "other settings" in notes.notes[-1]
    assert reading.figures("curve", gone, lambda: made) == []
    assert "does not exist" in notes.notes[-1]
    assert run.figures("curve", lambda: "others", lambda: figures(1)) == figures(1)


def test_a_report_takes_no_arm_whose_study_was_made_otherwise(tmp_path: Path) -> None:
    config = base_config(StudyConfig(), "matched")
    folder, notes = tmp_path / "unwrap-0", Notes()
    study = Study.create(folder / "matched", config)
    key = study.key(
        "trial", f"unguarded {BUDGET}", replace(UNGUARDED, edges=BUDGET), None, 0, 0.1, 0, [], False
    )
    found = rows("trial", f"unguarded {BUDGET}", 0, "heldout", 1000, measured(0.005, 800))
    arm = Arms(folder / "arms", False, notes)
    arm.figures(f"trial--unguarded-{BUDGET}", lambda: key, lambda: found)
    out = tmp_path / "report.md"
    report_finished(tmp_path, out, StudyConfig(), [0], "", notes)
    assert json.loads(out.with_suffix(".json").read_text())["figures"]
    Study.create(folder / "matched", replace(config, saes=SaeConfig(later_k=3)))
    with pytest.raises(StudyError, match="no finished arm"):
        report_finished(tmp_path, out, StudyConfig(), [0], "", notes)
    assert any("other settings" in note for note in notes.notes)


def test_every_rung_is_a_config() -> None:
    untouched = [rung.tune is None and rung.exact is None for rung in LADDER]
    assert untouched == [True] + [False] * (len(LADDER) - 1)
    assert not any(rung.tune and rung.exact for rung in LADDER)
    for base in ("seed", "wide", "matched"):
        assert base_config(StudyConfig(), base).tune.epochs == 0
