"""Every form of a formula means the same: evaluated, as SymPy, as JSON, in canonical form, in words."""

import json
import time

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from logic_rows import LITERALS, Spec, feature, formula_made, literal, specs
from sympy.logic.boolalg import to_dnf

from circuitlogic.errors import DataError
from circuitlogic.logic import truth
from circuitlogic.logic.canonical import canonical, cost_of, formula_of, table_of
from circuitlogic.logic.formula import (
    And,
    Formula,
    Literal,
    Not,
    Or,
    Vote,
    at_least,
    evaluate,
    literals_of,
    to_text,
)
from circuitlogic.logic.formula_json import formula_from_json, formula_to_json
from circuitlogic.logic.sympy_form import AtLeast, WeightedVote, build, winning_coalitions

A, B, C, D, E = LITERALS
states = st.lists(st.booleans(), min_size=5, max_size=5)


def letters(lit: Literal) -> str:
    return "ABCDE"[lit.feature.index]


def value(formula: Formula, state: list[bool]) -> bool:
    on = {lit: np.array([v]) for lit, v in zip(LITERALS, state, strict=True)}
    return bool(evaluate(formula, on, 1)[0])


@settings(max_examples=150, deadline=None)
@given(spec=specs, state=states)
def test_sympy_json_and_canonical_forms_agree_with_evaluation(spec: Spec, state):
    formula = formula_made(spec)
    expected = value(formula, state)
    symbols = {sympy.Symbol(letters(lit)): v for lit, v in zip(LITERALS, state, strict=True)}
    assert bool(build(formula, letters).subs(symbols)) == expected
    assert bool(build(formula, letters).doit().subs(symbols)) == expected
    assert value(canonical(formula), state) == expected
    assert formula_from_json(json.loads(json.dumps(formula_to_json(formula)))) == formula


@settings(max_examples=100, deadline=None)
@given(bits=st.integers(0, 2**32 - 1))
def test_a_table_makes_the_round_trip_through_its_formula(bits):
    table = np.array([bits >> i & 1 for i in range(32)], dtype=np.bool_)
    formula = formula_of(table, LITERALS)
    assert (table_of(formula, LITERALS) == table).all()
    assert (table_of(canonical(formula), LITERALS) == table).all()
    assert set(literals_of(formula)) == {
        LITERALS[i] for i, sign in enumerate(truth.signs(table)) if sign != 0
    }


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (Or((And((A, B)), And((A, C)))), "A AND (B OR C)"),
        (Or((And((A, B)), And((A, C)), And((B, C)))), "at least 2 of (A, B, C)"),
        (And((Not(A), Not(B))), "NOT (A OR B)"),
        (Or((Not(A), Not(B))), "NOT (A AND B)"),
        (And((Not(C), Or((B, A)))), "(B OR A) AND NOT C"),
        (Or((And((A, Not(B))), And((B, Not(A))))), "A XOR B"),
        (Or((And((A, B)), And((Not(A), Not(B))))), "NOT (A XOR B)"),
        (Or((A, And((A, B)))), "A"),
        (Or((A, Not(A))), "TRUE"),
        (And((A, Not(And((B, C))))), "A AND NOT (B AND C)"),
        (Vote((A, B, C, D), (4, 2, 2, 2), 6), "2 A + B + C + D >= 3"),
        (Vote((A, B, C), (5, 3, 3), 8), "A AND (B OR C)"),
        (Or((And((A, B)), And((C, D)))), "(A AND B) OR (C AND D)"),
        (Not(at_least(2, (A, B, C))), "NOT at least 2 of (A, B, C)"),
    ],
)
def test_canonical_form_is_the_short_one(formula, text):
    assert to_text(canonical(formula), letters) == text


def test_a_high_literal_makes_its_low_one_superfluous():
    high = literal(0, 1)
    assert canonical(And((A, high))) == high
    assert canonical(Or((A, high))) == A
    assert canonical(Or((And((A, B)), And((A, high))))) == Or((high, And((A, B))))
    assert canonical(And((Not(A), Not(high)))) == Not(A)
    assert canonical(And((A, Not(high)))) == And((A, Not(high)))


@settings(max_examples=100, deadline=None)
@given(bits=st.integers(0, 2**32 - 1), weights=st.lists(st.integers(0, 4), min_size=5, max_size=5))
def test_levels_change_only_states_that_cannot_be(bits, weights):
    thermometer = (A, literal(0, 1), B, literal(1, 1), literal(1, 2))
    possible = truth.possible_cells(((0, 1), (2, 3), (2, 4), (3, 4)), 5)
    anything = np.array([bits >> i & 1 for i in range(32)], dtype=np.bool_)
    summed = truth.cells(5) @ np.array(weights) >= 2
    for table in (anything, summed):
        formula = formula_of(table, thermometer)
        assert (table_of(formula, thermometer) == table)[possible].all()
    assert len(to_text(formula_of(summed, thermometer), lambda lit: "ab"[lit.feature.index])) < 50


