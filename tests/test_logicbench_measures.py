"""Measures of LogicBench that readers can fail: blocking against damping, no gate as drawn, parts of a run kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from circuitlogic.benchmarks.logicbench.arms import OWN, Reading
from circuitlogic.benchmarks.logicbench.blocking import (
    blocking_table,
    name_of_share,
    named_as_planted,
    named_by_effect,
    never_swapped,
)
from circuitlogic.benchmarks.logicbench.cases import Case, draw_cases
from circuitlogic.benchmarks.logicbench.conditions import CONDITIONS
from circuitlogic.benchmarks.logicbench.planted_kinds import AS_DRAWN, kinds_named
from circuitlogic.benchmarks.logicbench.run import LogicBench, run_logicbench
from circuitlogic.benchmarks.logicbench.score import Score
from circuitlogic.benchmarks.logicbench.scoring import judge, score_case
from circuitlogic.benchmarks.logicbench.settings import Settings, Sizes
from circuitlogic.benchmarks.logicbench.summary import Share
from circuitlogic.benchmarks.logicbench.targets import target_rows
from circuitlogic.errors import StudyError
from circuitlogic.logic.formula import Literal

SMALL = Sizes(samples=6000, per_kind=1, pool=0.3, epochs=4)


def case(kind: str, condition: str = "planted 0.5", seed: int = 1) -> Case:
    """One planted case."""
    (found,) = draw_cases(CONDITIONS[condition], kinds_named((kind,)), SMALL, seed)
    return found


def scored(planted: str, named: str | None, silenced: float | None) -> Score:
    """A decidable score of a cause and an input that blocks or damps it."""
    base = judge(case("copy"), OWN, Reading(None), seed=0)
    return replace(
        base, planted_class=planted, named=named, silenced=silenced, joint=50, support=500, tier="true"
    )


def test_each_measure_counts_what_it_says() -> None:
    scores = [
        scored("and-not", "and-not", 0.99),
        scored("and-not", "partial-inhibition", 0.7),
        scored("and-not", "damped-copy", 0.9),
        scored("copy", "damped-copy", 0.1),
        scored("copy", "partial-inhibition", 0.3),
        scored("copy", "and-not", 0.3),
        scored("copy", "unexplained", None),
        replace(scored("copy", "and-not", 0.1), joint=9),
    ]
    assert named_as_planted(scores) == Share(2, 7)
    assert never_swapped(scores) == Share(4, 7)
    assert named_by_effect(scores) == Share(4, 6)
    table = blocking_table(scores)
    assert "| true | blocks (AND NOT) | 20 to 80 % (median 70 %) | 1 | 0 | 1 | 0 | 0 |" in table
    assert "| true | damps (copy) | not known | 1 | 0 | 0 | 0 | 1 |" in table


def test_only_the_strict_measure_has_the_target() -> None:
    scores = (scored("copy", "partial-inhibition", 0.3), scored("and-not", "and-not", 1.0))
    rows = target_rows(LogicBench(Settings(), scores, (), (), (), ()))
    found = {row.quantity: row for row in rows if row.quantity.startswith("AND NOT")}
    assert [(row.target, row.reached, row.met) for row in found.values()] == [
        (">= 99 %", "50.0 % of 2", False),
        ("-", "100.0 % of 2", None),
        ("-", "100.0 % of 2", None),
    ]


@pytest.mark.parametrize(
    ("share", "name"),
    [(0.0, "damped-copy"), (0.2, "damped-copy"), (0.5, "partial-inhibition"), (0.8, "and-not")],
)
def test_names_follow_the_share_silenced(share: float, name: str) -> None:
    assert name_of_share(share) == name


def test_the_planted_function_says_what_it_silences() -> None:
    for condition in ("planted 0.3", "planted 0.5", "trained 0.5"):
        damped = case("damped copy", condition).silenced
        assert damped is not None
        assert 0 <= damped < 0.2, "what only damps is planted only where it really does"
    blocked = case("and not, overlap", "trained 0.5").silenced
    assert blocked == 1.0, "a graded veto lets nothing through"
    assert case("copy").silenced is None
    assert case("and not any of 2").silenced is None


@pytest.mark.parametrize("kind", AS_DRAWN)
@pytest.mark.parametrize("condition", ["planted 0.3", "trained 0.5"])
def test_no_gate_as_drawn_is_not_chosen_by_a_score(kind: str, condition: str) -> None:
    made = case(kind, condition)
    assert made.formula is None
    assert made.support >= 30
    assert made.ceiling is not None


def test_a_claim_on_noise_is_false_and_silence_is_right() -> None:
    made = case("noise")
    assert judge(made, OWN, Reading(Literal(made.row.sources[0])), seed=0).falsely
    own = score_case(made, OWN, 0)
    assert not own.falsely
    assert made.ceiling is not None
    assert made.ceiling < 0.5


def test_what_is_drawn_before_does_not_depend_on_the_kinds_taken_as_drawn() -> None:
    kinds = kinds_named(("copy", "or of 2, co-firing"))
    alone = draw_cases(CONDITIONS["planted 0.3"], kinds, SMALL, 3)
    beside = draw_cases(CONDITIONS["planted 0.3"], (*kinds_named(AS_DRAWN), *kinds), SMALL, 3)
    assert [c.kind for c in beside] == [*(c.kind for c in alone), *AS_DRAWN]
    for one, other in zip(alone, beside, strict=False):
        assert one.formula == other.formula
        assert np.array_equal(one.row.raw_weights, other.row.raw_weights)
        assert np.array_equal(one.train.target, other.train.target)
    assert len({c.row.feature for c in beside}) == len(beside)


ASKED = Settings(seeds=(1, 2), tiers=("coverage",))


def test_a_run_goes_on_from_the_parts_that_are_kept(tmp_path: Path) -> None:
    first = run_logicbench(replace(ASKED, seeds=(1,)), parts=tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    before = {path: path.stat().st_mtime_ns for path in files}
    assert run_logicbench(ASKED, parts=tmp_path) == run_logicbench(ASKED)
    assert len(list(tmp_path.iterdir())) == 6
    assert {path: path.stat().st_mtime_ns for path in files} == before, "kept parts are not run again"
    assert run_logicbench(replace(ASKED, seeds=(1,)), parts=tmp_path) == first


def test_scores_come_back_from_their_part_as_they_were(tmp_path: Path) -> None:
    asked = Settings(
        seeds=(4,), sizes=SMALL, kinds=("copy", "noise"), conditions=("planted 0.3",), arms=("circuitlogic",)
    )
    first, again = (run_logicbench(asked, parts=tmp_path) for _ in range(2))
    assert first == again
    assert all(s.f1_low <= s.f1 <= s.f1_high for s in first.scores)
    other = replace(asked, sizes=replace(SMALL, samples=5000))
    run_logicbench(other, parts=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2, "a part of other settings is another part"


def test_a_damaged_part_is_one_clear_error(tmp_path: Path) -> None:
    run_logicbench(replace(ASKED, seeds=(1,)), parts=tmp_path)
    path = sorted(tmp_path.iterdir())[0]
    path.write_text('{"$schema": "circuitlogic/logicbench-part/1", "outcome": {"scores": 3}}')
    with pytest.raises(StudyError, match="delete it, and the part is run again"):
        run_logicbench(replace(ASKED, seeds=(1,)), parts=tmp_path)
