"""Planted gates of every kind are read as exactly what they are, from data."""

import numpy as np
import pytest
from logic_rows import FAST, N, cofiring, exclusive, literal, nested, planted, same

from circuitlogic.logic.formula import And, Not, Or, Vote, Xor, at_least
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
