"""Diagrams as DOT text: symbols, wires, ids, selection, and hostile labels."""

import html
import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuitlogic.errors import ConfigError, DataError
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, at_least
from circuitlogic.logic.gate import Gate, GateInput
from circuitlogic.render.boxes import gate_text, negated_features, operator_text
from circuitlogic.render.circuit import Circuit, CircuitEdge, CircuitNode, site_order, strongest_part
from circuitlogic.render.dot import circuit_to_dot, gate_circuit
from circuitlogic.render.engines import inline_svg, render_dot
from circuitlogic.render.text import clean, css_class, weight_text

FEATURES = tuple(FeatureId("hidden.1", index) for index in (30, 4, 17, 211))
A, B, C, D = (Literal(feature) for feature in FEATURES)
OUT = FeatureId("hidden.2", 7)
HOSTILE = [
    "<script>alert(1)</script>",
    "<b>bold</b>",
    'say "no"',
    '"];x [URL="javascript:alert(1)"];y["',
    "back\\slash \\N \\G \\",
    "line\nbreak\r\n\ttab",
    "a:b",
    "a:b:se",
    "&lt;b&gt; &amp; &#60;",
    "{a|b}",
    "日本語 😀 é",
    "\u202egnirts desrever",
    "nul\x00 and \x1b[31m",
    "\ud800 lone surrogate",
    "node",
    "",
    "   ",
    "\u200b\u00ad",
    "x" * 5000,
]


def gate(
    formula: Formula | None, weights: tuple[float, ...], kind: str = "other", flags: tuple[str, ...] = ()
) -> Gate:
    inputs = tuple(GateInput(f, w, 2 * w, 0.1, 0.05) for f, w in zip(FEATURES, weights, strict=False))
    return Gate(OUT, kind, formula, inputs, -0.1, 0.1, 1.0, None, flags=flags)


def wire(source: str, tail: str, head: str) -> dict[str, str]:
    """Attributes of the wire from `tail` to `head`, through the weight on it if it has one, with its label."""
    for weight in re.findall(rf"^\s*{tail} -> (w\d+) ", source, re.MULTILINE):
        if re.search(rf"^\s*{weight} -> {head} ", source, re.MULTILINE):
            near, far = attributes(source, f"{tail} -> {weight}"), attributes(source, f"{weight} -> {head}")
            assert near["arrowhead"] == "none"
            assert {key: near[key] for key in ("color", "penwidth", "style")} == {
                key: far[key] for key in ("color", "penwidth", "style")
            }
            return far | {"label": attributes(source, weight)["label"]}
    return attributes(source, f"{tail} -> {head}")


def attributes(source: str, statement: str) -> dict[str, str]:
    """Attributes of the node `n0` or the edge `n0 -> g0` in DOT source, unquoted."""
    line = next(x for x in source.splitlines() if re.match(rf"\s*{re.escape(statement)} \[", x))
    return {key: value.strip('"') for key, value in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s\]]+)', line)}


SYMBOLS = [
    (A, "1"),
    (Not(A), "1"),
    (Const(True), "1 const"),
    (Const(False), "0"),
    (And((A, B)), "&"),
    (Or((A, B, C)), ">=1"),
    (Xor((A, B)), "=1"),
    (Xor((A, B, C)), "2k+1"),
    (at_least(2, (A, B, C)), ">=2"),
    (Vote((A, B, C), (2, 1, 1), 3), "Σ>=3"),
]


@pytest.mark.parametrize(("formula", "symbol"), SYMBOLS)
def test_every_operator_has_its_iec_symbol(formula: Formula, symbol: str) -> None:
    assert operator_text(formula) == symbol
    assert attributes(gate_circuit(gate(formula, (1.0, 1.0, 1.0)), {}).source, "g0")["label"] == symbol


@pytest.mark.parametrize(("kind", "symbol"), [("graded", "Σ"), ("unexplained", "?")])
def test_gates_without_a_formula_take_all_inputs(kind: str, symbol: str) -> None:
    source = gate_circuit(gate(None, (0.4, 0.3, -0.2), kind), {}).source
    assert attributes(source, "g0")["label"] == symbol
    for name in ("n0", "n1", "n2"):
        assert "unused" not in wire(source, name, "g0")["class"]
    assert ("dashed" in attributes(source, "g0")["style"]) == (symbol == "?")


