"""Formulas are compared exactly: against brute force on few inputs, fast on many, levels and don't-cares heeded."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logic_rows import LITERALS, Spec, feature, formula_made, literal, specs

from circuitlogic.features import FeatureId
from circuitlogic.logic.decision_diagram import TRUE, DecisionDiagrams
from circuitlogic.logic.equivalence import (
    SeenStates,
    TooLargeError,
    are_equivalent,
    difference,
    implies,
    seen_states,
)
from circuitlogic.logic.formula import (
    And,
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
)
from circuitlogic.logic.gate import Gate, TableRow

A, B, C, D, E = LITERALS
A_HIGH, A_TOP, B_HIGH = literal(0, 1), literal(0, 2), literal(1, 1)
LEVELS = (A, A_HIGH, A_TOP, B, B_HIGH, C, D, E, literal(5), literal(6))
TEN = tuple(literal(i) for i in range(10))


def respelled(formula: Formula, names: tuple[Literal, ...]) -> Formula:
    """The formula with its five literals called otherwise."""
    match formula:
        case Literal():
            return names[LITERALS.index(formula)]
        case Const():
            return formula
        case Not(operand):
            return Not(respelled(operand, names))
        case Vote(operands, weights, threshold):
            return Vote(tuple(respelled(f, names) for f in operands), weights, threshold)
        case And(operands) | Or(operands) | Xor(operands):
            return type(formula)(tuple(respelled(f, names) for f in operands))


def states(literals: tuple[Literal, ...]) -> dict[Literal, np.ndarray]:
    """Every state that the literals can be in: none of a level without those below it."""
    columns = np.array(list(product([False, True], repeat=len(literals))), dtype=np.bool_)
    on = {lit: columns[:, i] for i, lit in enumerate(literals)}
    fits = np.ones(len(columns), dtype=np.bool_)
    for low in literals:
        for high in literals:
            if low.feature == high.feature and low.level < high.level:
                fits &= on[low] | ~on[high]
    return {lit: column[fits] for lit, column in on.items()}


def brute(first: Formula, second: Formula) -> bool:
    """Whether the two agree in every state there can be."""
    literals = tuple(dict.fromkeys((*literals_of(first), *literals_of(second))))
    on = states(literals or (A,))
    size = len(next(iter(on.values())))
    return bool((evaluate(first, on, size) == evaluate(second, on, size)).all())


def check_witness(first: Formula, second: Formula) -> None:
    found = difference(first, second)
    assert (found is None) == brute(first, second)
    if found is None:
        return
    on = {lit: np.array([value]) for lit, value in found.state}
    assert set(on) == {*literals_of(first), *literals_of(second)}
    assert evaluate(first, on, 1)[0] == found.first
    assert evaluate(second, on, 1)[0] != found.first
    for low in on:
        for high in on:
            if low.feature == high.feature and low.level < high.level:
                assert on[low][0] or not on[high][0]


names = st.lists(st.sampled_from(range(10)), min_size=5, max_size=5)


@settings(max_examples=150, deadline=None)
@given(one=specs, other=specs, places=names, levelled=st.booleans())
def test_it_agrees_with_brute_force_and_its_witness_is_one(
    one: Spec, other: Spec, places: list[int], levelled: bool
):
    pool = LEVELS if levelled else TEN
    chosen = tuple(pool[i] for i in places)
    check_witness(respelled(formula_made(one), chosen), formula_made(other))
    check_witness(respelled(formula_made(one), chosen), respelled(formula_made(other), chosen[::-1]))


@settings(max_examples=60, deadline=None)
@given(one=specs, places=names)
def test_the_same_function_in_another_spelling_is_equal(one: Spec, places: list[int]):
    formula = respelled(formula_made(one), tuple(LEVELS[i] for i in places))
    assert are_equivalent(formula, Not(Not(formula)))
    assert are_equivalent(formula, And((formula, Or((formula, C)))))
    assert not are_equivalent(formula, Not(formula))
    assert implies(And((formula, B)), formula)


@settings(max_examples=60, deadline=None)
@given(one=specs, other=specs, rows=st.lists(st.lists(st.booleans(), min_size=5, max_size=5), max_size=6))
def test_only_seen_states_count(one: Spec, other: Spec, rows: list[list[bool]]):
    first, second = formula_made(one), formula_made(other)
    seen = SeenStates(LITERALS, np.array(rows, dtype=np.bool_).reshape(-1, 5))
    on = {lit: seen.states[:, i] for i, lit in enumerate(LITERALS)}
    agree = (evaluate(first, on, len(rows)) == evaluate(second, on, len(rows))).all()
    found = difference(first, second, seen)
    assert (found is None) == bool(agree)
    if found is not None:
        state = dict(found.state)
        assert any(all(state.get(lit, on) == on for lit, on in zip(LITERALS, r, strict=True)) for r in rows)


def test_high_implies_fired():
    assert implies(A_HIGH, A)
    assert implies(A_TOP, A_HIGH)
    assert not implies(A, A_HIGH)
    assert are_equivalent(And((A, A_HIGH)), A_HIGH)
    assert are_equivalent(Or((A, A_HIGH)), A)
    assert are_equivalent(And((A_TOP, Not(A))), Const(False))
    found = difference(A, A_HIGH)
    assert found is not None
    assert (dict(found.state), found.first) == ({A: True, A_HIGH: False}, True)


def test_states_of_some_literals_leave_the_others_free():
    exclusive = SeenStates((A, B), np.array([[0, 0], [1, 0], [0, 1]], dtype=np.bool_))
    assert are_equivalent(Xor((A, B)), Or((A, B)), exclusive)
    assert are_equivalent(And((A, Not(B))), A, exclusive)
    assert not are_equivalent(And((A, C)), A, exclusive)
    never_low = SeenStates((A_HIGH,), np.array([[True]]))
    assert are_equivalent(A, Const(True), never_low)


def test_a_gates_table_is_its_dont_cares():
    rows = tuple(TableRow(state, 9, 0, 0.0, False) for state in ((False, False), (True, False)))
    gate = Gate(FeatureId("out", 0), "and-not", And((A, Not(B))), (), 0.0, 0.1, 1.0, None, rows)
    assert are_equivalent(And((A, Not(B))), A, seen_states(gate))
    assert seen_states(Gate(gate.feature, "graded", None, (), 0.0, 0.1, 1.0, None)) is None


MANY = tuple(Literal(feature(i)) for i in range(30))


@pytest.mark.parametrize("inputs", [20, 25, 30])
def test_counts_and_votes_of_thirty_inputs_take_no_time(inputs: int):
    used = MANY[:inputs]
    weights = tuple(int(w) for w in np.random.default_rng(inputs).integers(1, 101, inputs))
    half = sum(weights) // 2
    vote = Vote(used, weights, half)
    begun = time.process_time()
    assert are_equivalent(vote, Vote(used[::-1], tuple(2 * w for w in weights[::-1]), 2 * half - 1))
    assert are_equivalent(Not(vote), Vote(used, tuple(-w for w in weights), 1 - half))
    assert not are_equivalent(vote, Vote(used, weights, half + 1))
    third = inputs // 3
    assert are_equivalent(at_least(third, used), Not(Vote(used, (-1,) * inputs, 1 - third)))
    assert not are_equivalent(at_least(third, used), at_least(third + 1, used))
    assert time.process_time() - begun < 10.0


def test_one_state_in_a_billion_is_found():
    needle = And((*MANY[:29], Not(MANY[29])))
    found = difference(Or((at_least(30, MANY), needle)), at_least(30, MANY))
    assert found is not None
    assert [on for _, on in found.state] == [True] * 29 + [False]


def test_what_is_too_large_says_so():
    left, right = (tuple(Literal(FeatureId(site, i)) for i in range(40)) for site in "ab")
    diagrams = DecisionDiagrams((*left, *right), max_nodes=5000)
    with pytest.raises(TooLargeError, match="more than 5,000 decision nodes"):
        diagrams.of(Or(tuple(And(pair) for pair in zip(left, right, strict=True))))
    huge = tuple(3**i + 1 for i in range(30))
    with pytest.raises(TooLargeError, match="weights"):
        are_equivalent(Vote(MANY, huge, sum(huge) // 2), Const(True))
    with pytest.raises(TooLargeError, match="literals"):
        DecisionDiagrams(Literal(feature(i)) for i in range(1000))


def test_a_tautology_is_one_node():
    diagrams = DecisionDiagrams(LEVELS)
    assert diagrams.of(Or((A, Not(A)))) == TRUE
    assert diagrams.of(Or((Not(A_HIGH), A))) == TRUE
    assert diagrams.state_of(diagrams.of(Const(False))) is None
