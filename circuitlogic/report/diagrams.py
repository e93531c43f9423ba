"""Owns which circuits a report draws: one gate, and the cone behind a gate. Without a layout engine, none."""

import re
from collections.abc import Mapping

import graphviz

from circuitlogic.errors import MissingDependencyError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import literals_of
from circuitlogic.logic.gate import Gate
from circuitlogic.render.circuit import Circuit, CircuitEdge, CircuitNode
from circuitlogic.render.dot import circuit_to_dot, gate_circuit
from circuitlogic.render.engines import inline_svg
from circuitlogic.report.gate_rows import best_across_kinds
from circuitlogic.report.rows import GateRow, StudyView

_TAG = re.compile(r"<[^<>]*>")
_COORDINATES = re.compile(r' (?:d|points|x|y|cx|cy)="[^"]*"')
_NUMBER = re.compile(r"-?\d+\.\d+")
_UNUSED = re.compile(r' (?:id|text-anchor)="[^"]*"')
MAX_INPUTS = 8
MAX_CONE = 24
_SPARE = 3


def gate_picture(gate: Gate, labels: Mapping[FeatureId, str], prefix: str = "") -> graphviz.Digraph:
    """One gate: the inputs of its formula, and a few more if there is room."""
    used = 0 if gate.formula is None else len({literal.feature for literal in literals_of(gate.formula)})
    room = max(MAX_INPUTS, used) if used < MAX_INPUTS - _SPARE else used
    return gate_circuit(gate, labels, room if gate.formula is not None else MAX_INPUTS, prefix)


def logic_cone(root: FeatureId, gates: Mapping[FeatureId, Gate]) -> Circuit:
    """The inputs that the formula of `root` rests on, theirs in turn, as far as formulas are claimed."""
    nodes, edges = {root: CircuitNode(root)}, list[CircuitEdge]()
    pending = [root]
    while pending:
        gate = gates.get(pending.pop(0))
        if gate is None or gate.formula is None:
            continue
        used = {literal.feature for literal in literals_of(gate.formula)}
        for given in gate.inputs:
            if given.feature not in used:
                continue
            edges.append(CircuitEdge(given.feature, gate.feature, given.weight))
            if given.feature not in nodes:
                nodes[given.feature] = CircuitNode(given.feature)
                pending.append(given.feature)
    return Circuit(tuple(nodes.values()), tuple(edges))


def cone_picture(
    root: FeatureId, gates: Mapping[FeatureId, Gate], labels: Mapping[FeatureId, str], prefix: str
) -> graphviz.Digraph:
    """The logic behind `root`; of a large cone the strongest part, and how much is hidden."""
    circuit = logic_cone(root, gates)
    return circuit_to_dot(circuit, gates, labels, max_nodes=MAX_CONE, keep=(root,), prefix=prefix)


def cone_roots(view: StudyView, limit: int) -> tuple[GateRow, ...]:
    """The gates whose cones are worth a picture: proven ones, at least one of whose inputs has a formula too."""
    claimed = {row.gate.feature for row in view.gates if row.claims}
    deep = [
        row
        for row in view.gates
        if row.gate.feature in claimed
        and row.gate.formula is not None
        and any(literal.feature in claimed for literal in literals_of(row.gate.formula))
    ]
    return best_across_kinds(deep, limit)


def svg_or_nothing(digraph: graphviz.Digraph, title: str) -> str:
    """The diagram as inline SVG; empty where no layout engine is installed."""
    try:
        return slim(inline_svg(digraph, title=title))
    except MissingDependencyError:
        return ""


def slim(svg: str) -> str:
    """Half the bytes of an inline SVG: whole points, no element ids; the page's CSS centres its text.

    Only tags are touched: what is written in boxes stays as it is.
    """
    return _TAG.sub(lambda tag: _slim_tag(tag[0]), svg)


def _slim_tag(tag: str) -> str:
    tag = _COORDINATES.sub(lambda found: _NUMBER.sub(_whole, found[0]), tag)
    return _UNUSED.sub("", tag)


def _whole(number: re.Match[str]) -> str:
    return str(round(float(number[0])))
