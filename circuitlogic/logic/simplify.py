"""Owns cheap simplification: constants, complements, literals settled by neighbours, absorption."""

from collections.abc import Mapping, Sequence

from circuitlogic.logic.decision_diagram import FALSE, TRUE, DecisionDiagrams, TooLargeError
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, at_least, literals_of

MAX_ABSORBING = 24
"""Joins of more operands are not searched for absorption, which looks at every pair."""
MAX_NODES = 20_000
"""Decision nodes that the search for absorption may spend."""


def simplified(formula: Formula, given: Formula | None = None) -> Formula:
    """The same function, written no longer than before; with `given`, the same wherever that holds.

    A literal settles itself in its neighbours (`A AND (A OR B)` is `A`, `A OR (NOT A AND B)` is `A OR B`), and an
    operand goes that another one makes idle (`A AND A high` is `A high`).
    """
    return _Simplifier(formula, given).of(formula)


class _Simplifier:
    def __init__(self, formula: Formula, given: Formula | None) -> None:
        self._done: dict[Formula, Formula] = {}
        self._given = TRUE
        literals = literals_of(formula) + (literals_of(given) if given is not None else ())
        try:
            self._diagrams = DecisionDiagrams(literals, MAX_NODES)
            self._given = TRUE if given is None else self._diagrams.of(given)
        except TooLargeError:
            self._diagrams = None

    def of(self, formula: Formula) -> Formula:
        """Each part is simplified once, however often it occurs."""
        found = self._done.get(formula)
        if found is None:
            found = self._done[formula] = self._constant(self._simplified(formula))
        return found

    def _constant(self, formula: Formula) -> Formula:
        """The constant, if the formula is one in disguise."""
        if self._diagrams is None:
            return formula
        diagrams = self._diagrams
        try:
            node = diagrams.of(formula)
            if diagrams.both(self._given, node) == FALSE:
                return Const(False)
            if diagrams.both(self._given, diagrams.negated(node)) == FALSE:
                return Const(True)
        except TooLargeError:
            pass
        return formula

    def _simplified(self, formula: Formula) -> Formula:
        match formula:
            case Not(operand):
                return negated(self.of(operand))
            case And(operands):
                return self._joined(And, [self.of(f) for f in operands])
            case Or(operands):
                return self._joined(Or, [self.of(f) for f in operands])
            case Xor(operands):
                return _parity([self.of(f) for f in operands])
            case Vote(operands, weights, threshold):
                return self._vote([self.of(f) for f in operands], weights, threshold)
            case _:
                return formula

    def _joined(self, joint: type[And] | type[Or], operands: Sequence[Formula]) -> Formula:
        neutral = Const(joint is And)
        flat: dict[Formula, None] = {}
        for operand in operands:
            parts = operand.operands if isinstance(operand, joint) else (operand,)
            flat.update(dict.fromkeys(part for part in parts if part != neutral))
        if negated(neutral) in flat or any(negated(part) in flat for part in flat):
            return negated(neutral)
        settled = self._settled(joint, tuple(flat))
        if settled != tuple(flat):
            return self._joined(joint, settled)
        left = self._absorbed(joint, settled)
        if len(left) < 2:
            return left[0] if left else neutral
        return joint(left)

    def _settled(self, joint: type[And] | type[Or], parts: tuple[Formula, ...]) -> tuple[Formula, ...]:
        """The parts, with literals that stand by themselves settled in all others."""
        known: dict[Literal, bool] = {}
        for part in parts:
            if isinstance(part, Literal):
                known[part] = joint is And
            elif isinstance(part, Not) and isinstance(part.operand, Literal):
                known[part.operand] = joint is Or
        if not known:
            return parts
        return tuple(part if _is_signed_literal(part) else self.of(_fixed(part, known)) for part in parts)

    def _absorbed(self, joint: type[And] | type[Or], parts: tuple[Formula, ...]) -> tuple[Formula, ...]:
        """Without the parts that others make idle; of equal ones the first stays."""
        if self._diagrams is None or not 1 < len(parts) <= MAX_ABSORBING:
            return parts
        diagrams = self._diagrams
        try:
            nodes = [diagrams.of(part) for part in parts]
            outside = [diagrams.both(self._given, diagrams.negated(node)) for node in nodes]
            kept = list(range(len(parts)))
            for i in reversed(range(len(parts))):
                others = (j for j in kept if j != i)
                pairs = ((i, j) if joint is Or else (j, i) for j in others)
                if any(diagrams.both(nodes[a], outside[b]) == FALSE for a, b in pairs):
                    kept.remove(i)
        except TooLargeError:
            return parts
        return tuple(parts[i] for i in kept)

    def _vote(self, operands: Sequence[Formula], weights: Sequence[int], threshold: int) -> Formula:
        pairs = [(f, w) for f, w in zip(operands, weights, strict=True) if w and not isinstance(f, Const)]
        threshold -= sum(w for f, w in zip(operands, weights, strict=True) if f == Const(True))
        rest = tuple(f for f, _ in pairs)
        if sum(w for _, w in pairs if w < 0) >= threshold:
            return Const(True)
        if sum(w for _, w in pairs if w > 0) < threshold:
            return Const(False)
        if all(w == 1 for _, w in pairs):
            if threshold in (1, len(rest)):
                return self._joined(Or if threshold == 1 else And, rest)
            return at_least(threshold, rest)
        return Vote(rest, tuple(w for _, w in pairs), threshold)


def negated(formula: Formula) -> Formula:
    """not `formula`, without a double negation or a negated constant."""
    if isinstance(formula, Not):
        return formula.operand
    if isinstance(formula, Const):
        return Const(not formula.value)
    return Not(formula)


def _is_signed_literal(formula: Formula) -> bool:
    return isinstance(formula.operand if isinstance(formula, Not) else formula, Literal)


def _fixed(formula: Formula, known: Mapping[Literal, bool]) -> Formula:
    """The formula where literals are known to be on or off, and so the levels below or above them."""
    match formula:
        case Literal():
            for literal, on in known.items():
                if literal.feature == formula.feature and (
                    literal.level >= formula.level if on else literal.level <= formula.level
                ):
                    return Const(on)
            return formula
        case Const():
            return formula
        case Not(operand):
            return Not(_fixed(operand, known))
        case Vote(operands, weights, threshold):
            return Vote(tuple(_fixed(f, known) for f in operands), weights, threshold)
        case And(operands) | Or(operands) | Xor(operands):
            return type(formula)(tuple(_fixed(f, known) for f in operands))


def _parity(operands: Sequence[Formula]) -> Formula:
    flipped = False
    odd: dict[Formula, None] = {}
    for operand in operands:
        body = operand
        if isinstance(body, Const):
            flipped ^= body.value
            continue
        if isinstance(body, Not):
            body, flipped = body.operand, not flipped
        if odd.pop(body, 0) == 0:
            odd[body] = None
    parts = tuple(odd)
    found = Const(False) if not parts else parts[0] if len(parts) == 1 else Xor(parts)
    return negated(found) if flipped else found
