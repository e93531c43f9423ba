"""Owns questions about the form of a canonical formula that several kinds ask."""

from dataclasses import dataclass

from circuitlogic.logic import truth
from circuitlogic.logic.canonical import table_of
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, literals_of


@dataclass(frozen=True, slots=True)
class Shape:
    """A conjunction taken apart: what switches on, and what vetoes."""

    body: tuple[Formula, ...]
    vetoes: tuple[Formula, ...]
    """Operands of the negations."""

    @property
    def single_vetoes(self) -> bool:
        """At least one veto, and each a literal by itself."""
        return bool(self.vetoes) and are_literals(self.vetoes)


def shape_of(formula: Formula) -> Shape:
    """`formula` as a conjunction; any other formula is a body without vetoes."""
    if not isinstance(formula, And):
        return Shape((formula,), ())
    vetoes: list[Formula] = []
    for part in formula.operands:
        if isinstance(part, Not):
            inner = part.operand
            vetoes += inner.operands if isinstance(inner, Or) else (inner,)
    return Shape(tuple(f for f in formula.operands if not isinstance(f, Not)), tuple(vetoes))


def are_literals(parts: tuple[Formula, ...]) -> bool:
    """Whether every part is a single literal."""
    return all(isinstance(part, Literal) for part in parts)


def is_or(formula: Formula) -> bool:
    """An Or of literals."""
    return isinstance(formula, Or) and are_literals(formula.operands)


def is_and(formula: Formula) -> bool:
    """An And of literals."""
    return isinstance(formula, And) and are_literals(formula.operands)


def is_count(formula: Formula) -> bool:
    """At least k of some literals."""
    return isinstance(formula, Vote) and formula.is_count and are_literals(formula.operands)


def is_majority(formula: Formula) -> bool:
    """More than half of an odd number of literals."""
    return (
        isinstance(formula, Vote) and is_count(formula) and len(formula.operands) == 2 * formula.threshold - 1
    )


def is_positive(formula: Formula) -> bool:
    """Whether no negation occurs."""
    match formula:
        case Literal() | Const():
            return True
        case Not() | Xor():
            return False
        case And(operands) | Or(operands) | Vote(operands=operands):
            return all(is_positive(f) for f in operands)


def is_threshold_function(formula: Formula) -> bool:
    """Whether one weighted sum and one cut can say it, as one ReLU row must. Not asked beyond 10 literals."""
    literals = literals_of(formula)
    if isinstance(formula, Xor):
        return len(literals) < 2
    if len(literals) > truth.MAX_INPUTS:
        return True
    _, table, _ = truth.drop_idle(table_of(formula, literals))
    found = truth.signs(table)
    if None in found:
        return False
    if len(found) <= 3:
        return True
    return (
        truth.integer_votes(truth.flip(table, tuple(i for i, s in enumerate(found) if s == -1))) is not None
    )
