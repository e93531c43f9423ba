"""What is no gate is not called one; levels, many inputs and silent inputs are read as they are."""

import time
from dataclasses import replace

import numpy as np
import pytest
from logic_rows import FAST, N, Planted, cofiring, feature, literal, magnitudes, planted, row_of

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import Const, Or, literals_of
from circuitlogic.logic.kinds import describe
from circuitlogic.logic.reading import read_gate


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
    assert gate.formula == Or((literal(1), literal(0, 1)))
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


def test_an_input_that_never_fires_is_left_out():
    rng = np.random.default_rng(2)
    values = np.hstack([magnitudes(cofiring(N, 1, rng), rng), np.zeros((N, 1))])
    made = row_of(values, values[:, 0], [1.0, 5.0], 0.0)
    gate = read_gate(made.row, made.train, made.heldout, FAST)
    assert (gate.kind, gate.formula) == ("copy", literal(0))
    assert FeatureId("in", 1) in {g.feature for g in gate.inputs}
