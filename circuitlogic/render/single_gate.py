"""Owns the drawing of one gate: the inputs that its reading rests on, its boxes, its output, left to right."""

from collections.abc import Mapping

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import literals_of
from circuitlogic.logic.gate import Gate
from circuitlogic.render.boxes import restraints
from circuitlogic.render.gate_diagram import GateBoxes
from circuitlogic.render.sheet import FEATURE_FILL, OUTPUT_FILL, Sheet, Wire
from circuitlogic.render.text import clean, css_class, weight_text

_NAMED = 3
"""Inputs outside the formula that the note below a diagram names."""


def draw_gate(gate: Gate, labels: Mapping[FeatureId, str], max_inputs: int, prefix: str) -> Sheet:
    """One gate; see `circuitlogic.render.dot.gate_circuit`."""
    sheet = Sheet(prefix)
    names = _draw_inputs(sheet, gate, labels, max_inputs)
    boxes = GateBoxes(sheet, gate, frozenset(names))
    classes = f"output {css_class('kind', gate.kind)}"
    sheet.feature("out", gate.feature, labels.get(gate.feature, ""), "", classes, OUTPUT_FILL)
    for ask in boxes.asks:
        tail = ask.tail if isinstance(ask.tail, str) else names[ask.tail.feature]
        sheet.labelled_wire(tail, ask.head, ask.wire)
    sheet.wire(boxes.root, "out", Wire(bubble=boxes.is_negated))
    return sheet


def _draw_inputs(
    sheet: Sheet, gate: Gate, labels: Mapping[FeatureId, str], max_inputs: int
) -> dict[FeatureId, str]:
    """The drawn inputs' names: those of the formula and those known to restrain it, or the strongest of a row."""
    weights = {given.feature: given.weight for given in gate.inputs}
    known = restraints(gate)
    used = {} if gate.formula is None else {literal.feature: None for literal in literals_of(gate.formula)}
    every = list(dict.fromkeys([*weights, *used]))
    if gate.formula is None:
        shown = set(sorted(weights, key=lambda f: (-abs(weights[f]), f))[:max_inputs])
    else:
        shown = {*used, *(feature for feature in weights if feature in known)}
    names = {feature: f"n{position}" for position, feature in enumerate(every) if feature in shown}
    with sheet.column():
        for feature, name in names.items():
            sheet.feature(name, feature, labels.get(feature, ""), "", "input", FEATURE_FILL)
    left = [feature for feature in every if feature not in names]
    if left:
        sheet.note(*_left_out(left, weights, labels, used=gate.formula is not None))
    return names


def _left_out(
    left: list[FeatureId], weights: Mapping[FeatureId, float], labels: Mapping[FeatureId, str], used: bool
) -> tuple[str, ...]:
    """What a diagram says of the inputs that it leaves out."""
    if not used:
        return (f"{len(left)} weaker inputs hidden",)
    strongest = sorted(left, key=lambda f: (-abs(weights[f]), f))[:_NAMED]
    named = ", ".join(f"{clean(labels.get(f) or str(f), 24)} {weight_text(weights[f])}" for f in strongest)
    more = f" and {len(left) - len(strongest)} more" if len(left) > len(strongest) else ""
    return "wired, but not in the formula:", named + more