def test_box_text_of_a_kind_nobody_registered_comes_from_the_formula() -> None:
    assert gate_text(gate(And((A, B)), (1.0, 1.0), "from-the-future")) == "&"
    assert gate_text(gate(None, (1.0, 1.0), "from-the-future")) == "?"
    assert gate_text(gate(Not(And((A, B))), (1.0, 1.0), "from-the-future")) == "NOT &"
    assert gate_text(gate(Not(Or((A, B))), (1.0, 1.0), "nor")) == "NOT >=1"
    assert gate_text(gate(Not(A), (1.0,), "not")) == "1"


def test_negation_is_a_bubble_on_a_dashed_wire_in_the_negative_colour() -> None:
    source = gate_circuit(gate(And((A, Not(B))), (1.1, -1.4)), {}).source
    plain, negated = wire(source, "n0", "g0"), wire(source, "n1", "g0")
    assert (plain["arrowhead"], plain["style"]) == ("normal", "solid")
    assert (negated["arrowhead"], negated["style"]) == ("odot", "dashed")
    assert plain["color"] != negated["color"]
    assert "+1.10" in plain["label"]
    assert "-1.40" in negated["label"]
    assert float(negated["penwidth"]) > float(plain["penwidth"])


def test_output_negation_is_a_bubble_at_the_output() -> None:
    source = gate_circuit(gate(Not(And((A, B))), (-1.0, -1.0)), {}).source
    assert attributes(source, "g0")["label"] == "&"
    assert wire(source, "g0", "out")["arrowhead"] == "odot"
    assert wire(source, "n0", "g0")["arrowhead"] == "normal"


def test_double_negation_cancels() -> None:
    source = gate_circuit(gate(And((A, Not(Not(B)))), (1.0, 1.0)), {}).source
    assert wire(source, "n1", "g0")["arrowhead"] == "normal"


def test_not_of_one_input_has_one_bubble() -> None:
    source = gate_circuit(gate(Not(A), (-0.7,)), {}).source
    assert source.count("odot") == 1
    assert wire(source, "n0", "g0")["arrowhead"] == "odot"


def test_nested_formulas_are_nested_boxes() -> None:
    source = gate_circuit(gate(Or((C, And((A, Not(B))))), (0.5, -0.3, 0.8)), {}).source
    assert attributes(source, "g0")["label"] == ">=1"
    assert attributes(source, "g1")["label"] == "&"
    assert wire(source, "n2", "g0")["arrowhead"] == "normal"
    assert wire(source, "n1", "g1")["arrowhead"] == "odot"
    assert wire(source, "g1", "g0")["class"] == "plain"
    assert "n0 -> g0" not in source


def test_negated_group_has_its_bubble_between_the_boxes() -> None:
    source = gate_circuit(gate(And((A, Not(And((B, C))))), (0.5, -0.3, -0.8)), {}).source
    assert wire(source, "g1", "g0")["arrowhead"] == "odot"
    assert wire(source, "n1", "g1")["arrowhead"] == "normal"


def test_restraining_inputs_end_in_a_bar_and_say_how_much() -> None:
    damped = gate(A, (0.98, -0.3), "damped-copy", ("damped:hidden.1/4=0.69",))
    drawn = wire(gate_circuit(damped, {}).source, "n1", "g0")
    assert (drawn["arrowhead"], drawn["style"]) == ("tee", "dashed")
    assert "to 69 %" in drawn["label"]
    assert "unused" not in drawn["class"]
    partial = gate(And((A, Not(B))), (0.98, -0.5), "partial-inhibition", ("partial:hidden.1/4=0.45",))
    drawn = wire(gate_circuit(partial, {}).source, "n1", "g0")
    assert (drawn["arrowhead"], drawn["style"]) == ("tee", "dashed")
    assert "blocks 45 %" in drawn["label"]


