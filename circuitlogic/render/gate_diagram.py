"""Owns the drawing of one gate: inputs, a box per operator of its formula, the output, left to right."""

from collections.abc import Mapping
from dataclasses import replace

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
from circuitlogic.render.boxes import (
    gate_text,
    is_impossible,
    operator_text,
    restraints,
    used_features,
    without_not,
)
from circuitlogic.render.sheet import FEATURE_FILL, OUTPUT_FILL, Sheet, Wire
from circuitlogic.render.text import css_class, weight_text


class GateDiagram:
    """Draws one gate on `sheet`, outermost operator first."""

    def __init__(self, gate: Gate, labels: Mapping[FeatureId, str], max_inputs: int, prefix: str) -> None:
        self.sheet = Sheet(prefix)
        self._gate = gate
        self._weights = {given.feature: given.weight for given in gate.inputs}
        self._plain = Wire(strongest=max((abs(weight) for weight in self._weights.values()), default=1.0))
        self._restraints = restraints(gate)
        self._names = self._draw_inputs(labels, max_inputs)
        self._operators = 0
        kind = css_class("kind", gate.kind)
        label = labels.get(gate.feature, "")
        self.sheet.feature("out", gate.feature, label, "", f"output {kind}", OUTPUT_FILL)
        if gate.formula is None:
            root, negated = self._whole_row(), False
        else:
            body, negated = without_not(gate.formula)
            if isinstance(body, Literal):
                body, negated = Not(body) if negated else body, False
            root = self._operator(body)
        self._draw_unused(root)
        self.sheet.wire(root, "out", replace(self._plain, bubble=negated))

    def _draw_inputs(self, labels: Mapping[FeatureId, str], max_inputs: int) -> dict[FeatureId, str]:
        """The drawn inputs' names: those of the formula, and the strongest others while there is room."""
        formula = self._gate.formula
        used = {} if formula is None else {literal.feature: None for literal in literals_of(formula)}
        every = list(dict.fromkeys([*self._weights, *used]))
        others = sorted(self._weights.keys() - used.keys(), key=lambda f: (-abs(self._weights[f]), f))
        shown = {*used, *others[: max(max_inputs - len(used), 0)]}
        names = {feature: f"n{position}" for position, feature in enumerate(every) if feature in shown}
        with self.sheet.column():
            for feature, name in names.items():
                self.sheet.feature(name, feature, labels.get(feature, ""), "", "input", FEATURE_FILL)
        if len(names) < len(every):
            which = "weaker inputs" if formula is None else "inputs outside the formula"
            self.sheet.note(f"{len(every) - len(names)} {which} hidden")
        return names

    def _next_operator(self, text: str, impossible: bool = False) -> str:
        name = f"g{self._operators}"
        self._operators += 1
        self.sheet.gate(name, text, impossible)
        return name

    def _whole_row(self) -> str:
        """One box fed by every input, for a gate without a formula."""
        name = self._next_operator(gate_text(self._gate))
        for feature in self._names:
            self._wire(feature, name, replace(self._plain, weight=self._weights[feature]))
        return name

    def _operator(self, formula: Formula) -> str:
        """Draw the box that computes `formula`, and everything left of it; its name."""
        name = self._next_operator(operator_text(formula), is_impossible(self._gate) and not self._operators)
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
            self.sheet.wire(self._operator(body), head, replace(self._plain, bubble=negated, label=votes))
            return
        weight = self._weights.get(body.feature)
        words = [
            "" if weight is None else weight_text(weight),
            level_suffix(body.level).lstrip("_"),
            votes,
            self._restraints.get(body.feature, "") if negated else "",
        ]
        bar = negated and body.feature in self._restraints
        label = ", ".join(word for word in words if word)
        wire = replace(self._plain, weight=weight, bubble=negated and not bar, bar=bar, label=label)
        self._wire(body.feature, head, wire)

    def _draw_unused(self, root: str) -> None:
        """Wires of inputs that the formula does without: faint, except those known to restrain the output."""
        used = used_features(self._gate)
        for feature in self._names:
            if feature not in used:
                weight = self._weights[feature]
                known = feature in self._restraints
                words = [weight_text(weight), self._restraints.get(feature, "")]
                wire = replace(self._plain, weight=weight, bar=weight < 0 or known, faint=not known)
                self._wire(feature, root, replace(wire, label=", ".join(word for word in words if word)))

    def _wire(self, feature: FeatureId, head: str, wire: Wire) -> None:
        self.sheet.wire(self._names[feature], head, wire)
