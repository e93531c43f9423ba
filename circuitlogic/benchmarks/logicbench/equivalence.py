"""Owns the comparison of two formulas: on all assignments, and on the states that samples were seen in."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from circuitlogic.logic.activity import BoolArray
from circuitlogic.logic.equivalence import TooLargeError, are_equivalent
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, evaluate, literals_of

SEEN = 5
"""Samples from which a state counts as seen."""
_CODED = 62
_DRAWN = 1024

Signs: TypeAlias = dict[Literal, int]


def same_function(one: Formula, other: Formula) -> bool:
    """Whether two formulas agree on all assignments; False also where decision diagrams grow too large to tell."""
    literals = tuple(dict.fromkeys((*literals_of(one), *literals_of(other))))
    if not _alike_at_random(one, other, literals):
        return False
    try:
        return are_equivalent(one, other)
    except TooLargeError:
        return False


def _alike_at_random(one: Formula, other: Formula, literals: Sequence[Literal]) -> bool:
    """Whether they agree on some thousand drawn assignments; quick, and nearly always enough to part them."""
    rng = np.random.default_rng(0)
    on = rng.random((_DRAWN, len(literals))) < rng.random((_DRAWN, 1))
    bits = {literal: on[:, i] for i, literal in enumerate(literals)}
    return bool((evaluate(one, bits, _DRAWN) == evaluate(other, bits, _DRAWN)).all())


def same_where_seen(one: Formula, other: Formula, on: Mapping[Literal, BoolArray], samples: int) -> bool:
    """Whether two formulas agree in every state of their literals that at least 5 samples were seen in.

    Args:
        one, other: What is compared.
        on: [samples] of every literal of both.
        samples: Number of samples.
    """
    literals = tuple(dict.fromkeys((*literals_of(one), *literals_of(other))))[:_CODED]
    codes = np.zeros(samples, dtype=np.int64)
    for i, literal in enumerate(literals):
        codes |= on[literal].astype(np.int64) << i
    states, counts = np.unique(codes, return_counts=True)
    states = states[counts >= SEEN]
    bits = {lit: (states >> i & 1).astype(np.bool_) for i, lit in enumerate(literals)}
    bits |= {
        lit: np.zeros(states.size, np.bool_)
        for lit in (*literals_of(one), *literals_of(other))
        if lit not in bits
    }
    return bool((evaluate(one, bits, states.size) == evaluate(other, bits, states.size)).all())


def renamed(formula: Formula, names: Mapping[Literal, Formula]) -> Formula:
    """`formula` with other formulas in place of the literals that are named."""
    match formula:
        case Literal():
            return names.get(formula, formula)
        case Const():
            return formula
        case Not(operand):
            return Not(renamed(operand, names))
        case And(operands):
            return And(tuple(renamed(f, names) for f in operands))
        case Or(operands):
            return Or(tuple(renamed(f, names) for f in operands))
        case Xor(operands):
            return Xor(tuple(renamed(f, names) for f in operands))
        case Vote(operands, weights, threshold):
            return Vote(tuple(renamed(f, names) for f in operands), weights, threshold)


def polarities(formula: Formula) -> Signs:
    """+1 for literals that only ever help the formula to hold, -1 for those that only hinder, 0 for both."""
    found: Signs = {}
    _walk(formula, 1, found)
    return found


def _walk(formula: Formula, sign: int, found: Signs) -> None:
    match formula:
        case Literal():
            found[formula] = sign if found.get(formula, sign) == sign else 0
        case Const():
            return
        case Not(operand):
            _walk(operand, -sign, found)
        case And(operands) | Or(operands):
            for operand in operands:
                _walk(operand, sign, found)
        case Xor(operands):
            for operand in operands:
                _walk(operand, 0, found)
        case Vote(operands, weights):
            for operand, weight in zip(operands, weights, strict=True):
                _walk(operand, sign if weight >= 0 else -sign, found)