@pytest.mark.parametrize(
    ("formula", "cost"),
    [
        (A, 1),
        (Or((A, B, C)), 3),
        (And((A, Not(B))), 2),
        (at_least(2, (A, B, C)), 4),
        (Or((A, And((B, C)))), 3),
    ],
)
def test_an_input_is_paid_once_where_it_is_written_once(formula, cost):
    assert cost_of(table_of(formula, literals_of(formula))) == cost


@given(weights=st.lists(st.integers(1, 6), min_size=1, max_size=7), share=st.floats(0.05, 1.0))
def test_threshold_functions_are_recognised_and_others_are_not(weights, share):
    threshold = max(1, round(share * sum(weights)))
    sums = truth.cells(len(weights)) @ np.array(weights)
    table = sums >= threshold
    found = truth.integer_votes(table)
    if table.any() and not table.all():
        assert found is not None
        assert ((truth.cells(len(weights)) @ np.array(found[0]) >= found[1]) == table).all()
    two_pairs = table_of(Or((And((A, B)), And((C, D)))), (A, B, C, D))
    assert truth.integer_votes(two_pairs) is None


def test_counts_fold_print_and_write_themselves_out():
    a, b, c, d = sympy.symbols("a b c d")
    count = AtLeast(2, c, a, b)
    assert str(count) == "AtLeast(2, a, b, c)"
    assert sympy.latex(count) == r"\left[a + b + c \geq 2\right]"
    assert count == AtLeast(2, a, b, c)
    assert count.subs(a, True) == sympy.Or(b, c)
    assert count.subs(a, False) == sympy.And(b, c)
    assert (AtLeast(0, a), AtLeast(3, a, b), AtLeast(1, a, b)) == (sympy.true, sympy.false, sympy.Or(a, b))
    assert count.doit() == sympy.Or(sympy.And(a, b), sympy.And(a, c), sympy.And(b, c))
    assert to_dnf(sympy.And(count, ~d)) == sympy.Or(
        sympy.And(a, b, ~d), sympy.And(a, c, ~d), sympy.And(b, c, ~d)
    )
    vote = WeightedVote(3, sympy.Tuple(1, 2, 1), b, a, c)
    assert str(vote) == "Vote(2*a + b + c >= 3)"
    assert sympy.latex(sympy.Not(vote)).count(r"2 a + b + c \geq 3") == 1
    assert vote.doit() == sympy.Or(sympy.And(a, b), sympy.And(a, c))
    assert WeightedVote(4, sympy.Tuple(2, 2, 2), a, b, c) == count


def test_nothing_is_expanded_to_exponential_size():
    begun = time.perf_counter()
    many = tuple(literal(i) for i in range(30))
    half = at_least(15, many)
    built = build(half)
    assert built.doit() == built
    assert built.subs(dict.fromkeys(sorted(built.free_symbols, key=str)[:15], True)) == sympy.true
    weighted = build(Vote(many, tuple(range(1, 31)), 200))
    assert weighted.doit() == weighted
    assert canonical(half) == half
    assert winning_coalitions(list(range(1, 31)), 200, 64) is None
    assert time.perf_counter() - begun < 2.0


def test_literals_of_one_name_stay_apart():
    assert len(build(And((A, Not(B))), lambda _: "same").free_symbols) == 2


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "in/1",
        {},
        {"literal": "in"},
        {"literal": 3},
        {"literal": "in/1", "level": -1},
        {"literal": "in/1", "level": True},
        {"literal": "__import__('os')/1"},
        {"const": 1},
        {"and": []},
        {"and": {"literal": "in/1"}},
        {"and": [{"literal": "in/1"}], "or": []},
        {"nand": [{"literal": "in/1"}]},
        {"vote": [{"literal": "in/1"}], "weights": [1, 2], "threshold": 1},
        {"vote": [{"literal": "in/1"}], "weights": [1.5], "threshold": 1},
        {"vote": [{"literal": "in/1"}], "weights": 1, "threshold": 1},
    ],
)
def test_foreign_json_is_refused_in_one_line(data):
    with pytest.raises(DataError) as refused:
        formula_from_json(data)
    assert "\n" not in str(refused.value)


def test_endless_nesting_is_refused():
    data: object = {"literal": "in/1"}
    for _ in range(500):
        data = {"not": data}
    with pytest.raises(DataError, match="deeper"):
        formula_from_json(data)


def test_features_of_a_formula_keep_their_order():
    assert [lit.feature for lit in literals_of(Or((C, And((A, C)))))] == [feature(2), feature(0)]
