"""What a reading is called: words and sums, vetoes and brakes, other causes, no gate at all."""

from dataclasses import replace

import numpy as np
import pytest
from logic_rows import (
    FAST,
    N,
    Planted,
    cofiring,
    exclusive,
    literal,
    magnitudes,
    nested,
    planted,
    row_of,
    same,
)

from circuitlogic.logic.flags import OtherCauses, parse_flag
from circuitlogic.logic.formula import And, Not, Or
from circuitlogic.logic.kinds import describe, graded_text
from circuitlogic.logic.reading import read_gate

A, B = literal(0), literal(1)


def test_the_seeds_weighted_or_reads_as_words_and_as_a_sum():
    rng = np.random.default_rng(3)
    names = {0: "former", 1: "old", 2: "young"}
    values = magnitudes(exclusive(N, 3, rng), rng)
    target = np.maximum(values @ np.array([0.26, 0.23, 0.10]), 0.0)
    made = row_of(values, target, [0.26, 0.23, 0.10], 0.0)
    made = replace(made, row=replace(made.row, weights=np.array([0.26, 0.23, 0.10])))
    gate = read_gate(made.row, made.train, made.heldout, FAST)
    assert gate.kind == "or"
    assert describe(gate, lambda f: names[f.index]) == "former, old or (weaker) young"
    assert graded_text(gate, lambda f: names[f.index]) == "0.26 former + 0.23 old + 0.10 young"
    assert {flag.split(":")[0] for flag in gate.flags} == {"exclusive"}


def said(strength: float) -> Planted:
    """A = said, B = said after a quote (within A), F = ReLU(.68 A - .21 B) with B `strength` times as
    active."""
    rng = np.random.default_rng(7)
    on = nested(N, 2, rng)
    values = magnitudes(on, rng) * np.array([1.0, strength])
    made = row_of(values, np.maximum(values @ np.array([0.68, -0.21]), 0.0), [0.68, -0.21], 0.0)
    return replace(made, row=replace(made.row, weights=np.array([0.68, -0.21])))


def test_a_strong_subset_kills_and_an_equal_one_only_weakens():
    names = {0: "said", 1: "said after a quote"}
    killed = said(9.0)
    gate = read_gate(killed.row, killed.train, killed.heldout, FAST)
    assert (gate.kind, gate.formula) == ("and-not", And((A, Not(B))))
    assert "subset:in/1<in/0" in gate.flags
    assert describe(gate, lambda f: names[f.index]) == "the said that are not said after a quote"
    assert graded_text(gate, lambda f: "AB"[f.index]) == "0.68 A - 0.21 B"

    damped = said(1.0)
    gate = read_gate(damped.row, damped.train, damped.heldout, FAST)
    assert (gate.kind, gate.formula) == ("damped-copy", A)
    assert describe(gate, lambda f: names[f.index]) == "said, weakened to 69 % when said after a quote"


def test_an_input_that_blocks_half_the_time_is_called_partial():
    half = said(3.24)
    gate = read_gate(half.row, half.train, half.heldout, replace(FAST, min_f1=0.6))
    assert gate.kind == "partial-inhibition"
    (flag,) = [f for f in gate.flags if f.startswith("partial:")]
    assert 0.3 < float(flag.removeprefix("partial:in/1=")) < 0.75
    assert "partly blocked by B" in describe(gate, lambda f: "AB"[f.index])


@pytest.mark.parametrize("hidden", [0.0, 0.06])
def test_firings_with_no_input_on_are_said_to_have_other_causes(hidden: float):
    rng = np.random.default_rng(13)
    either = cofiring(N, 2, rng)
    made = planted(either, lambda x: x.any(axis=1) | (rng.random(x.shape[0]) < hidden), [1, 1], 0.0, rng)
    gate = read_gate(made.row, made.train, made.heldout, FAST)
    assert same(gate.formula, Or((A, B))), gate.formula
    flags = [parse_flag(flag) for flag in gate.flags]
    shares = [flag.share for flag in flags if isinstance(flag, OtherCauses)]
    assert bool(shares) == (hidden > 0)
    assert all(0.1 < share < 0.25 for share in shares)


def test_noise_is_unexplained_and_keeps_the_rejected_formula_apart():
    rng = np.random.default_rng(11)
    made = planted(cofiring(N, 3, rng), lambda x: rng.random(x.shape[0]) < 0.1, [1, 0.9, -0.8], 0.0, rng)
    gate = read_gate(made.row, made.train, made.heldout, FAST)
    assert (gate.kind, gate.formula) == ("unexplained", None)
    assert gate.evidence is not None
    assert gate.evidence.f1 < 0.8
    assert "not explained" in describe(gate, str)


def test_a_dense_weighted_sum_is_graded_not_logical():
    rng = np.random.default_rng(12)
    values = magnitudes(rng.random((N, 14)) < 0.5, rng, spread=0.6)
    weights = rng.permutation([1.0, -1.0] * 7) * rng.uniform(0.8, 1.2, 14)
    made = row_of(values, np.maximum(values @ weights - 1.0, 0.0), weights.tolist(), -1.0)
    gate = read_gate(made.row, made.train, made.heldout, replace(FAST, max_literals=3))
    assert (gate.kind, gate.formula) == ("graded", None)
    assert gate.runner_up is not None
    assert describe(gate, str).startswith("graded mix: ")
