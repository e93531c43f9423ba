"""Owns reduced ordered binary decision diagrams: equal functions have equal numbers.

Bryant 1986. Magnitude levels cost nothing: a literal of level l is the conjunction of l + 1 variables ("at least
level 0", "at least level 1 if so", ...), so every assignment of variables is a state that features can be in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter

from circuitlogic.errors import CircuitLogicError
from circuitlogic.logic.activity import BoolArray
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor

FALSE, TRUE = 0, 1
MAX_NODES = 200_000
MAX_VARIABLES = 600
"""Functions recurse once per variable."""


class TooLargeError(CircuitLogicError):
    """A function that needs more decision nodes than allowed."""


@dataclass(frozen=True, slots=True, eq=False)
class SeenStates:
    """States that samples were seen in. All others do not count."""

    literals: tuple[Literal, ...]
    states: BoolArray
    """[states, literals] which literals are on; other literals may be anything."""


class DecisionDiagrams:
    """The functions of some literals. Nodes are numbers; equal functions have equal numbers."""

    def __init__(self, literals: Iterable[Literal], max_nodes: int = MAX_NODES) -> None:
        self._variables = _ordered(literals)
        if len(self._variables) > MAX_VARIABLES:
            raise TooLargeError(
                f"{len(self._variables)} literals to compare: at most {MAX_VARIABLES} are allowed"
            )
        self._place = {literal: i for i, literal in enumerate(self._variables)}
        self._max_nodes = max_nodes
        last = len(self._variables)
        self._nodes: list[tuple[int, int, int]] = [(last, FALSE, FALSE), (last, TRUE, TRUE)]
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._choices: dict[tuple[int, int, int], int] = {}
        self._formulas: dict[Formula, int] = {}

    def of(self, formula: Formula) -> int:
        """The node of `formula`.

        Raises:
            TooLargeError: it needs too many nodes.
            KeyError: it has a literal that was not announced.
        """
        found = self._formulas.get(formula)
        if found is None:
            found = self._formulas[formula] = self._built(formula)
        return found

    def _built(self, formula: Formula) -> int:
        match formula:
            case Literal():
                return self._literal(formula)
            case Const(value):
                return TRUE if value else FALSE
            case Not(operand):
                return self.negated(self.of(operand))
            case And(operands):
                return self._vote(operands, (1,) * len(operands), len(operands))
            case Or(operands):
                return self._vote(operands, (1,) * len(operands), 1)
            case Xor(operands):
                odd = FALSE
                for part in sorted((self.of(f) for f in operands), reverse=True):
                    odd = self.choice(part, self.negated(odd), odd)
                return odd
            case Vote(operands, weights, threshold):
                return self._vote(operands, weights, threshold)

    def _literal(self, literal: Literal) -> int:
        """All levels up to the literal's own, of those that are told apart here."""
        at = self._place[literal]
        node = TRUE
        while at >= 0 and self._variables[at].feature == literal.feature:
            node = self._node(at, FALSE, node)
            at -= 1
        return node

    def _vote(self, operands: Sequence[Formula], weights: Sequence[int], threshold: int) -> int:
        """Operand by operand, lowest variable first; what is left to reach says all about the operands above."""
        parts: list[tuple[int, int]] = []
        for operand, weight in zip(operands, weights, strict=True):
            node = self.of(operand)
            if weight < 0:
                node, weight, threshold = self.negated(node), -weight, threshold - weight
            parts.append((node, weight))
        parts.sort(key=lambda part: (self._nodes[part[0]][0], part[0]), reverse=True)
        reached: dict[int, int] = {}
        for (node, weight), needs in zip(parts, self._needs(parts, threshold), strict=True):
            reached = {n: self.choice(node, _at(reached, n - weight), _at(reached, n)) for n in needs}
        return _at(reached, threshold)

    def _needs(self, parts: Sequence[tuple[int, int]], threshold: int) -> list[list[int]]:
        """For each part, the sums that may be asked of it and those before it, where the answer is open."""
        totals = list(accumulate(weight for _, weight in parts))
        asked = [{threshold}]
        for (_, weight), total in zip(parts[:0:-1], totals[-2::-1], strict=True):
            sums = {need for last in asked[-1] for need in (last, last - weight) if 0 < need <= total}
            if len(sums) > self._max_nodes:
                raise TooLargeError("the weights of a vote are too large to compare")
            asked.append(sums)
        return [sorted(needs) for needs in reversed(asked[: len(parts)])]

    def negated(self, node: int) -> int:
        """not `node`."""
        return self.choice(node, FALSE, TRUE)

    def both(self, first: int, second: int) -> int:
        """`first` and `second`."""
        return self.choice(first, second, FALSE)

    def differing(self, first: int, second: int) -> int:
        """Where exactly one of the two is on."""
        if first == second:
            return FALSE
        return self.choice(first, self.negated(second), second)

    def choice(self, test: int, yes: int, no: int) -> int:
        """`yes` where `test` is on, else `no`."""
        if test <= TRUE:
            return yes if test == TRUE else no
        if yes == no:
            return yes
        if yes == TRUE and no == FALSE:
            return test
        key = (test, yes, no)
        found = self._choices.get(key)
        if found is None:
            found = self._choices[key] = self._chosen(test, yes, no)
        return found

    def _chosen(self, test: int, yes: int, no: int) -> int:
        """`choice` by the uppermost variable of the three."""
        nodes = self._nodes
        at_test, low_test, high_test = nodes[test]
        at_yes, low_yes, high_yes = nodes[yes]
        at_no, low_no, high_no = nodes[no]
        at = min(at_test, at_yes, at_no)
        if at_test != at:
            low_test = high_test = test
        if at_yes != at:
            low_yes = high_yes = yes
        if at_no != at:
            low_no = high_no = no
        low = self.choice(low_test, low_yes, low_no)
        return self._node(at, low, self.choice(high_test, high_yes, high_no))

    def _node(self, at: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (at, low, high)
        found = self._numbers.get(key)
        if found is None:
            if len(self._nodes) >= self._max_nodes:
                raise TooLargeError(f"these formulas need more than {self._max_nodes:,} decision nodes")
            found = self._numbers[key] = len(self._nodes)
            self._nodes.append(key)
        return found

    def seen(self, seen: SeenStates) -> int:
        """On exactly in the states of `seen`.

        Raises:
            KeyError: one of its literals was not announced.
        """
        order = sorted(range(len(seen.literals)), key=lambda i: self._place[seen.literals[i]])
        rows = sorted({tuple(bool(row[i]) for i in order) for row in seen.states})
        tests = [self._literal(seen.literals[i]) for i in order]
        return self._any_of(rows, tests, 0)

    def _any_of(self, rows: Sequence[tuple[bool, ...]], tests: Sequence[int], at: int) -> int:
        if not rows or at == len(tests):
            return TRUE if rows else FALSE
        off = self._any_of([row for row in rows if not row[at]], tests, at + 1)
        on = self._any_of([row for row in rows if row[at]], tests, at + 1)
        return self.choice(tests[at], on, off)

    def state_of(self, node: int) -> Mapping[Literal, bool] | None:
        """A state of all literals in which `node` is on, off wherever that is possible; None if there is none."""
        if node == FALSE:
            return None
        on: set[int] = set()
        while node != TRUE:
            at, low, high = self._nodes[node]
            if low == FALSE:
                on.add(at)
            node = high if low == FALSE else low
        state: dict[Literal, bool] = {}
        for at, literal in enumerate(self._variables):
            below = at == 0 or self._variables[at - 1].feature != literal.feature
            state[literal] = at in on and (below or state[self._variables[at - 1]])
        return state


def _ordered(literals: Iterable[Literal]) -> tuple[Literal, ...]:
    """Features in the order of their first literal, the levels of each ascending."""
    by_feature: dict[object, set[Literal]] = {}
    for literal in literals:
        by_feature.setdefault(literal.feature, set()).add(literal)
    return tuple(lit for group in by_feature.values() for lit in sorted(group, key=attrgetter("level")))


def _at(reached: Mapping[int, int], need: int) -> int:
    """Whether the parts so far sum to `need`; what was not asked is beyond them."""
    return TRUE if need <= 0 else reached.get(need, FALSE)
