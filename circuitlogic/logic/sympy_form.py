"""Owns the SymPy form of formulas: And, Or, Not, Xor as SymPy has them,
counts and votes as functions of our own.

`AtLeast(k, ...)` and `Vote(threshold, weights, ...)` stay folded:
only `.doit()` writes them out as an Or of Ands, and only where that takes at most `MAX_TERMS` terms.
"""

from collections.abc import Callable, Sequence
from math import comb
from typing import Any

import sympy
from sympy.logic.boolalg import Boolean, BooleanFunction

from circuitlogic.logic.formula import (
    And,
    Const,
    Formula,
    Literal,
    Not,
    Or,
    Vote,
    Xor,
    literals_of,
    symbol_name,
)

MAX_TERMS = 64
"""Largest number of Ands that `.doit()` writes out."""


class AtLeast(BooleanFunction):
    """`AtLeast(k, *operands)`: at least `k` of the operands are true."""

    @classmethod
    def eval(cls, *args: Any) -> Any:
        """Fold constants; k = 1 is an Or, k = n an And. Operands are put in SymPy's order."""
        k, operands = int(args[0]), args[1:]
        rest = [a for a in operands if a not in (sympy.true, sympy.false)]
        k -= sum(a is sympy.true for a in operands)
        if k <= 0:
            return sympy.true
        if k > len(rest):
            return sympy.false
        if k == 1:
            return sympy.Or(*rest)
        if k == len(rest):
            return sympy.And(*rest)
        ordered = sorted(rest, key=sympy.default_sort_key)
        if ordered != list(operands):
            return cls(k, *ordered)
        return None

    @property
    def threshold(self) -> int:
        """How many operands must be true."""
        return int(self.args[0])  # pyright: ignore[reportArgumentType]

    @property
    def operands(self) -> tuple[Any, ...]:
        """What is counted."""
        return tuple(self.args[1:])

    def doit(self, **hints: Any) -> Any:
        """An Or of Ands where C(n, k) <= `MAX_TERMS`, else the count itself."""
        operands = [operand.doit(**hints) for operand in self.operands]
        if comb(len(operands), self.threshold) > MAX_TERMS:
            return AtLeast(self.threshold, *operands)
        return _written_out(operands, [1] * len(operands), self.threshold)

    def to_nnf(self, simplify: bool = True, form: Any = None) -> Any:  # noqa: ARG002
        """Negation normal form, so that `to_dnf` works on what `.doit()` can write out."""
        return _nnf(self, simplify)

    def _sympystr(self, printer: Any) -> str:
        return f"AtLeast({', '.join(printer._print(a) for a in self.args)})"

    def _latex(self, printer: Any) -> str:
        total = " + ".join(_latex_term(printer, a, 1) for a in self.operands)
        return rf"\left[{total} \geq {self.threshold}\right]"


