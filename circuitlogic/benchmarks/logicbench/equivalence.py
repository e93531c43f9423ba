"""Owns the comparison of two formulas: on all assignments, and on the states that samples were seen in."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from circuitlogic.logic.activity import BoolArray
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, evaluate, literals_of

SEEN = 5
"""Samples from which a state counts as seen."""
_TABLE_LITERALS = 12
_BUDGET = 20_000
"""Pairs of restricted formulas looked at before two formulas count as different."""
_CODED = 62
_DRAWN = 4096

Signs: TypeAlias = dict[Literal, int]


def same_function(one: Formula, other: Formula) -> bool:
    """Whether two formulas agree on all assignments.

    Beyond 12 literals by restriction, literal after literal; counts, joins and chains of them stay small. False
    also where that would take too long.
    """
    literals = tuple(dict.fromkeys((*literals_of(one), *literals_of(other))))
    if len(literals) <= _TABLE_LITERALS:
        numbers = np.arange(1 << len(literals))
        on = {lit: (numbers >> i & 1).astype(np.bool_) for i, lit in enumerate(literals)}
        return bool((evaluate(one, on, numbers.size) == evaluate(other, on, numbers.size)).all())
    return _alike_at_random(one, other, literals) and _same(one, other, literals)


def _alike_at_random(one: Formula, other: Formula, literals: Sequence[Literal]) -> bool:
    """Whether they agree on some thousand drawn assignments; quick, and nearly always enough to part them."""
    rng = np.random.default_rng(0)
    on = rng.random((_DRAWN, len(literals))) < rng.random((_DRAWN, 1))
    bits = {literal: on[:, i] for i, literal in enumerate(literals)}
    return bool((evaluate(one, bits, _DRAWN) == evaluate(other, bits, _DRAWN)).all())


def _same(one: Formula, other: Formula, literals: Sequence[Literal]) -> bool:
    pairs = {(one, other)}
    looked = 0
    for literal in literals:
        looked += len(pairs)
        if looked > _BUDGET:
            return False
        pairs = {
            (restricted(f, literal, value), restricted(g, literal, value))
            for f, g in pairs
            for value in (False, True)
        }
        pairs = {(f, g) for f, g in pairs if f != g}
        if any(isinstance(f, Const) and isinstance(g, Const) for f, g in pairs):
            return False
    return not pairs


def restricted(formula: Formula, literal: Literal, value: bool) -> Formula:
    """`formula` where `literal` has `value`, shortened by what that decides."""
    match formula:
        case Literal():
            return Const(value) if formula == literal else formula
        case Const():
            return formula
        case Not(operand):
            inner = restricted(operand, literal, value)
            return Const(not inner.value) if isinstance(inner, Const) else Not(inner)
        case And(operands):
            return _joined(And, True, [restricted(f, literal, value) for f in operands])
        case Or(operands):
            return _joined(Or, False, [restricted(f, literal, value) for f in operands])
        case Xor(operands):
            return _odd([restricted(f, literal, value) for f in operands])
        case Vote(operands, weights, threshold):
            return _vote([restricted(f, literal, value) for f in operands], weights, threshold)


def _joined(joint: type[And] | type[Or], neutral: bool, parts: list[Formula]) -> Formula:
    if Const(not neutral) in parts:
        return Const(not neutral)
    left = tuple(part for part in parts if part != Const(neutral))
    return joint(left) if len(left) > 1 else left[0] if left else Const(neutral)


def _odd(parts: list[Formula]) -> Formula:
    flip = sum(part == Const(True) for part in parts) % 2 == 1
    left = tuple(part for part in parts if not isinstance(part, Const))
    if not left:
        return Const(flip)
    body = left[0] if len(left) == 1 else Xor(left)
    return Not(body) if flip else body


def _vote(parts: list[Formula], weights: tuple[int, ...], threshold: int) -> Formula:
    open_ = [(part, w) for part, w in zip(parts, weights, strict=True) if not isinstance(part, Const)]
    threshold -= sum(w for part, w in zip(parts, weights, strict=True) if part == Const(True))
    lowest, highest = (sum(f(w, 0) for _, w in open_) for f in (min, max))
    if lowest >= threshold or highest < threshold:
        return Const(lowest >= threshold)
    return Vote(tuple(part for part, _ in open_), tuple(w for _, w in open_), threshold)


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