def test_inputs_the_formula_does_without_are_named_below_not_drawn() -> None:
    source = gate_circuit(gate(A, (0.98, 0.04, -0.05), "copy"), {FEATURES[1]: "former"}).source
    assert wire(source, "n0", "g0")["label"].strip() == "+0.98"
    assert not re.search(r"^\s*n[12] ", source, re.MULTILINE)
    assert "wired, but not in the formula" in source
    assert "hidden.1/17 -0.05, former +0.04" in source


def test_levels_and_votes_are_written_on_the_wire() -> None:
    high = Literal(FEATURES[0], 1)
    source = gate_circuit(gate(Vote((high, B), (2, 1), 2), (1.0, 0.5)), {}).source
    assert "high, 2 votes" in wire(source, "n0", "g0")["label"]
    assert "1 vote " in wire(source, "n1", "g0")["label"]


def test_a_formula_no_row_can_compute_is_marked() -> None:
    assert (
        "impossible"
        in attributes(gate_circuit(gate(Xor((A, B)), (1.0, 1.0), "xor"), {}).source, "g0")["class"]
    )
    assert "impossible" not in gate_circuit(gate(Or((A, B)), (1.0, 1.0), "or"), {}).source


def test_literal_that_is_no_input_is_drawn_without_a_weight() -> None:
    source = gate_circuit(gate(And((A, D)), (1.0,)), {}).source
    assert attributes(source, "n1")["label"].endswith("hidden.1/211")
    assert "label" not in wire(source, "n1", "g0")


def test_many_inputs_are_cut_to_the_strongest_and_counted() -> None:
    inputs = tuple(GateInput(FeatureId("s", i), 1 / (i + 1), 1.0, 0.1, 0.1) for i in range(50))
    many = Gate(OUT, "copy", Literal(FeatureId("s", 49)), inputs, 0.0, 0.1, 1.0, None)
    source = gate_circuit(many, {}, max_inputs=5).source
    assert set(re.findall(r"^\s*(n\d+) \[", source, re.MULTILINE)) == {"n49"}
    assert "s/0 +1.00, s/1 +0.50, s/2 +0.33 and 46 more" in source
    unread = Gate(OUT, "unexplained", None, inputs, 0.0, 0.1, 1.0, None)
    assert "45 weaker inputs hidden" in gate_circuit(unread, {}, max_inputs=5).source


@pytest.mark.parametrize("label", HOSTILE)
def test_hostile_labels_change_nothing_but_the_words(label: str) -> None:
    labels = {FEATURES[0]: label, OUT: label}
    example = gate(And((A, Not(B))), (1.0, -1.0))
    svg = render_dot(gate_circuit(example, labels).source, "svg").decode()
    plain = render_dot(gate_circuit(example, {}).source, "svg").decode()
    ids = r'<g id="([^"]*)"'
    assert sorted(re.findall(ids, svg)) == sorted(re.findall(ids, plain))
    assert set(re.findall(r"<([a-zA-Z]+)", svg)) == set(re.findall(r"<([a-zA-Z]+)", plain))
    assert "href" not in svg
    nodes = (CircuitNode(FEATURES[0], label), CircuitNode(OUT, label, "and-not", label))
    circuit = Circuit(nodes, (CircuitEdge(FEATURES[0], OUT, 1.0),))
    cone = inline_svg(circuit_to_dot(circuit, {}, labels), title=label)
    assert "<script" not in cone.lower()
    assert "href" not in cone
    assert cone.count("<g ") == 6


