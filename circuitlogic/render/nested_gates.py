"""Owns the drawing of an expanded gate: one frame per gate around its boxes and its feature."""

from collections.abc import Mapping

from circuitlogic.features import FeatureId
from circuitlogic.logic.branches import CIRCLE, SIZE
from circuitlogic.logic.composition import Composition
from circuitlogic.logic.formula import Literal
from circuitlogic.logic.gate import Gate
from circuitlogic.render.gate_diagram import Ask, GateBoxes
from circuitlogic.render.sheet import FEATURE_FILL, OUTPUT_FILL, UNKNOWN_FILL, Sheet, Wire
from circuitlogic.render.text import css_class


def draw_composition(composition: Composition, labels: Mapping[FeatureId, str], prefix: str) -> Sheet:
    """An expanded gate; see `circuitlogic.render.dot.composition_circuit`."""
    return _Nested(composition, labels, prefix).sheet


class _Nested:
    def __init__(self, composition: Composition, labels: Mapping[FeatureId, str], prefix: str) -> None:
        self.sheet = Sheet(prefix, separation=0.45)
        self._labels = labels
        self._kept = {branch.literal: branch for branch in composition.kept}
        self._leaves: dict[FeatureId, str] = {}
        self._frames: dict[FeatureId, GateBoxes] = {}
        self._outputs: dict[FeatureId, str] = {}
        for number, gate in enumerate(composition.gates):
            with self.sheet.frame(number, gate.kind):
                self._frames[gate.feature] = GateBoxes(self.sheet, gate)
                self._outputs[gate.feature] = self._output(gate, number)
        for feature, boxes in self._frames.items():
            for ask in boxes.asks:
                self._wire(ask, feature)
            self.sheet.wire(boxes.root, self._outputs[feature], Wire(bubble=boxes.is_negated))
        cut = {branch.stop for branch in composition.kept} & {SIZE, CIRCLE}
        if cut:
            self.sheet.note("not all gates are expanded: dotted inputs have more behind them")

    def _output(self, gate: Gate, number: int) -> str:
        """The box of a gate's own feature, with its kind and score."""
        name = f"o{number}" if number else "out"
        score = "" if gate.evidence is None else f" · F1 {gate.evidence.f1:.2f}"
        classes = f"output {css_class('kind', gate.kind)}"
        label = self._labels.get(gate.feature, "")
        self.sheet.feature(name, gate.feature, label, gate.kind + score, classes, OUTPUT_FILL)
        return name

    def _wire(self, ask: Ask, feature: FeatureId) -> None:
        """One of the wires that the gate of `feature` needs."""
        if isinstance(ask.tail, str):
            self.sheet.wire(ask.tail, ask.head, ask.wire)
            return
        inside = self._outputs.get(ask.tail.feature) if ask.tail.feature != feature else None
        self.sheet.labelled_wire(inside or self._leaf(ask.tail), ask.head, ask.wire)

    def _leaf(self, literal: Literal) -> str:
        """The box of a feature that is not expanded; one per feature, whatever its levels."""
        name = self._leaves.get(literal.feature)
        if name is None:
            name = self._leaves[literal.feature] = f"n{len(self._leaves)}"
            branch = self._kept.get(literal)
            kind = branch.gate.kind if branch is not None and branch.gate is not None else ""
            open_ended = branch is not None and branch.stop in (SIZE, CIRCLE)
            classes = f"input{' open-ended' * open_ended} {css_class('kind', kind) if kind else ''}".strip()
            label = self._labels.get(literal.feature, "")
            unread = branch is not None and branch.gate is not None and branch.gate.formula is None
            self.sheet.feature(
                name,
                literal.feature,
                label,
                kind if unread else "",
                classes,
                UNKNOWN_FILL if unread else FEATURE_FILL,
                dotted=open_ended,
            )
        return name