class WeightedVote(BooleanFunction):
    """`WeightedVote(threshold, weights, *operands)`: the weights of the true operands sum to at least
    `threshold`."""

    @classmethod
    def eval(cls, *args: Any) -> Any:
        """Fold constants, and negative or equal weights into positive votes and counts."""
        threshold, weights, operands = int(args[0]), [int(w) for w in args[1]], args[2:]
        votes: list[tuple[Any, int]] = []
        for weight, operand in zip(weights, operands, strict=True):
            if operand is sympy.true:
                threshold -= weight
            elif weight < 0:
                threshold -= weight
                votes.append((sympy.Not(operand), -weight))
            elif operand is not sympy.false and weight:
                votes.append((operand, weight))
        if threshold <= 0:
            return sympy.true
        if sum(weight for _, weight in votes) < threshold:
            return sympy.false
        if len({weight for _, weight in votes}) == 1:
            return AtLeast(-(-threshold // votes[0][1]), *(operand for operand, _ in votes))
        votes.sort(key=lambda vote: (-vote[1], sympy.default_sort_key(vote[0])))
        if [o for o, _ in votes] != list(operands) or [w for _, w in votes] != weights:
            return cls(threshold, sympy.Tuple(*(w for _, w in votes)), *(o for o, _ in votes))
        return None

    @property
    def threshold(self) -> int:
        """Votes needed."""
        return int(self.args[0])  # pyright: ignore[reportArgumentType]

    @property
    def weights(self) -> tuple[int, ...]:
        """Votes of each operand."""
        return tuple(int(w) for w in self.args[1])  # pyright: ignore

    @property
    def operands(self) -> tuple[Any, ...]:
        """Who votes."""
        return tuple(self.args[2:])

    def doit(self, **hints: Any) -> Any:
        """An Or of Ands where at most `MAX_TERMS` minimal coalitions win, else the vote itself."""
        operands = [operand.doit(**hints) for operand in self.operands]
        written = _written_out(operands, self.weights, self.threshold)
        if written is None:
            return WeightedVote(self.threshold, sympy.Tuple(*self.weights), *operands)
        return written

    def to_nnf(self, simplify: bool = True, form: Any = None) -> Any:  # noqa: ARG002
        """Negation normal form, so that `to_dnf` works on what `.doit()` can write out."""
        return _nnf(self, simplify)

    def _sympystr(self, printer: Any) -> str:
        terms = (
            f"{w}*{printer._print(o)}" if w != 1 else printer._print(o)
            for o, w in zip(self.operands, self.weights, strict=True)
        )
        return f"Vote({' + '.join(terms)} >= {self.threshold})"

    def _latex(self, printer: Any) -> str:
        terms = (_latex_term(printer, o, w) for o, w in zip(self.operands, self.weights, strict=True))
        return rf"\left[{' + '.join(terms)} \geq {self.threshold}\right]"


def _latex_term(printer: Any, operand: Any, weight: int) -> str:
    text = printer._print(operand)
    text = text if operand.is_Symbol else rf"\left({text}\right)"
    return text if weight == 1 else f"{weight} {text}"


def _nnf(vote: Any, simplify: bool) -> Any:
    written = vote.doit()
    return vote if written == vote else written.to_nnf(simplify=simplify)


def _written_out(operands: Sequence[Any], weights: Sequence[int], threshold: int) -> Any:
    """Or of the Ands of minimal winning coalitions, or None where there are more than `MAX_TERMS`."""
    coalitions = winning_coalitions(weights, threshold, MAX_TERMS)
    if coalitions is None:
        return None
    return sympy.Or(*(sympy.And(*(operands[i] for i in coalition)) for coalition in coalitions))


def winning_coalitions(weights: Sequence[int], threshold: int, limit: int) -> list[tuple[int, ...]] | None:
    """The minimal sets of positive `weights` that reach `threshold`, as sorted positions;
    None if more than `limit`.

    Depth first, heaviest first: a set that the remaining weights cannot complete is never entered.
    """
    order = sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    left = [sum(weights[i] for i in order[at:]) for at in range(len(order) + 1)]
    found: list[tuple[int, ...]] = []
    stack: list[tuple[int, int, tuple[int, ...]]] = [(0, 0, ())]
    while stack:
        at, total, chosen = stack.pop()
        if total >= threshold:
            found.append(tuple(sorted(chosen)))
            if len(found) > limit:
                return None
        elif total + left[at] >= threshold:
            stack.append((at + 1, total, chosen))
            stack.append((at + 1, total + weights[order[at]], (*chosen, order[at])))
    return found


def build(formula: Formula, name: Callable[[Literal], str] = symbol_name) -> Boolean:
    """The formula as a SymPy Boolean, its literals as symbols called `name(literal)`.

    A vote becomes a function of its own, so nothing is expanded to exponential size.
    Two literals of one name get symbols apart (`x`, `x_2`, ...),
    so the function is never changed by its naming.
    """
    symbols: dict[Literal, sympy.Symbol] = {}
    taken: set[str] = set()
    for literal in literals_of(formula):
        base = name(literal)
        text, copies = base, 1
        while text in taken:
            copies += 1
            text = f"{base}_{copies}"
        taken.add(text)
        symbols[literal] = sympy.Symbol(text)
    return _built(formula, symbols)


def _built(formula: Formula, symbols: dict[Literal, sympy.Symbol]) -> Any:
    match formula:
        case Literal():
            return symbols[formula]
        case Const(value):
            return sympy.true if value else sympy.false
        case Not(operand):
            return sympy.Not(_built(operand, symbols))
        case And(operands):
            return sympy.And(*(_built(f, symbols) for f in operands))
        case Or(operands):
            return sympy.Or(*(_built(f, symbols) for f in operands))
        case Xor(operands):
            return sympy.Xor(*(_built(f, symbols) for f in operands))
        case Vote(operands, weights, threshold):
            parts = (_built(f, symbols) for f in operands)
            if formula.is_count:
                return AtLeast(threshold, *parts)
            return WeightedVote(threshold, sympy.Tuple(*weights), *parts)