@pytest.mark.parametrize("label", ["a < b & c > d", "&lt;b&gt; &amp; &#60;", 'x\\N "q"', "é 日本"])
def test_labels_are_shown_as_they_are(label: str) -> None:
    svg = render_dot(gate_circuit(gate(A, (1.0,)), {FEATURES[0]: label}).source, "svg").decode()
    shown = [html.unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", svg)]
    assert label in shown


def test_labels_with_line_breaks_show_them() -> None:
    assert clean("a\nb\tc") == r"a\nb\tc"
    assert "\N{REPLACEMENT CHARACTER}" in clean("\x00")


@given(st.text(max_size=200), st.integers(1, 40))
def test_cleaned_text_is_one_short_printable_line(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert clean(shown, limit) == shown
    shown.encode()


@given(st.text(max_size=30))
def test_class_names_are_safe(name: str) -> None:
    assert re.fullmatch(r"kind-[A-Za-z0-9-]*", css_class("kind", name))


@pytest.mark.parametrize(
    ("weight", "text"),
    [(0.26, "+0.26"), (-0.1, "-0.10"), (0.0, "0"), (-0.0, "0"), (0.0012, "+1.2e-03"), (-12345.0, "-1.2e+04")],
)
def test_weights_are_written_with_their_sign(weight: float, text: str) -> None:
    assert weight_text(weight) == text


def chain(sizes: tuple[int, ...]) -> Circuit:
    """Layers of features; feature i feeds every feature of the next layer, weaker with i."""
    layers = [[FeatureId(f"layer.{k}", i) for i in range(n)] for k, n in enumerate(sizes)]
    nodes = tuple(CircuitNode(feature) for layer in layers for feature in layer)
    pairs = [(s, t) for a, b in pairwise(layers) for s in a for t in b]
    return Circuit(nodes, tuple(CircuitEdge(s, t, 1 / (1 + s.index + t.index)) for s, t in pairs))


def test_cone_has_a_column_per_site_and_a_box_per_feature() -> None:
    circuit = chain((3, 2, 1))
    source = circuit_to_dot(circuit, {}, {FeatureId("layer.0", 1): "old"}).source
    assert source.count("subgraph cluster_") == 3
    assert source.count("rank=same") == 3
    assert attributes(source, "n1")["label"] == r"old\nlayer.0/1"
    assert attributes(source, "n0 -> n3") == attributes(source, "n0 -> n3") | {"id": "e0"}
    assert attributes(source, "n3 -> n5")["id"] == "e6"
    assert "hidden" not in source


def test_cone_boxes_carry_gate_symbols_and_wires_their_negation() -> None:
    nodes = tuple(CircuitNode(f) for f in (*FEATURES[:3], OUT))
    edges = tuple(CircuitEdge(f, OUT, w) for f, w in zip(FEATURES[:3], (1.0, -1.0, -0.1), strict=True))
    gates = {OUT: gate(And((A, Not(B))), (1.0, -1.0, -0.1), "and-not")}
    source = circuit_to_dot(Circuit(nodes, edges), gates, {}).source
    assert attributes(source, "n3")["label"] == r"&\nhidden.2/7"
    assert "kind-and-not" in attributes(source, "n3")["class"]
    assert [attributes(source, f"n{i} -> n3")["arrowhead"] for i in range(3)] == ["normal", "odot", "tee"]
    assert "unused" in attributes(source, "n2 -> n3")["class"]
    assert "-1.00" in attributes(source, "n1 -> n3")["label"]


def test_box_text_given_with_the_node_wins() -> None:
    circuit = Circuit((CircuitNode(OUT, "", "or", ">=1 / G"),), ())
    source = circuit_to_dot(circuit, {OUT: gate(A, (1.0,))}, {}).source
    assert attributes(source, "n0")["label"].startswith(">=1 / G")


def test_many_edges_are_drawn_without_numbers() -> None:
    circuit = chain((8, 8))
    assert "+1.00" not in circuit_to_dot(circuit, {}, {}).source
    assert "+1.00" in circuit_to_dot(circuit, {}, {}, labelled_edges=64).source


def test_too_many_features_keep_the_strongest_and_say_so() -> None:
    circuit = chain((20, 10, 3))
    root = FeatureId("layer.2", 2)
    source = circuit_to_dot(circuit, {}, {}, max_nodes=8, keep={root}).source
    shown = set(re.findall(r"^\s*(n\d+) \[", source, re.MULTILINE))
    assert len(shown) == 8
    assert "n32" in shown
    assert "the strongest 8 of 33 features: 25 features and" in source
    hidden = int(re.search(r"and (\d+) edges hidden", source)[1])  # type: ignore[index]
    assert hidden == len(circuit.edges) - len(re.findall(r"n\d+ -> n\d+", source))


def test_max_nodes_must_be_positive() -> None:
    with pytest.raises(ConfigError, match="max_nodes is 0"):
        circuit_to_dot(chain((2, 1)), {}, {}, max_nodes=0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_kept_part_hangs_together_and_holds_what_must_stay(size: int, must: int, random: object) -> None:
    circuit = chain((5, 4, 3))
    keep = {circuit.nodes[must].feature}
    part = strongest_part(circuit, size, keep)
    kept = {node.feature for node in part.nodes}
    assert len(kept) == min(size, 12)
    assert keep <= kept
    reached = set(keep)
    for _ in kept:
        ends = [(e.source, e.target) for e in part.edges]
        reached |= {t for s, t in ends if s in reached} | {s for s, t in ends if t in reached}
    assert reached == kept
    assert strongest_part(part, size, keep) == part


def test_growth_starts_at_the_strongest_edge_and_reaches_lone_features_last() -> None:
    a, b, c, d, lone = (FeatureId("s", i) for i in range(5))
    nodes = tuple(CircuitNode(f) for f in (lone, a, b, c, d))
    circuit = Circuit(nodes, (CircuitEdge(a, b, 0.5), CircuitEdge(c, d, -2.0)))
    assert {n.feature for n in strongest_part(circuit, 2).nodes} == {c, d}
    assert {n.feature for n in strongest_part(circuit, 4).nodes} == {a, b, c, d}
    assert strongest_part(circuit, 5) == circuit


def test_sites_are_ordered_by_the_edges_and_cycles_end() -> None:
    x, y, z = FeatureId("x", 0), FeatureId("y", 0), FeatureId("z", 0)
    nodes = tuple(CircuitNode(f) for f in (z, y, x))
    assert site_order(Circuit(nodes, (CircuitEdge(x, y, 1.0), CircuitEdge(y, z, 1.0)))) == ("x", "y", "z")
    loop = (CircuitEdge(x, y, 1.0), CircuitEdge(y, x, 1.0), CircuitEdge(z, z, 1.0))
    assert sorted(site_order(Circuit(nodes, loop))) == ["x", "y", "z"]


def test_circuits_refuse_nonsense() -> None:
    a, b = CircuitNode(FEATURES[0]), CircuitNode(FEATURES[1])
    with pytest.raises(DataError, match="twice"):
        Circuit((a, a), ())
    with pytest.raises(DataError, match=r"hidden\.1/4, not a node"):
        Circuit((a,), (CircuitEdge(FEATURES[0], FEATURES[1], 1.0),))
    with pytest.raises(DataError, match="nan"):
        Circuit((a, b), (CircuitEdge(FEATURES[0], FEATURES[1], float("nan")),))


def test_negated_features_counts_nots_and_leaves_the_outermost_to_the_box() -> None:
    assert negated_features(And((A, Not(B)))) == {FEATURES[1]}
    assert negated_features(Not(And((A, B)))) == frozenset()
    assert negated_features(Not(A)) == {FEATURES[0]}
    assert negated_features(Or((A, Not(A)))) == frozenset()
    assert negated_features(And((A, Not(Or((B, Not(C))))))) == {FEATURES[1]}


def test_prefix_keeps_the_ids_of_two_diagrams_apart() -> None:
    example = gate(Or((A, B)), (1.0, 1.0))
    first, second = (inline_svg(gate_circuit(example, {}, prefix=p)) for p in ("p-", "q-"))
    ids = [set(re.findall(r'\bid="([^"]*)"', svg)) for svg in (first, second)]
    assert {"p-n0", "p-out", "p-g0", "p-e0"} <= ids[0]
    assert not ids[0] & ids[1]


def test_the_same_gate_gives_the_same_dot() -> None:
    example = gate(Or((C, And((A, Not(B))))), (0.5, -0.3, 0.8))
    assert gate_circuit(example, {}).source == gate_circuit(example, {}).source
    circuit = chain((6, 4, 2))
    assert circuit_to_dot(circuit, {}, {}, 7).source == circuit_to_dot(circuit, {}, {}, 7).source
