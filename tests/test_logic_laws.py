"""Laws that the reading of gates obeys whatever the gate: round trip, renaming, scaling, doubling, bystanders."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from logic_rows import Planted, cofiring, feature, literal, planted, row_of

from circuitlogic.logic.activity import Activity, ReadingOptions
from circuitlogic.logic.canonical import canonical
from circuitlogic.logic.equivalence import are_equivalent
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, evaluate, literals_of
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.reading import read_gate

N = 16_000
INPUTS = 3
FAST = ReadingOptions(bootstrap=60)
LITERALS = tuple(literal(i) for i in range(INPUTS))

votes = st.tuples(st.tuples(*[st.integers(-3, 3)] * INPUTS), st.integers(-5, 6))
"""Signed votes of three inputs and how many are needed: every function that one row can say of them."""


def vote_of(drawn: tuple[tuple[int, ...], int]) -> Vote:
    weights, threshold = drawn
    return Vote(LITERALS, weights, threshold)


def row_saying(formula: Vote, seed: int) -> Planted:
    """A row with the votes for weights (and a few spurious ones), and a feature that fires as the formula says."""
    rng = np.random.default_rng(seed)
    on = cofiring(N, INPUTS, rng)
    size = max(abs(w) for w in formula.weights)

    def truth(x: np.ndarray) -> np.ndarray:
        return evaluate(formula, {lit: x[:, i] for i, lit in enumerate(LITERALS)}, len(x))

    weights = [w / size for w in formula.weights]
    return planted(on, truth, weights, (0.5 - formula.threshold) / size, rng, spurious=4)


def some_made(drawn: tuple[tuple[tuple[int, ...], int], int]) -> Planted:
    """A row for a formula that is no constant."""
    formula = vote_of(drawn[0])
    assume(not isinstance(canonical(formula), Const))
    return row_saying(formula, drawn[1])


def read(made: Planted) -> Gate:
    return read_gate(made.row, made.train, made.heldout, FAST)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(drawn=votes, seed=st.integers(0, 1000))
def test_logic_to_weights_to_logic(drawn: tuple[tuple[int, ...], int], seed: int):
    formula = vote_of(drawn)
    assume(not isinstance(canonical(formula), Const))
    found = read(row_saying(formula, seed))
    assert found.formula is not None
    assert are_equivalent(found.formula, formula), (found.formula, canonical(formula))


def renamed(formula: Formula, names: dict[Literal, Literal]) -> Formula:
    match formula:
        case Literal():
            return names[formula]
        case Const():
            return formula
        case Not(operand):
            return Not(renamed(operand, names))
        case Vote(operands, weights, threshold):
            return Vote(tuple(renamed(f, names) for f in operands), weights, threshold)
        case And(operands) | Or(operands) | Xor(operands):
            return type(formula)(tuple(renamed(f, names) for f in operands))


some_row = st.tuples(votes, st.integers(0, 1000))
FEW = settings(max_examples=15, deadline=None, derandomize=True)


@FEW
@given(drawn=some_row, order=st.permutations(range(7)))
def test_calling_inputs_otherwise_calls_them_otherwise_in_the_formula(
    drawn: tuple[tuple[tuple[int, ...], int], int], order: list[int]
):
    made = some_made(drawn)
    before = read(made)
    sources = tuple(feature(i) for i in order)
    after = read(replace(made, row=replace(made.row, sources=sources)))
    names = {literal(i): literal(order[i]) for i in range(7)}
    assert before.formula is not None
    assert after.formula is not None
    assert are_equivalent(after.formula, renamed(before.formula, names))
    assert after.kind == before.kind
    assert after.evidence is not None
    assert before.evidence is not None
    assert after.evidence.f1 == before.evidence.f1


@FEW
@given(drawn=some_row, factor=st.sampled_from([0.03, 0.5, 7.0, 1000.0]))
def test_scaling_a_row_keeps_the_kind_and_the_formula(
    drawn: tuple[tuple[tuple[int, ...], int], int], factor: float
):
    made = some_made(drawn)
    row = made.row
    scaled = replace(
        row, weights=row.weights * factor, raw_weights=row.raw_weights * factor, bias=row.bias * factor
    )
    before, after = read(made), read(replace(made, row=scaled))
    assert (after.kind, after.formula, after.table) == (before.kind, before.formula, before.table)


def doubled(part: Activity) -> Activity:
    return Activity(
        scipy.sparse.csc_array(scipy.sparse.vstack([part.inputs, part.inputs])),
        np.tile(part.target, 2),
        np.tile(part.predicted, 2),
    )


@FEW
@given(drawn=some_row)
def test_seeing_every_sample_twice_changes_only_the_interval(
    drawn: tuple[tuple[tuple[int, ...], int], int],
):
    made = some_made(drawn)
    before = read(made)
    after = read(replace(made, train=doubled(made.train), heldout=doubled(made.heldout)))
    assert (after.kind, after.formula) == (before.kind, before.formula)
    assert after.evidence is not None
    assert before.evidence is not None
    for name in ("precision", "recall", "f1", "mcc", "coverage", "r2", "baseline_f1", "connector_f1"):
        # Thresholds are interpolated quantiles, which move by a hair when the samples do.
        assert np.isclose(getattr(after.evidence, name), getattr(before.evidence, name), atol=2e-3), name
    assert after.evidence.support == 2 * before.evidence.support
    assert [s.samples for s in after.table] == pytest.approx([2 * s.samples for s in before.table], rel=0.01)
    widths = [e.f1_interval.high - e.f1_interval.low for e in (after.evidence, before.evidence)]
    assert widths[0] < widths[1] + 0.002


@FEW
@given(drawn=some_row, rate=st.sampled_from([0.02, 0.2]), weight=st.sampled_from([-0.08, 0.0, 0.08]))
def test_an_independent_feature_changes_nothing(
    drawn: tuple[tuple[tuple[int, ...], int], int], rate: float, weight: float
):
    made = some_made(drawn)
    rng = np.random.default_rng(drawn[1] + 1)
    both = scipy.sparse.vstack([made.train.inputs, made.heldout.inputs]).toarray()
    other = (rng.random(len(both)) < rate) * np.exp(0.3 * rng.standard_normal(len(both)))
    target = np.concatenate([made.train.target, made.heldout.target])
    values = np.column_stack([both, other])
    wider = row_of(values, target, [*made.row.raw_weights.tolist(), weight], made.row.bias)
    before, after = read(made), read(wider)
    assert (after.kind, after.formula, after.table) == (before.kind, before.formula, before.table)
    assert after.evidence is not None
    assert before.evidence is not None
    assert after.evidence.f1 == before.evidence.f1
    assert {literal_.feature for literal_ in literals_of(after.formula or Const(True))} <= {
        feature(i) for i in range(7)
    }
