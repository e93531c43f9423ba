"""Owns the three diagrams: one gate (`gate_circuit`), a gate expanded (`composition_circuit`), many features
(`circuit_to_dot`).

All return DOT source in which no text of a user is a name, an address or markup.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

import graphviz

from circuitlogic.errors import ConfigError
from circuitlogic.features import FeatureId
from circuitlogic.logic.composition import Composition
from circuitlogic.logic.gate import Gate
from circuitlogic.render.boxes import UNKNOWN, gate_text, negated_features, restraints, used_features
from circuitlogic.render.circuit import Circuit, CircuitEdge, CircuitNode, site_order, strongest_part
from circuitlogic.render.nested_gates import draw_composition
from circuitlogic.render.sheet import FEATURE_FILL, OUTPUT_FILL, UNKNOWN_FILL, Sheet, Wire
from circuitlogic.render.single_gate import draw_gate
from circuitlogic.render.text import css_class

LABELLED_EDGES = 40
"""Up to so many edges, a cone diagram writes the weights on them; more would hide the picture."""

MAX_DRAWN = 24
"""Gates that a diagram of an expanded gate has room for."""


def gate_circuit(
    gate: Gate, labels: Mapping[FeatureId, str], max_inputs: int = 24, prefix: str = ""
) -> graphviz.Digraph:
    """One gate as a circuit: input features, a box for each operator of the formula, the output feature.

    Element ids: inputs `n0`, `n1`, ... in the order of `gate.inputs` (then literals that are no input), the
    output `out`, operators `g0` (outermost), `g1`, ..., wires `e0`, `e1`, ..., the weights on them `w0`, ...

    Args:
        gate: What to draw. Inputs outside the formula are left out and named below, unless they are known to
            weaken the output; negative weights are dashed.
        labels: Words for features; those without are shown by id only.
        max_inputs: Of a gate without a formula, the strongest inputs to draw; hidden ones are counted.
        prefix: Put before every element id, to keep several diagrams of one page apart.
    """
    return draw_gate(gate, labels, max_inputs, prefix).graph


def composition_circuit(
    composition: Composition, labels: Mapping[FeatureId, str], prefix: str = ""
) -> graphviz.Digraph:
    """An expanded gate: one frame per gate around the boxes of its formula, wired to the gates they come from.

    Element ids: frames `f0` (the gate itself), ..., features that are not expanded `n0`, ..., else as
    `gate_circuit`. A gate that is reached on several paths is drawn once.

    Args:
        composition: What to draw.
        labels: Words for features; those without are shown by id only.
        prefix: Put before every element id, to keep several diagrams of one page apart.
    """
    return draw_composition(composition, labels, prefix).graph


def circuit_to_dot(
    circuit: Circuit,
    gates: Mapping[FeatureId, Gate],
    labels: Mapping[FeatureId, str],
    max_nodes: int = 400,
    keep: Collection[FeatureId] = (),
    prefix: str = "",
    labelled_edges: int = LABELLED_EDGES,
) -> graphviz.Digraph:
    """A cone or a whole graph: one box per feature with its gate's symbol inside, one column per site.

    Element ids: `n{position}` in `circuit.nodes` and `e{position}` in `circuit.edges`, hidden ones left out.

    Args:
        circuit: What to draw.
        gates: Gates of its features, for box texts and negation; features without one are inputs.
        labels: Words for features; those of the circuit's own nodes serve where these are silent.
        max_nodes: Of more features, the strongest part is drawn, and the diagram says how much is hidden.
        keep: Features that stay in any case, e.g. the root of the cone.
        prefix: Put before every element id, to keep several diagrams of one page apart.
        labelled_edges: Weights are written on the edges if no more than so many are drawn.

    Raises:
        ConfigError: `max_nodes` is less than 1.
    """
    if max_nodes < 1:
        raise ConfigError(f"max_nodes is {max_nodes}: a diagram shows at least 1 feature")
    shown = strongest_part(circuit, max_nodes, keep)
    sheet = Sheet(prefix, separation=1.0)
    names = {node.feature: f"n{position}" for position, node in enumerate(circuit.nodes)}
    for column, site in enumerate(site_order(shown)):
        members = [node for node in shown.nodes if node.feature.site == site]
        _draw_site(sheet, column, site, members, names, gates, labels)
    kept = {node.feature for node in shown.nodes}
    edges = [(i, e) for i, e in enumerate(circuit.edges) if e.source in kept and e.target in kept]
    strongest = max((abs(edge.weight) for _, edge in edges), default=1.0)
    for position, edge in edges:
        wire = _cone_wire(edge, gates.get(edge.target), strongest, len(edges) <= labelled_edges)
        sheet.wire(names[edge.source], names[edge.target], wire, number=position)
    if len(kept) < len(circuit.nodes):
        sheet.note(_hidden_text(circuit, len(kept), len(edges)))
    return sheet.graph


def _hidden_text(circuit: Circuit, features: int, edges: int) -> str:
    """What a diagram of only so many of the circuit's features and edges says of the rest."""
    every = len(circuit.nodes)
    hidden = f"{every - features} features and {len(circuit.edges) - edges} edges hidden"
    return f"the strongest {features} of {every} features: {hidden}"


def _draw_site(
    sheet: Sheet,
    column: int,
    site: str,
    members: list[CircuitNode],
    names: Mapping[FeatureId, str],
    gates: Mapping[FeatureId, Gate],
    labels: Mapping[FeatureId, str],
) -> None:
    """One column: the site's features, under the site's name."""
    with sheet.named_column(column, site):
        for node in members:
            gate = gates.get(node.feature)
            box = node.box or (gate_text(gate) if gate else "")
            kind = node.kind or (gate.kind if gate else "")
            label = labels.get(node.feature) or node.label
            fill = FEATURE_FILL if not box else UNKNOWN_FILL if box == UNKNOWN else OUTPUT_FILL
            classes = css_class("kind", kind) if kind else "input"
            sheet.feature(names[node.feature], node.feature, label, box, classes, fill)


def _cone_wire(edge: CircuitEdge, gate: Gate | None, strongest: float, labelled: bool) -> Wire:
    wire = Wire(edge.weight, strongest, label=None if labelled else "", crowded=True)
    if gate is None:
        return wire
    if edge.source in restraints(gate):
        return replace(wire, bar=True)
    if edge.source not in used_features(gate):
        return replace(wire, bar=edge.weight < 0, faint=True)
    negated = gate.formula is not None and edge.source in negated_features(gate.formula)
    return replace(wire, bubble=negated)
