"""Planted gates are read as what they are, from data; what is no gate is not called one."""

import time
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from logic_rows import (
    FAST,
    N,
    Planted,
    cofiring,
    exclusive,
    feature,
    literal,
    magnitudes,
    nested,
    planted,
    row_of,
    same,
)

from circuitlogic.errors import ConfigError, DataError
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.formula import (
    And,
    Const,
    Not,
    Or,
    Vote,
    Xor,
    at_least,
    evaluate,
    literals_of,
)
from circuitlogic.logic.kinds import describe
from circuitlogic.logic.reading import read_gate

A, B, C, D, E = (literal(i) for i in range(5))

# name, inputs, how they co-occur, planted function of their on/off columns, row weights, bias, kind, formula
GATES = [
    ("copy", 1, cofiring, lambda x: x[:, 0], [1.0], 0.0, "copy", A),
    ("or-exclusive", 3, exclusive, lambda x: x.any(axis=1), [1, 0.9, 0.8], 0.0, "or", Or((A, B, C))),
    ("or-cofiring", 3, cofiring, lambda x: x.any(axis=1), [1, 0.9, 0.8], 0.0, "or", Or((A, B, C))),
    (
        "or-five",
        5,
        cofiring,
        lambda x: x.any(axis=1),
        [1, 0.9, 0.8, 0.7, 0.6],
        0.0,
        "or",
        Or((A, B, C, D, E)),
    ),
    ("and-two", 2, cofiring, lambda x: x.all(axis=1), [1, 0.9], -1.2, "and", And((A, B))),
    ("and-three", 3, cofiring, lambda x: x.all(axis=1), [1, 0.9, 0.8], -2.0, "and", And((A, B, C))),
    ("and-not-subset", 2, nested, lambda x: x[:, 0] & ~x[:, 1], [1, -2], 0.0, "and-not", And((A, Not(B)))),
    ("and-not", 2, cofiring, lambda x: x[:, 0] & ~x[:, 1], [1, -2], 0.0, "and-not", And((A, Not(B)))),
    (
        "and-not-two",
        3,
        cofiring,
        lambda x: x[:, 0] & ~x[:, 1] & ~x[:, 2],
        [1, -2, -2],
        0.0,
        "and-not",
        And((A, Not(B), Not(C))),
    ),
    (
        "and-not-all",
        3,
        cofiring,
        lambda x: x[:, 0] & ~(x[:, 1] & x[:, 2]),
        [1.5, -0.7, -0.8],
        0.0,
        "and-not-all",
        And((A, Not(And((B, C))))),
    ),
    (
        "inhibited-or",
        3,
        cofiring,
        lambda x: (x[:, 0] | x[:, 1]) & ~x[:, 2],
        [1, 0.9, -3],
        0.0,
        "inhibited-or",
        And((Or((A, B)), Not(C))),
    ),
    (
        "inhibited-and",
        3,
        cofiring,
        lambda x: x[:, 0] & x[:, 1] & ~x[:, 2],
        [1, 0.9, -2],
        -1.2,
        "inhibited-and",
        And((A, B, Not(C))),
    ),
    (
        "majority",
        3,
        cofiring,
        lambda x: x.sum(axis=1) >= 2,
        [1, 0.9, 0.8],
        -1.1,
        "majority",
        at_least(2, (A, B, C)),
    ),
    (
        "majority-five",
        5,
        cofiring,
        lambda x: x.sum(axis=1) >= 3,
        [1, 0.9, 0.8, 0.7, 0.6],
        -1.9,
        "majority",
        at_least(3, (A, B, C, D, E)),
    ),
    (
        "k-of-n",
        4,
        cofiring,
        lambda x: x.sum(axis=1) >= 2,
        [1, 0.9, 0.8, 0.7],
        -1.1,
        "k-of-n",
        at_least(2, (A, B, C, D)),
    ),
    (
        "inhibited-k-of-n",
        4,
        cofiring,
        lambda x: (x[:, :3].sum(axis=1) >= 2) & ~x[:, 3],
        [1, 0.9, 0.8, -3],
        -1.1,
        "inhibited-k-of-n",
        And((at_least(2, (A, B, C)), Not(D))),
    ),
    (
        "and-or",
        3,
        cofiring,
        lambda x: x[:, 0] | (x[:, 1] & x[:, 2]),
        [2, 0.9, 0.8],
        -1.1,
        "and-or",
        Or((A, And((B, C)))),
    ),
    (
        "or-and",
        3,
        cofiring,
        lambda x: x[:, 0] & (x[:, 1] | x[:, 2]),
        [2, 0.9, 0.8],
        -2.3,
        "or-and",
        And((A, Or((B, C)))),
    ),
    (
        "vote",
        4,
        cofiring,
        lambda x: x @ np.array([2, 1, 1, 1]) >= 3,
        [2, 1, 0.95, 0.9],
        -2.4,
        "vote",
        Vote((A, B, C, D), (2, 1, 1, 1), 3),
    ),
    (
        "mixed-sign",
        3,
        cofiring,
        lambda x: x[:, 0] | (x[:, 1] & ~x[:, 2]),
        [3, 1, -1.5],
        0.0,
        "mixed-sign",
        Or((A, And((B, Not(C))))),
    ),
    ("xor", 2, cofiring, lambda x: x[:, 0] ^ x[:, 1], [0.6, 0.5], 0.0, "xor", Xor((A, B))),
    (
        "non-threshold",
        4,
        cofiring,
        lambda x: (x[:, 0] & x[:, 1]) | (x[:, 2] & x[:, 3]),
        [1, 0.9, 0.8, 0.7],
        -1.1,
        "non-threshold",
        Or((And((A, B)), And((C, D)))),
    ),
    ("not", 1, cofiring, lambda x: ~x[:, 0], [-1.0], 1.0, "not", Not(A)),
    ("nor", 2, cofiring, lambda x: ~x.any(axis=1), [-1, -0.9], 1.0, "nor", Not(Or((A, B)))),
    ("nand", 2, cofiring, lambda x: ~x.all(axis=1), [-1, -0.9], 1.5, "nand", Not(And((A, B)))),
    (
        "unless",
        3,
        cofiring,
        lambda x: ~(x[:, 0] & (x[:, 1] | x[:, 2])),
        [-2, -0.9, -0.8],
        2.4,
        "unless",
        Not(And((A, Or((B, C))))),
    ),
]


