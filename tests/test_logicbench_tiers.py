"""LogicBench's tiers: comparing formulas, worlds as vectors, matching, twins and ablations, layers, intervals."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from cli_runs import Cli
from hypothesis import given
from logic_rows import LITERALS, Spec, formula_made, literal, specs

from circuitlogic.benchmarks.logicbench.ablation import effect_of, read_with_ablations
from circuitlogic.benchmarks.logicbench.arms import OWN, Reading
from circuitlogic.benchmarks.logicbench.cases import Case, draw_cases
from circuitlogic.benchmarks.logicbench.conditions import CONDITIONS, Knobs, magnitudes_named
from circuitlogic.benchmarks.logicbench.equivalence import (
    polarities,
    renamed,
    same_function,
    same_where_seen,
)
from circuitlogic.benchmarks.logicbench.identified import NO_GATE_F1
from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.planted_kinds import DENSE, MIXED, MIXTURE, kinds_named
from circuitlogic.benchmarks.logicbench.planting import FIRING
from circuitlogic.benchmarks.logicbench.pool import Magnitudes, column, draw_pool, draw_wide_pool, grouped
from circuitlogic.benchmarks.logicbench.run import run_logicbench
from circuitlogic.benchmarks.logicbench.score import Edges
from circuitlogic.benchmarks.logicbench.scoring import judge
from circuitlogic.benchmarks.logicbench.settings import Settings, Sizes
from circuitlogic.benchmarks.logicbench.targets import target_rows
from circuitlogic.benchmarks.logicbench.tiers import Unit, run_unit, tiers_named, units_of
from circuitlogic.benchmarks.logicbench.tiers.coverage import drawn, true_f1
from circuitlogic.benchmarks.logicbench.tiers.dictionaries import match
from circuitlogic.benchmarks.logicbench.tiers.wide import wide_kinds
from circuitlogic.benchmarks.logicbench.tiers.world import embedded, rotation, spread_directions
from circuitlogic.errors import ConfigError, UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import (
    And,
    Literal,
    Not,
    Or,
    Vote,
    Xor,
    at_least,
    evaluate,
    literals_of,
)

A, B, C, D = (literal(i) for i in range(4))
SMALL = Sizes(samples=2500, per_kind=1, pool=0.3, epochs=4)


@given(specs, specs)
def test_equal_functions_are_told_from_others_with_many_literals_too(one: Spec, other: Spec) -> None:
    first, second = formula_made(one), formula_made(other)
    numbers = np.arange(1 << len(LITERALS))
    on = {lit: (numbers >> i & 1).astype(bool) for i, lit in enumerate(LITERALS)}
    truth = np.array_equal(evaluate(first, on, numbers.size), evaluate(second, on, numbers.size))
    padding = Or(tuple(literal(i) for i in range(10, 24)))
    assert same_function(first, second) == truth
    assert same_function(Xor((first, padding)), Xor((padding, second))) == truth


def test_states_that_few_samples_were_in_do_not_count() -> None:
    on = {A: np.array([True] * 6 + [False] * 6 + [True] * 4), B: np.array([True] * 6 + [False] * 10)}
    assert same_where_seen(A, B, on, 16), "A without B was seen four times only"
    more = {lit: np.append(values, lit == A) for lit, values in on.items()}
    assert not same_where_seen(A, B, more, 17)


def test_polarities_of_literals() -> None:
    formula = And((Vote((A, B), (2, -1), 1), Not(Or((C, Not(D))))))
    assert polarities(formula) == {A: 1, B: -1, C: -1, D: 1}
    assert polarities(Or((And((A, Not(B))), And((B, Not(A)))))) == {A: 0, B: 0}


def test_a_composed_formula_has_the_inner_formulas_in_place_of_literals() -> None:
    inner = And((C, Not(D)))
    assert renamed(at_least(2, (A, B, Not(A))), {A: inner}) == at_least(2, (inner, B, Not(inner)))


def test_directions_are_orthonormal_or_pushed_apart() -> None:
    rng = np.random.default_rng(0)
    turned = rotation(10, 12, rng)
    assert np.allclose(turned @ turned.T, np.eye(10))
    spread = spread_directions(24, 12, rng)
    assert np.allclose(np.linalg.norm(spread, axis=1), 1)
    drawn_at_random = rng.standard_normal((24, 12))
    drawn_at_random /= np.linalg.norm(drawn_at_random, axis=1, keepdims=True)
    overlaps = [np.abs(u @ u.T - np.eye(24)).max() for u in (spread, drawn_at_random)]
    assert overlaps[0] < 0.45 < overlaps[1]
    vectors = embedded(rng.random((50, 24)), spread, 50)
    assert np.square(vectors).mean() == pytest.approx(1.0)


def test_features_are_matched_whatever_their_order_scale_and_copies() -> None:
    rng = np.random.default_rng(1)
    planted = rng.exponential(size=(4000, 5)) * (rng.random((4000, 5)) < 0.1)
    noise = rng.exponential(size=(4000, 3)) * (rng.random((4000, 3)) < 0.1)
    order = [4, 2, 0, 1, 3]
    copy = planted[:, [2]] * np.exp(0.1 * rng.standard_normal((4000, 1)))
    learned = np.hstack([3.0 * planted[:, order], noise, copy])
    found = match(planted, scipy.sparse.csc_array(learned), 2000)
    assert found.learned.tolist() == [order.index(i) for i in range(5)]
    assert found.correlations.min() == pytest.approx(1.0)
    assert found.aliases == {8: 2}, "a second learned feature stands for the third planted one"
    assert found.names[0] == 4


def test_knobs_change_every_condition() -> None:
    knobs = Knobs(magnitudes_named("exponential"), (0.01, 0.02), 0.0, (0, 0), 0.0)
    turned = knobs.turned(CONDITIONS["hostile"])
    assert (turned.magnitudes.shape, turned.rates, turned.weight_noise) == ("exponential", (0.01, 0.02), 0.0)
    assert turned.spurious == (0, 0)
    pool = draw_pool(20_000, turned.magnitudes, 0.0, np.random.default_rng(0), 0.3, turned.rates)
    rates = np.array(
        [np.count_nonzero(column(pool.clean, i)) / pool.samples for (i,) in pool.groups["single"]]
    )
    assert 0.008 < rates.min() <= rates.max() < 0.022
    with pytest.raises(ConfigError, match="rates"):
        Knobs(rates=(0.3, 0.1))
    with pytest.raises(UnknownNameError, match="log-normal"):
        magnitudes_named("lognormal:0.3")
    with pytest.raises(ConfigError, match="magnitudes"):
        magnitudes_named("log-normal:none")


def test_groups_are_found_among_features_that_fire_as_they_do() -> None:
    rng = np.random.default_rng(2)
    whole = rng.random(6000) < 0.2
    part = whole & (rng.random(6000) < 0.4)
    alone = ~whole & (rng.random(6000) < 0.1)
    groups = grouped(np.stack([whole, part, alone], axis=1))
    assert (0, 1) in groups["nested"]
    assert {(0, 1), (1, 0)} <= set(groups["cofiring"])
    assert (0, 2) in groups["exclusive"]
    assert (0, 1) not in groups["exclusive"]


def test_wide_pools_hold_gates_of_thirty_inputs() -> None:
    kinds = wide_kinds(30)
    assert [kind.name for kind in kinds] == ["or of 30", "inhibited or of 30", "10 of 30"]
    assert [kind.name for kind in wide_kinds(1)] == ["or of 1"]
    pool = draw_wide_pool(2000, 6, 2, Magnitudes("log-normal", 0.3), 0.0, np.random.default_rng(0))
    assert [len(group) for group in pool.groups["wide"]] == [6, 6]


def made(name: str, condition: str = "trained 0.5") -> Case:
    """One planted case of a kind."""
    sizes = Sizes(samples=8000, per_kind=1, pool=0.4, epochs=6)
    (case,) = draw_cases(CONDITIONS[condition], kinds_named((name,)), sizes, 3)
    return case


def with_source(case: Case, feature: FeatureId) -> Case:
    """The case with one more input of weight .2 in its row, on at random."""
    if feature in case.row.sources:
        return case
    row, rng = case.row, np.random.default_rng(0)
    more = (np.append(values, 0.2) for values in (row.weights, row.raw_weights))
    weights, raw = more
    wider = replace(
        row,
        sources=(*row.sources, feature),
        weights=weights,
        raw_weights=raw,
        source_scales=np.append(row.source_scales, 1.0),
    )
    parts = [
        replace(part, inputs=scipy.sparse.hstack([part.inputs, on], format="csc"))
        for part in (case.train, case.heldout)
        for on in ((rng.random((part.target.size, 1)) < 0.05).astype(float),)
    ]
    return replace(case, row=wider, train=parts[0], heldout=parts[1])


def test_an_ablation_moves_the_output_for_inputs_and_not_for_bystanders() -> None:
    case = made("or of 3, co-firing")
    assert isinstance(case.formula, Or)
    inputs = literals_of(case.formula)
    assert all(effect_of(case, lit, case.formula, FIRING).flips > 0.9 for lit in inputs)
    formula = case.formula
    idle = Literal(FeatureId(case.inputs[0].feature.site, 0))
    assert idle not in inputs
    case = with_source(case, idle.feature)
    wrong = Or((inputs[0], inputs[1], idle))
    effect = effect_of(case, idle, wrong, FIRING)
    assert effect.flips < 0.5
    gate, ablations = read_with_ablations(case)
    assert gate.formula is not None
    assert same_function(gate.formula, formula)
    assert ablations == 3
    with pytest.raises(ValueError, match="no network"):
        effect_of(replace(case, rerun=None), inputs[0], formula, FIRING)


def test_edges_are_counted_with_their_signs() -> None:
    case = made("and not, overlap")
    cause, veto = (planted.feature for planted in case.inputs)
    other = FeatureId(cause.site, max(cause.index, veto.index) + 1)
    case = with_source(case, other)
    right = judge(case, OWN, Reading(And((Literal(cause), Not(Literal(veto))))), seed=0)
    assert right.literal_edges == Edges(2, 2, 2, 2, 2)
    assert right.strict
    assert right.seen
    assert right.joint is not None
    braked = judge(case, OWN, Reading(Literal(cause), brakes=(veto,)), seed=0)
    assert braked.literal_edges == Edges(2, 2, 2, 2, 2)
    wrong = judge(case, OWN, Reading(Or((Literal(cause), Literal(veto), Literal(other)))), seed=0)
    assert wrong.literal_edges == Edges(2, 3, 2, 2, 1)
    assert wrong.literal_edges.f1 == pytest.approx(0.8)
    assert not wrong.seen
    silent = judge(case, OWN, Reading(None), seed=0)
    assert silent.literal_edges == Edges(2, 0, 0, 0, 0)


def test_a_copy_of_a_planted_feature_stands_for_it() -> None:
    case = made("copy")
    planted = case.inputs[0].feature
    twin = FeatureId(planted.site, planted.index + 1)
    case = with_source(case, twin)
    assert not judge(case, OWN, Reading(Literal(twin)), seed=0).strict
    assert judge(replace(case, aliases={twin: planted}), OWN, Reading(Literal(twin)), seed=0).strict


def test_a_dense_sum_is_named_falsely_only_by_a_simple_story_that_leaves_much_out() -> None:
    case = made(DENSE, "planted 0.3")
    assert case.formula is None
    assert case.ceiling is not None
    inputs = tuple(Literal(planted.feature) for planted in case.inputs)
    votes = Vote(inputs, tuple(planted.sign for planted in case.inputs), 1)
    (one, *_) = inputs
    copy = judge(case, OWN, Reading(one), seed=0)
    assert copy.falsely == (case.ceiling - copy.f1 > 0.05)
    assert copy.falsely
    assert not judge(case, OWN, Reading(votes), seed=0).falsely
    assert not judge(case, OWN, Reading(None), seed=0).falsely


@pytest.mark.parametrize(
    ("ceiling", "elsewhere", "falsely"), [(0.0, False, False), (1.0, False, True), (0.0, True, True)]
)
def test_a_mixture_is_named_falsely_by_what_is_outdone_or_keeps_silent_about_other_causes(
    ceiling: float, elsewhere: bool, falsely: bool
) -> None:
    case = made(MIXTURE, "planted 0.3")
    claim = Reading(Or(tuple(Literal(planted.feature) for planted in case.inputs)))
    known = replace(case, ceiling=ceiling, elsewhere=elsewhere)
    assert judge(known, OWN, claim, seed=0).falsely == falsely
    assert not judge(known, OWN, Reading(None), seed=0).falsely


def test_with_unseen_causes_any_claim_is_false() -> None:
    case = made(MIXED, "planted 0.3")
    claim = judge(case, OWN, Reading(Literal(case.inputs[0].feature)), seed=0)
    assert claim.falsely
    assert claim.asserted
    assert case.ceiling is not None
    assert case.ceiling < NO_GATE_F1 + 0.1
    assert not judge(case, OWN, Reading(None), seed=0).falsely


def test_twins_fire_with_their_originals_and_carry_weight() -> None:
    asked = Settings(seeds=(1,), sizes=replace(SMALL, samples=4000), kinds=("copy", "or of 3, co-firing"))
    outcome = run_unit(Unit("twins", "rho 0.9", 0.0, 1), asked)
    assert {s.arm for s in outcome.scores} == {"circuitlogic", "with ablations"}
    found = {m.name: m.value for m in outcome.measures}
    assert 0 < found["weight on twins"] < 0.7
    assert found["ablations per gate"] >= 1


def test_layers_are_read_and_composed() -> None:
    sizes = Sizes(samples=5000, per_kind=1, pool=0.5, epochs=8)
    asked = Settings(seeds=(1,), sizes=sizes, depths=(2,), arms=("circuitlogic",))
    outcome = run_unit(Unit("deep", "depth 2", 0.0, 1), asked)
    assert {s.condition for s in outcome.scores} == {"layer 1", "layer 2"}
    assert outcome.chains
    assert all(chain.depth == 2 and chain.gates >= 2 for chain in outcome.chains)
    right = [chain for chain in outcome.chains if chain.all_right]
    assert right
    assert all(chain.strict and chain.seen and chain.f1 == chain.planted_f1 for chain in right)


def test_the_true_f1_of_known_error_rates() -> None:
    fires, found, false = np.array([0.1, 0.1]), np.array([0.5, 1.0]), np.zeros(2)
    assert true_f1((fires, found, false)) == pytest.approx(2 * 0.075 / (0.075 + 0.1))
    said, true, groups = drawn((np.full(50, 0.3), np.ones(50), np.zeros(50)), np.random.default_rng(0))
    assert np.array_equal(said, true)
    assert groups.max() == 49


@cache
def learned_outcome(tier: str) -> Outcome:
    """A tier with learned features, as small as it gets."""
    sizes = Sizes(samples=1500, per_kind=1, world=0.05)
    asked = Settings(seeds=(1,), sizes=sizes, kinds=("copy", "or of 2, exclusive"), arms=("circuitlogic",))
    return run_unit(Unit(tier, "log-normal 0.3", 0.0, 1), asked)


@pytest.mark.parametrize("tier", ["rotated", "superposed", "sgd"])
def test_learned_tiers_score_every_planted_gate(tier: str) -> None:
    outcome = learned_outcome(tier)
    assert {s.kind for s in outcome.scores} == {"copy", "or of 2, exclusive"}
    assert all(s.tier == tier and 0 <= s.match <= 1.0 + 1e-9 for s in outcome.scores)
    found = {m.name: m.value for m in outcome.measures}
    assert 0.2 < found["input MCC"] <= 1
    assert ("network R2" in found) == (tier == "sgd")


def test_the_control_plants_nothing() -> None:
    outcome = learned_outcome("random-weights")
    assert not outcome.scores
    assert all(live.match == 0 for live in outcome.live)
    assert "output MCC" not in {m.name for m in outcome.measures}


def test_units_are_in_a_fixed_order_and_any_number_of_processes_gives_the_same() -> None:
    asked = Settings(seeds=(1,), tiers=("coverage",), leaks=(0.0, 3.0))
    units = units_of(asked)
    assert [(unit.leak, unit.seed) for unit in units] == [(0.0, 1)] * 3, "floors do not matter to the tier"
    alone, together = run_logicbench(asked), run_logicbench(asked, jobs=2)
    assert alone == together
    rows = target_rows(alone)
    assert [row.quantity.rpartition(", ")[2] for row in rows] == [
        "independent",
        "bursty topics",
        "errors by document",
    ]
    assert all(row.met == (0.92 <= float(row.reached) <= 0.97) for row in rows)


def test_tiers_by_name() -> None:
    assert [tier.name for tier in tiers_named(("sgd", "true"))] == ["true", "sgd"]
    assert len(tiers_named(("all",))) == 9
    with pytest.raises(UnknownNameError, match="rotated"):
        tiers_named(("rotate",))
    with pytest.raises(ConfigError, match="fan-in"):
        Settings(fan_ins=(31,))
    with pytest.raises(ConfigError, match="twins"):
        Settings(rhos=(1.0,))
    with pytest.raises(ConfigError, match="depth"):
        Settings(depths=(1,))


def test_the_command_runs_sweeps_and_says_how_to_repeat_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = tmp_path / "logic.md"
    sweep = ("--tier", "wide,coverage", "--fan-in", "2", "--samples", 2000, "--per-kind", 1, "--seed", 1)
    knobs = ("--magnitudes", "log-normal:0.2", "--spurious", "1,2", "--arms", "circuitlogic,cut")
    ran = Cli(capsys)("bench", "logic", *sweep, *knobs, "--out", report, "--quiet")
    assert ran.code == 0, ran.err
    assert max(len(line) for line in ran.out.splitlines() if str(report) not in line) <= 80
    text = report.read_text()
    for words in ("--tier wide,coverage", "--fan-in 2", "--magnitudes log-normal:0.2", "--spurious 1,2"):
        assert words in text
    assert "## Fan-in" in text
    assert "## Interval of F1" in text
    assert "## Twins" not in text


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [("--tier", "rotate", "did you mean rotated?"), ("--rates", "0.1", "for example 0.01,0.1"),
     ("--spurious", "1.5,2", "whole numbers")],
)  # fmt: skip
def test_a_wrong_option_of_a_tier_is_one_line(
    capsys: pytest.CaptureFixture[str], option: str, value: str, says: str
) -> None:
    ran = Cli(capsys)("bench", "logic", option, value, "--quiet")
    assert ran.code != 0
    assert says in ran.err
    assert "Traceback" not in ran.err


def test_feature_ids_of_unplanted_features_are_beyond_the_planted_ones() -> None:
    outcome = learned_outcome("rotated")
    assert all(FeatureId.parse(s.feature).site == "planted.1" for s in outcome.scores)


def test_inputs_that_a_row_does_not_have_are_counted() -> None:
    case = made("or of 3, co-firing", "planted 0.3")
    assert judge(case, OWN, Reading(case.formula), seed=0).absent == 0
    (first, *_) = case.inputs
    kept = [i for i, source in enumerate(case.row.sources) if source != first.feature]
    row = replace(
        case.row,
        sources=tuple(case.row.sources[i] for i in kept),
        weights=case.row.weights[kept],
        raw_weights=case.row.raw_weights[kept],
        source_scales=case.row.source_scales[kept],
    )
    parts = (replace(part, inputs=part.inputs[:, kept]) for part in (case.train, case.heldout))
    train, heldout = parts
    assert judge(replace(case, row=row, train=train, heldout=heldout), OWN, Reading(None), seed=0).absent == 1
