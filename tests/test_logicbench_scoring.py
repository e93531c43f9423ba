"""LogicBench's readers and scores: baselines on rows made by hand, scores with known answers, the command."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_runs import Cli
from logic_rows import Planted, cofiring, literal, planted

from circuitlogic.benchmarks.logicbench.arms import OWN, Reading, arms_named
from circuitlogic.benchmarks.logicbench.cases import Case
from circuitlogic.benchmarks.logicbench.data_arms import beam_search, decision_tree
from circuitlogic.benchmarks.logicbench.run import Settings
from circuitlogic.benchmarks.logicbench.scoring import (
    formula_length,
    jaccard,
    judge,
    same_function,
    score_case,
)
from circuitlogic.benchmarks.logicbench.summary import Share, macro_f1, summarise
from circuitlogic.benchmarks.logicbench.weight_arms import by_calibrated_cut, by_means, by_sign
from circuitlogic.errors import ConfigError, UnknownNameError
from circuitlogic.logic.activity import Activity, Row
from circuitlogic.logic.columns import firing_threshold
from circuitlogic.logic.formula import And, Const, Formula, Not, Or, Vote, at_least
from circuitlogic.logic.reading import read_gate

A, B, C = (literal(i) for i in range(3))
AND_NOT = And((A, Not(B)))
COUNT = at_least(2, (A, B, C))


def and_not_row() -> Planted:
    """A AND NOT B, with small weights of six others."""
    rng = np.random.default_rng(0)
    return planted(cofiring(6000, 2, rng), lambda on: on[:, 0] & ~on[:, 1], (1.0, -5.0), -0.2, rng)


def count_row() -> Planted:
    """At least two of A, B, C."""
    rng = np.random.default_rng(1)
    return planted(cofiring(6000, 3, rng), lambda on: on.sum(axis=1) >= 2, (1.0, 1.0, 1.0), -1.4, rng)


def case_of(made: Planted, formula: Formula | None) -> Case:
    """A case in which `formula` is the truth."""
    half = made.heldout.inputs.toarray() > 0
    x, y = half[:, 0], half[:, 1]
    says = x & ~y if formula == AND_NOT else half[:, :3].sum(axis=1) >= 2
    fired = made.train.target > firing_threshold(made.train.target, 0.1)
    return Case("copy", "made", 0.0, formula, made.row, made.train, made.heldout, says, int(fired.sum()))


def test_sign_reads_positive_inputs_and_vetoes() -> None:
    made = and_not_row()
    formula = by_sign(made.row, made.train, made.heldout).formula
    assert formula is not None
    assert same_function(formula, AND_NOT)
    nothing = replace(made.row, weights=-np.abs(made.row.weights))
    assert by_sign(nothing, made.train, made.heldout).formula == Const(False)
    counted = count_row()
    found = by_sign(counted.row, counted.train, counted.heldout).formula
    assert found is not None
    assert same_function(found, Or((A, B, C))), "signs know no counts"


@pytest.mark.parametrize("arm", [by_means, by_calibrated_cut])
def test_weights_with_a_cut_count(arm: Callable[[Row, Activity, Activity], Reading]) -> None:
    made = count_row()
    found = arm(made.row, made.train, made.heldout).formula
    assert found is not None
    assert same_function(found, COUNT)


def test_the_calibrated_cut_follows_the_data_and_the_mean_rule_does_not() -> None:
    made = count_row()
    wrong_bias = replace(made.row, bias=-0.2)
    cut = by_calibrated_cut(wrong_bias, made.train, made.heldout).formula
    means = by_means(wrong_bias, made.train, made.heldout).formula
    assert cut is not None
    assert means is not None
    assert same_function(cut, COUNT)
    assert not same_function(means, COUNT)


def test_a_cut_on_an_output_that_never_fires_is_never() -> None:
    made = and_not_row()
    silent = replace(made.train, target=np.zeros_like(made.train.target))
    for arm in (by_calibrated_cut, beam_search, decision_tree):
        assert arm(made.row, silent, made.heldout).formula == Const(False)


@pytest.mark.parametrize("arm", [beam_search, decision_tree])
def test_searches_on_data_find_and_not(arm: Callable[[Row, Activity, Activity], Reading]) -> None:
    made = and_not_row()
    found = arm(made.row, made.train, made.heldout).formula
    assert found is not None
    assert same_function(found, AND_NOT)


def test_the_beam_cannot_count_to_two_of_three_but_fires_alike() -> None:
    made = count_row()
    found = beam_search(made.row, made.train, made.heldout).formula
    assert found is not None
    assert not same_function(found, COUNT)
    assert formula_length(found) <= 5


def test_the_own_reader_finds_both() -> None:
    for made, truth in ((and_not_row(), AND_NOT), (count_row(), COUNT)):
        score = score_case(case_of(made, truth), OWN, seed=0)
        assert score.strict
        assert score.functional
        assert score.f1 > 0.9
        assert score.length == 1.0


def test_an_output_that_always_fires_is_constant_without_a_warning() -> None:
    made = and_not_row()
    on = replace(made.train, target=np.ones_like(made.train.target))
    heldout = replace(made.heldout, target=np.ones_like(made.heldout.target))
    gate = read_gate(made.row, on, heldout)
    assert (gate.kind, gate.formula) == ("constant", Const(True))


def test_same_function_looks_at_all_assignments() -> None:
    assert same_function(And((A, B)), Not(Or((Not(A), Not(B)))))
    assert same_function(Vote((A, B), (1000, 1000), 1500), And((B, A)))
    assert not same_function(A, Or((A, And((B, C)))))
    assert same_function(Or((A, And((A, B)))), A)
    many = tuple(literal(i) for i in range(20))
    assert same_function(Or(many), Not(And(tuple(Not(lit) for lit in many))))
    assert not same_function(Or(many), Or(many[:-1]))
    assert same_function(at_least(7, many), Vote(tuple(reversed(many)), (2,) * 20, 13))
    assert not same_function(at_least(7, many), at_least(8, many))


def test_jaccard_of_firings() -> None:
    on, off = np.array([True, True, False]), np.zeros(3, dtype=np.bool_)
    assert jaccard(on, on) == 1.0
    assert jaccard(off, off) == 1.0
    assert jaccard(on, np.array([True, False, False])) == 0.5


def test_a_baseline_claims_only_what_holds_on_heldout_samples() -> None:
    case = case_of(and_not_row(), AND_NOT)
    (sign,) = arms_named(("sign",))
    good = judge(case, sign, Reading(AND_NOT), seed=0)
    bad = judge(case, sign, Reading(B), seed=0)
    constant = judge(case, sign, Reading(Vote((A,), (1,), 5)), seed=0)
    assert (good.claimed, good.strict, good.read_class, good.length) == (True, True, "and-not", 1.0)
    assert (bad.claimed, bad.strict, bad.functional, bad.read_class) == (False, False, False, "none")
    assert (constant.claimed, constant.strict) == (True, False), "a vote that never passes is a constant"


def test_where_there_is_no_gate_only_silence_is_right() -> None:
    case = case_of(and_not_row(), None)
    (sign,) = arms_named(("sign",))
    silent, loud = (judge(case, sign, Reading(f), seed=0) for f in (None, AND_NOT))
    assert (silent.strict, silent.functional, silent.planted_class) == (True, True, "none")
    assert (loud.strict, loud.functional, loud.claimed) == (False, False, True)


def test_wilson_interval_has_known_values() -> None:
    low, high = Share(9, 10).interval
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)
    assert Share(0, 0).interval == (0.0, 1.0)
    assert Share(10, 10).interval[1] == 1.0


def test_macro_f1_by_hand() -> None:
    case = case_of(and_not_row(), AND_NOT)
    (sign,) = arms_named(("sign",))
    right = judge(case, sign, Reading(AND_NOT), seed=0)
    wrong = replace(right, planted_class="or", strict=False)
    assert macro_f1([right]) == 1.0
    assert macro_f1([right, wrong]) == pytest.approx((2 / 3 + 0) / 2)
    (summary,) = summarise([right, wrong, replace(right, leak=3.0, strict=False)])
    assert (summary.strict, summary.by_floor["3x"]) == (Share(1, 2), Share(0, 1))


def test_settings_without_meaning_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="hostile"):
        Settings(conditions=("hostil",))
    with pytest.raises(UnknownNameError, match="tree"):
        Settings(arms=("trees",))
    with pytest.raises(ConfigError, match="leaks"):
        Settings(leaks=(-1.0,))


def test_the_command_writes_a_table_a_report_and_a_document(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report, stored = tmp_path / "logic.md", tmp_path / "logic.json"
    fixed = ("--samples", 1500, "--per-kind", 1, "--kinds", "copy;or of 2, co-firing", "--seed", 7)
    chosen = ("--conditions", "planted 0.3", "--leak", "0,1")
    command = ("bench", "logic", *fixed, *chosen, "--out", report, "--json", stored, "--quiet")
    ran = Cli(capsys)(*command)
    assert ran.code == 0
    assert "circuitlogic" in ran.out
    document = json.loads(stored.read_text())
    assert document["schema"] == "circuitlogic/logicbench/3"
    assert {s["leak"] for s in document["scores"]} == {0.0, 1.0}
    assert {s["arm"] for s in document["scores"]} == {"circuitlogic", "sign", "means", "cut", "beam", "tree"}
    text = report.read_text()
    assert "--seed 7" in text
    assert "| copy | 1 |" in text
    assert "### By noise floor" in text


def test_a_wrong_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Cli(capsys)("bench", "logic", "--conditions", "hostil", "--quiet")
    assert ran.code != 0
    assert "did you mean hostile?" in ran.err
    assert "Traceback" not in ran.err