@pytest.mark.parametrize(("name", "inputs", "draw", "truth", "weights", "bias", "kind", "formula"), GATES)
def test_a_planted_gate_is_recovered_exactly(name, inputs, draw, truth, weights, bias, kind, formula):
    rng = np.random.default_rng(len(name))
    made = planted(draw(N, inputs, rng), truth, weights, bias, rng)
    gate = read_gate(made.row, made.train, made.heldout, FAST)
    assert same(gate.formula, formula), gate.formula
    assert gate.kind == kind
    assert gate.evidence is not None
    assert gate.evidence.f1 > 0.97
    assert gate.evidence.f1_interval.low <= gate.evidence.f1 <= gate.evidence.f1_interval.high
    assert describe(gate, str)


def still(rate: float, edges: int = 2) -> Planted:
    """A row whose output fires at `rate`, whatever its inputs do."""
    rng = np.random.default_rng(13)
    on = cofiring(N, edges, rng)
    target = (rng.random(N) < rate).astype(float)
    return row_of(magnitudes(on, rng), target, [0.5] * edges, 0.1)


@pytest.mark.parametrize(
    ("rate", "edges", "kind", "formula"),
    [
        (0.0, 2, "dead", Const(False)),
        (0.0, 0, "dead", Const(False)),
        (0.0005, 2, "insufficient", None),
        (0.99, 2, "constant", Const(True)),
        (1.0, 2, "constant", Const(True)),
        (1.0, 0, "constant", Const(True)),
        (0.2, 0, "unexplained", None),
        (0.7, 2, "unexplained", None),
    ],
)
def test_features_without_a_gate(rate, edges, kind, formula):
    made = still(rate, edges)
    gate = read_gate(made.row, made.train, made.heldout, FAST)
    assert (gate.kind, gate.formula) == (kind, formula)
    assert describe(gate, str)


