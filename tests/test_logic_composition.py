"""Gates written over the inputs of their inputs: the same function, the right stops, true bounds."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logic_rows import LITERALS, Spec, formula_made, literal, specs

from circuitlogic.errors import ConfigError, DataError, UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.logic.branches import CIRCLE, DEPTH, FIRST, LEVEL, SIZE, cut_of
from circuitlogic.logic.composition import compose
from circuitlogic.logic.equivalence import are_equivalent
from circuitlogic.logic.formula import (
    And,
    BoolArray,
    Const,
    Formula,
    Literal,
    Not,
    Or,
    Vote,
    Xor,
    at_least,
    evaluate,
    literals_of,
    to_text,
)
from circuitlogic.logic.gate import Evidence, Gate, GateInput, Interval
from circuitlogic.logic.scores import count
from circuitlogic.logic.simplify import simplified
from circuitlogic.logic.sympy_form import AtLeast, build

A, B, C, D, E = LITERALS
THRESHOLD = 0.25


def at(site: int, index: int, level: int = 0) -> Literal:
    return Literal(FeatureId(f"s{site}", index), level)


def evidence(f1: float = 0.9, samples: int = 1000, support: int = 100) -> Evidence:
    """Scores with precision and recall alike."""
    return Evidence(samples, support, f1, f1, f1, Interval(f1, f1), f1, 1.0, 0.9, 0.9, 0.95, 0.6, f1)


def gate(
    feature: FeatureId, formula: Formula | None, scores: Evidence | None = None, kind: str = "or"
) -> Gate:
    used = () if formula is None else tuple(dict.fromkeys(lit.feature for lit in literals_of(formula)))
    inputs = tuple(GateInput(f, 0.5, 0.5, THRESHOLD, 0.1, (1.0, 2.0)) for f in used)
    return Gate(feature, kind, formula, inputs, 0.0, THRESHOLD, 1.0, scores or evidence())


def study(*gates: Gate) -> dict[FeatureId, Gate]:
    return {one.feature: one for one in gates}


MIDDLE = gate(FeatureId("s1", 0), And((at(0, 0), at(0, 1))), evidence(0.8))
OTHER = gate(FeatureId("s1", 1), Or((at(0, 2), at(0, 3))), evidence(0.9))
TOP = gate(FeatureId("s2", 0), Or((at(1, 0), Not(at(1, 1)))), evidence(0.95))


def test_one_layer_is_the_gate_itself():
    found = compose(TOP.feature, study(TOP, MIDDLE, OTHER), 1)
    assert found.formula == TOP.formula
    assert [branch.stop for branch in found.kept] == [DEPTH, DEPTH]
    assert found.evidence.product == found.evidence.weakest_path == pytest.approx(0.95)


def test_two_layers_substitute_and_multiply():
    found = compose(TOP.feature, study(TOP, MIDDLE, OTHER), 2)
    assert found.formula == Or((And((at(0, 0), at(0, 1))), Not(Or((at(0, 2), at(0, 3))))))
    assert {branch.stop for branch in found.kept} == {FIRST}
    assert [one.feature for one in found.gates] == [TOP.feature, MIDDLE.feature, OTHER.feature]
    assert found.evidence.product == pytest.approx(0.95 * 0.8 * 0.9)
    assert found.evidence.weakest_path == pytest.approx(0.95 * 0.8)
    assert set(found.thresholds.values()) == {THRESHOLD}


def test_counts_stay_folded_however_wide():
    wide = gate(FeatureId("s1", 0), at_least(9, tuple(at(0, i) for i in range(30))))
    top = gate(FeatureId("s2", 0), at_least(2, (at(1, 0), at(0, 31), at(0, 32))))
    form = build(compose(top.feature, study(wide, top), 2).formula)
    assert form.has(AtLeast)
    assert len(form.free_symbols) == 32
    assert "AtLeast(9" in str(form)


def test_what_stays_says_why():
    unread = gate(FeatureId("s1", 1), None, kind="unexplained")
    always = gate(FeatureId("s1", 2), Const(True), kind="constant")
    top = gate(FeatureId("s2", 0), Or((at(1, 0), at(1, 0, 1), at(1, 1), at(1, 2), at(0, 7))))
    found = compose(top.feature, study(top, MIDDLE, unread, always), 5)
    stops = {to_text(branch.literal): branch.stop for branch in found.kept}
    assert stops == {
        "s1_0_high": LEVEL,
        "s1_1": "unexplained",
        "s1_2": "constant",
        "s0_7": FIRST,
        "s0_0": FIRST,
        "s0_1": FIRST,
    }
    assert all(branch.reason for branch in found.kept)
    assert found.thresholds[at(1, 0, 1)] == 1.0


def test_a_circle_is_not_followed():
    first = gate(FeatureId("s1", 0), Or((at(2, 0), at(0, 0))))
    second = gate(FeatureId("s2", 0), And((at(1, 0), at(0, 1))))
    found = compose(second.feature, study(first, second), 9)
    assert [b.stop for b in found.kept if b.literal == at(2, 0)] == [CIRCLE]


def test_size_is_bounded_and_near_gates_come_first():
    layers = [
        gate(FeatureId(f"s{site}", i), And((at(site - 1, i), at(site - 1, (i + 1) % 8))))
        for site in range(1, 9)
        for i in range(8)
    ]
    found = compose(FeatureId("s8", 0), study(*layers), 8, max_gates=7)
    assert len(found.gates) <= 7
    assert {b.stop for b in found.kept} == {SIZE}
    assert {b.literal.feature.site for b in found.kept} <= {"s5", "s4"}
    whole = compose(FeatureId("s8", 0), study(*layers), 8)
    assert set(literals_of(whole.formula)) == {at(0, i) for i in range(8)} or any(
        branch.stop == SIZE for branch in whole.kept
    )


@pytest.mark.parametrize(
    ("feature", "layers", "error"),
    [
        (FeatureId("s9", 0), 2, UnknownNameError),
        (FeatureId("s1", 1), 2, ConfigError),
        (FeatureId("s2", 0), 0, ConfigError),
    ],
)
def test_what_cannot_be_expanded_is_refused(feature: FeatureId, layers: int, error: type[Exception]):
    with pytest.raises(error):
        compose(feature, study(TOP, gate(FeatureId("s1", 1), None, kind="graded")), layers)


def test_a_formula_about_no_input_is_refused():
    with pytest.raises(DataError, match="no input"):
        cut_of(MIDDLE, at(0, 9))
    with pytest.raises(DataError, match="level 3"):
        cut_of(MIDDLE, at(0, 0, 3))


@settings(max_examples=60, deadline=None)
@given(tops=st.lists(specs, min_size=1, max_size=1), middles=st.lists(specs, min_size=5, max_size=5))
def test_the_composed_formula_is_the_composed_function(tops: list[Spec], middles: list[Spec]):
    top = formula_made(tops[0])
    if isinstance(top, Const):
        return
    lower = [formula_made(spec) for spec in middles]
    upper = {literal(i): at(1, i) for i in range(5)}
    gates = [gate(FeatureId("s1", i), f) for i, f in enumerate(lower)]
    found = compose(FeatureId("s2", 0), study(gate(FeatureId("s2", 0), _named(top, upper)), *gates), 2)
    columns = np.array(list(itertools.product([False, True], repeat=5)))
    below = {lit: columns[:, i] for i, lit in enumerate(LITERALS)}
    middle = {literal(i): evaluate(f, below, 32) for i, f in enumerate(lower)}
    fixed = {at(1, i): np.full(32, f.value) for i, f in enumerate(lower) if isinstance(f, Const)}
    expected = evaluate(top, middle, 32)
    assert (evaluate(found.formula, below | fixed, 32) == expected).all()


def _named(formula: Formula, names: dict[Literal, Literal]) -> Formula:
    match formula:
        case Literal():
            return names[formula]
        case Not(operand):
            return Not(_named(operand, names))
        case Vote(operands, weights, threshold):
            return Vote(tuple(_named(f, names) for f in operands), weights, threshold)
        case And(operands) | Or(operands) | Xor(operands):
            return type(formula)(tuple(_named(f, names) for f in operands))
        case _:
            return formula


def scored(said: BoolArray, true: BoolArray) -> Evidence:
    found = count(said, true)
    numbers = (found.precision, found.recall, found.f1, Interval(0.0, 1.0), found.mcc)
    return Evidence(said.size, found.hits + found.missed, *numbers, 1.0, 0.9, 0.9, 0.95, 0.6, 0.9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), noise=st.sampled_from([0.0, 0.005, 0.03]))
def test_the_measured_score_never_leaves_the_bounds(seed: int, noise: float):
    rng = np.random.default_rng(seed)
    n = 1500

    def noisy(said: BoolArray) -> BoolArray:
        return said ^ (rng.random(n) < noise)

    below = {at(0, i): rng.random(n) < 0.3 for i in range(4)}
    said = {g.feature: evaluate(g.formula, below, n) for g in (MIDDLE, OTHER) if g.formula is not None}
    true = {Literal(feature): noisy(values) for feature, values in said.items()}
    assert TOP.formula is not None
    own = evaluate(TOP.formula, true, n)
    fires = noisy(own)
    gates = [
        gate(MIDDLE.feature, MIDDLE.formula, scored(said[MIDDLE.feature], true[Literal(MIDDLE.feature)])),
        gate(OTHER.feature, OTHER.formula, scored(said[OTHER.feature], true[Literal(OTHER.feature)])),
        gate(TOP.feature, TOP.formula, scored(own, fires)),
    ]
    found = compose(TOP.feature, study(*gates), 2)
    measured = count(evaluate(found.formula, below, n), fires).f1
    least, most = found.evidence.least_f1, found.evidence.most_f1
    assert least is not None
    assert most is not None
    assert least - 1e-9 <= measured <= most + 1e-9
    assert found.evidence.product <= found.evidence.weakest_path
    if noise == 0:
        assert (least, most, measured) == (1.0, 1.0, 1.0)


def test_bounds_are_not_claimed_across_other_samples_or_thresholds():
    other = gate(MIDDLE.feature, MIDDLE.formula, evidence(0.8, samples=999))
    assert compose(TOP.feature, study(TOP, other, OTHER), 2).evidence.least_f1 is None
    moved = Gate(MIDDLE.feature, "and", MIDDLE.formula, MIDDLE.inputs, 0.0, 0.5, 1.0, evidence(0.8))
    assert compose(TOP.feature, study(TOP, moved, OTHER), 2).evidence.most_f1 is None
    assert compose(TOP.feature, study(TOP, MIDDLE, OTHER), 2).evidence.least_f1 is not None


A_HIGH = literal(0, 1)


@pytest.mark.parametrize(
    ("given_formula", "expected"),
    [
        (Or((A, And((A, B)))), A),
        (And((A, Or((A, B)))), A),
        (And((A, A_HIGH)), A_HIGH),
        (Or((A, A_HIGH)), A),
        (And((Or((A_HIGH, And((A, B)))), B)), And((A, B))),
        (Or((A, And((Not(A), B)))), Or((A, B))),
        (And((A, Not(A))), Const(False)),
        (Or((Not(A_HIGH), A)), Const(True)),
        (Not(Not(Or((A, Or((B, C)))))), Or((A, B, C))),
        (at_least(2, (A, B, Const(True))), Or((A, B))),
        (Xor((A, Not(B), Const(True))), Xor((A, B))),
        (Xor((A, A)), Const(False)),
        (Vote((A, B), (1, -1), -1), Const(True)),
        (And(()), Const(True)),
    ],
)
def test_simplification_by_hand(given_formula: Formula, expected: Formula):
    assert simplified(given_formula) == expected


def written(formula: Formula) -> int:
    """Literals as written."""
    match formula:
        case Literal():
            return 1
        case Const():
            return 0
        case Not(operand):
            return written(operand)
        case And(operands) | Or(operands) | Xor(operands) | Vote(operands=operands):
            return sum(written(f) for f in operands)


@settings(max_examples=150, deadline=None)
@given(spec=specs, high=st.booleans())
def test_simplification_keeps_the_function_and_never_lengthens(spec: Spec, high: bool):
    formula = formula_made(spec)
    if high:
        formula = _named(formula, {**{lit: lit for lit in LITERALS}, B: A_HIGH})
    short = simplified(formula)
    assert are_equivalent(short, formula)
    assert written(short) <= written(formula)
    assert simplified(short) == short
