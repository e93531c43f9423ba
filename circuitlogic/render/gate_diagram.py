"""Owns the boxes of one gate: one per operator of its formula, outermost first, and the wires that they ask for."""

from dataclasses import dataclass, replace

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import (
    And,
    Const,
    Formula,
    Literal,
    Not,
    Or,
    Vote,
    Xor,
    level_suffix,
    literals_of,
)
from circuitlogic.logic.gate import Gate
from circuitlogic.render.boxes import gate_text, is_impossible, operator_text, restraints, without_not
from circuitlogic.render.sheet import Sheet, Wire
from circuitlogic.render.text import weight_text


@dataclass(frozen=True, slots=True)
class Ask:
    """A wire that a gate needs: from one of its own boxes, or from wherever a literal comes from."""

    tail: str | Literal
    head: str
    wire: Wire


class GateBoxes:
    """Draws the operators of one gate on `sheet` and says which wires they need."""

    def __init__(self, sheet: Sheet, gate: Gate, shown: frozenset[FeatureId] | None = None) -> None:
        """`shown`: of a gate without a formula, the inputs to wire; None: all."""
        self._sheet = sheet
        self._gate = gate
        self._weights = {given.feature: given.weight for given in gate.inputs}
        self._plain = Wire(strongest=max((abs(weight) for weight in self._weights.values()), default=1.0))
        self._restraints = restraints(gate)
        self.asks: list[Ask] = []
        self.is_negated = False
        """Whether the gate's output is the opposite of its outermost box's."""
        self.root = self._whole_row(shown) if gate.formula is None else self._drawn(gate.formula)

    def _drawn(self, formula: Formula) -> str:
        body, negated = without_not(formula)
        if isinstance(body, Literal):
            body, negated = Not(body) if negated else body, False
        self.is_negated = negated
        root = self._operator(body)
        own = {literal.feature for literal in literals_of(formula)}
        for feature in self._weights:
            if feature in self._restraints and feature not in own:
                self._restrain(feature, root)
        return root

    def _restrain(self, feature: FeatureId, root: str) -> None:
        """An input outside the formula that is known to weaken the output."""
        weight = self._weights[feature]
        label = self._words(weight_text(weight), self._restraints[feature])
        self._ask(Literal(feature), root, replace(self._plain, weight=weight, bar=True, label=label))

    def _whole_row(self, shown: frozenset[FeatureId] | None) -> str:
        """One box fed by every input, for a gate without a formula."""
        used = [feature for feature in self._weights if shown is None or feature in shown]
        root = self._sheet.gate(gate_text(self._gate), operands=len(used))
        for feature in used:
            self._ask(Literal(feature), root, replace(self._plain, weight=self._weights[feature]))
        return root

    def _operator(self, formula: Formula, outermost: bool = True) -> str:
        """Draw the box that computes `formula`, and everything left of it; its name."""
        impossible = outermost and is_impossible(self._gate)
        name = self._sheet.gate(operator_text(formula), impossible, _operands(formula))
        match formula:
            case Const():
                pass
            case Literal() | Not():
                self._operand(formula, name)
            case And(operands) | Or(operands) | Xor(operands):
                for operand in operands:
                    self._operand(operand, name)
            case Vote(operands, weights):
                for operand, votes in zip(operands, weights, strict=True):
                    unit = "vote" if abs(votes) == 1 else "votes"
                    self._operand(operand, name, "" if formula.is_count else f"{votes} {unit}")
        return name

    def _operand(self, operand: Formula, head: str, votes: str = "") -> None:
        body, negated = without_not(operand)
        if not isinstance(body, Literal):
            inner = self._operator(body, outermost=False)
            self._ask(inner, head, replace(self._plain, bubble=negated, label=votes))
            return
        weight = self._weights.get(body.feature)
        bar = negated and body.feature in self._restraints
        label = self._words(
            "" if weight is None else weight_text(weight),
            level_suffix(body.level).lstrip("_"),
            votes,
            self._restraints.get(body.feature, "") if negated else "",
        )
        wire = replace(self._plain, weight=weight, bubble=negated and not bar, bar=bar, label=label)
        self._ask(body, head, wire)

    def _words(self, *words: str) -> str:
        return ", ".join(word for word in words if word)

    def _ask(self, tail: str | Literal, head: str, wire: Wire) -> None:
        self.asks.append(Ask(tail, head, wire))


def _operands(formula: Formula) -> int:
    match formula:
        case And(operands) | Or(operands) | Xor(operands) | Vote(operands=operands):
            return len(operands)
        case _:
            return 1