def test_high_activations_are_a_literal_where_levels_are_asked_for():
    rng = np.random.default_rng(14)
    values = magnitudes(cofiring(N, 3, rng), rng, spread=0.8)
    median = np.median(values[values[:, 0] > 0, 0])
    target = ((values[:, 0] > median) | (values[:, 1] > 0)).astype(float)
    made = row_of(values, target, [0.5, 2.0, 0.05], -0.5)
    plain = read_gate(made.row, made.train, made.heldout, FAST)
    gate = read_gate(made.row, made.train, made.heldout, replace(FAST, levels=2))
    assert gate.evidence is not None
    assert gate.formula == Or((B, literal(0, 1)))
    assert describe(gate, lambda f: "ABC"[f.index]) == "B or (weaker) A strongly"
    assert plain.evidence is None or gate.evidence.f1 > plain.evidence.f1
    (first,) = [g for g in gate.inputs if g.feature == feature(0)]
    given_values = made.train.inputs.toarray()[:, 0]
    assert first.level_thresholds == pytest.approx((np.median(given_values[given_values > first.threshold]),))


def test_thirty_inputs_are_read_fast_and_exactly():
    rng = np.random.default_rng(15)
    for k, kind in ((1, "or"), (4, "k-of-n")):
        on = cofiring(N, 12 if k > 1 else 30, rng, rate=0.3 if k > 1 else 0.03)
        made = planted(on, lambda x, k=k: x.sum(axis=1) >= k, [1.0] * on.shape[1], 0.5 - k, rng, spurious=4)
        begun = time.perf_counter()
        gate = read_gate(made.row, made.train, made.heldout, FAST)
        assert time.perf_counter() - begun < 2.0
        assert gate.kind == kind
        assert {lit.feature.index for lit in literals_of(gate.formula)} == set(range(on.shape[1]))


def example(seed: int) -> Planted:
    """A noisy inhibited or."""
    rng = np.random.default_rng(seed)
    return planted(cofiring(8000, 3, rng), GATES[10][3], [1, 0.9, -3], 0.0, rng)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_the_order_of_inputs_does_not_matter(seed, data):
    made = example(seed)
    order = data.draw(st.permutations(range(len(made.row.sources))))
    row = replace(
        made.row,
        sources=tuple(made.row.sources[i] for i in order),
        weights=made.row.weights[order],
        raw_weights=made.row.raw_weights[order],
        source_scales=made.row.source_scales[order],
    )
    shuffled = [replace(part, inputs=part.inputs[:, order]) for part in (made.train, made.heldout)]
    assert read_gate(row, *shuffled, FAST) == read_gate(made.row, made.train, made.heldout, FAST)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), unit=st.sampled_from([0.125, 4.0, 1024.0]), which=st.integers(0, 9))
def test_units_do_not_matter(seed, unit, which):
    made = example(seed)
    which %= len(made.row.sources) + 1
    before = read_gate(made.row, made.train, made.heldout, FAST)
    after = read_gate(*(rescaled(made, unit, which)), FAST)
    assert (after.kind, after.formula, after.flags) == (before.kind, before.formula, before.flags)
    assert after.evidence is not None
    assert before.evidence is not None
    assert after.evidence.f1 == before.evidence.f1
    assert after.evidence.r2 == pytest.approx(before.evidence.r2)


def rescaled(made: Planted, unit: float, which: int) -> tuple[Row, Activity, Activity]:
    """Input `which` (or the output, after the last) measured in other units."""
    row = made.row
    if which == len(row.sources):
        parts = [
            replace(p, target=p.target * unit, predicted=p.predicted * unit)
            for p in (made.train, made.heldout)
        ]
        row = replace(row, raw_weights=row.raw_weights * unit, bias=row.bias * unit, scale=row.scale * unit)
        return row, parts[0], parts[1]
    factor = np.ones(len(row.sources))
    factor[which] = unit
    scaled = scipy.sparse.diags_array(factor)
    parts = [replace(p, inputs=scipy.sparse.csc_array(p.inputs @ scaled)) for p in (made.train, made.heldout)]
    row = replace(row, raw_weights=row.raw_weights / factor, source_scales=row.source_scales * factor)
    return row, parts[0], parts[1]


