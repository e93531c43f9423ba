"""What must not change a reading, what its evidence and table say, and which data are refused."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from logic_rows import FAST, Planted, cofiring, feature, planted

from circuitlogic.errors import ConfigError, DataError
from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.formula import evaluate, literals_of
from circuitlogic.logic.reading import read_gate


def example(seed: int) -> Planted:
    """A noisy inhibited or."""
    rng = np.random.default_rng(seed)
    return planted(cofiring(8000, 3, rng), lambda x: (x[:, 0] | x[:, 1]) & ~x[:, 2], [1, 0.9, -3], 0.0, rng)


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