def test_the_same_question_gets_the_same_answer_and_groups_widen_the_interval():
    made = example(5)
    assert read_gate(made.row, made.train, made.heldout) == read_gate(made.row, made.train, made.heldout)
    plain = read_gate(made.row, made.train, made.heldout).evidence
    true = made.heldout.target > 0
    clustered = replace(made.heldout, groups=np.where(true, np.arange(true.size) % 4, np.arange(true.size)))
    grouped = read_gate(made.row, made.train, clustered).evidence
    assert plain is not None
    assert grouped is not None
    assert (plain.f1, plain.precision) == (grouped.f1, grouped.precision)
    assert plain.f1_interval != grouped.f1_interval


def test_the_formula_is_chosen_without_the_held_out_samples():
    made = example(6)
    rng = np.random.default_rng(0)
    spoiled = replace(made.heldout, target=rng.permutation(made.heldout.target))
    gate = read_gate(made.row, made.train, spoiled, FAST)
    assert gate.kind == "unexplained"
    assert gate.runner_up is not None
    assert gate.runner_up.formula == read_gate(made.row, made.train, made.heldout, FAST).formula


def test_the_evidence_and_the_table_are_what_they_say():
    made = example(8)
    gate = read_gate(made.row, made.train, made.heldout, FAST)
    assert gate.formula is not None
    assert gate.evidence is not None
    cuts = {given_.feature: given_.threshold for given_ in gate.inputs}
    dense = made.heldout.inputs.toarray()
    on = {lit: dense[:, lit.feature.index] > cuts[lit.feature] for lit in literals_of(gate.formula)}
    says, true = evaluate(gate.formula, on, len(dense)), made.heldout.target > gate.threshold
    hits = int((says & true).sum())
    assert gate.evidence.precision == pytest.approx(hits / says.sum())
    assert gate.evidence.recall == pytest.approx(hits / true.sum())
    assert gate.evidence.mcc == pytest.approx(np.corrcoef(says, true)[0, 1])
    assert gate.evidence.support == true.sum()
    assert sum(state.samples for state in gate.table) == made.train.target.size
    assert sum(state.firing for state in gate.table) == (made.train.target > gate.threshold).sum()
    assert [s.samples for s in gate.table] == sorted((s.samples for s in gate.table), reverse=True)
    for state in gate.table:
        values = {lit: np.array([v]) for lit, v in zip(literals_of(gate.formula), state.state, strict=True)}
        assert state.predicted == bool(evaluate(gate.formula, values, 1)[0])
    assert gate.evidence.ceiling_f1 >= gate.evidence.f1 > gate.evidence.baseline_f1


def test_thresholds_are_checked_on_request():
    made = example(9)
    gate = read_gate(made.row, made.train, made.heldout, replace(FAST, check_thresholds=True))
    assert "unstable-threshold" not in gate.flags


def test_data_that_does_not_fit_is_refused_in_one_line():
    made = example(1)
    short = replace(made.train, target=made.train.target[:-1])
    broken = replace(made.train, target=np.where(np.arange(4000) == 3, np.nan, made.train.target))
    twice = replace(made.row, sources=(feature(0),) * len(made.row.sources))
    for row, train in ((made.row, short), (made.row, broken), (twice, made.train)):
        with pytest.raises(DataError, match="out/0"):
            read_gate(row, train, made.heldout)
    with pytest.raises(ConfigError, match="levels"):
        ReadingOptions(levels=0)


def test_an_input_that_never_fires_is_left_out():
    rng = np.random.default_rng(2)
    values = np.hstack([magnitudes(cofiring(N, 1, rng), rng), np.zeros((N, 1))])
    made = row_of(values, values[:, 0], [1.0, 5.0], 0.0)
    gate = read_gate(made.row, made.train, made.heldout, FAST)
    assert (gate.kind, gate.formula) == ("copy", A)
    assert FeatureId("in", 1) in {g.feature for g in gate.inputs}
