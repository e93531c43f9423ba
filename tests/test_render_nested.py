"""Expanded gates as diagrams: one frame per gate, wires between them, weights that are pieces of their wires."""

import re
from itertools import combinations
from xml.etree import ElementTree

import pytest

from circuitlogic.features import FeatureId
from circuitlogic.logic.composition import Composition, compose
from circuitlogic.logic.formula import And, Formula, Literal, Not, Or, at_least, literals_of
from circuitlogic.logic.gate import Evidence, Gate, GateInput, Interval
from circuitlogic.render.dot import composition_circuit, gate_circuit
from circuitlogic.render.engines import render_dot

WEIGHTS = (0.9, -0.8, 0.7, 0.6, -0.5, 0.4)


def at(site: int, index: int, level: int = 0) -> Literal:
    return Literal(FeatureId(f"s{site}", index), level)


def gate(feature: FeatureId, formula: Formula | None, kind: str = "or") -> Gate:
    used = () if formula is None else tuple(dict.fromkeys(lit.feature for lit in literals_of(formula)))
    inputs = tuple(GateInput(f, w, w, 0.1, 0.1, (1.0,)) for f, w in zip(used, WEIGHTS, strict=False))
    scores = Evidence(100, 10, 0.9, 0.9, 0.9, Interval(0.8, 1.0), 0.9, 1.0, 0.9, 0.9, 0.95, 0.6, 0.9)
    return Gate(feature, kind, formula, inputs, 0.0, 0.1, 1.0, scores)


TOP = gate(FeatureId("s2", 0), And((Or((at(1, 0), at(1, 1))), Not(at(1, 2)), at(1, 0, 1))))
GATES = (
    TOP,
    gate(FeatureId("s1", 0), at_least(2, (at(0, 0), at(0, 1), at(0, 2)))),
    gate(FeatureId("s1", 1), Not(And((at(0, 2), at(0, 3)))), "nand"),
    gate(FeatureId("s1", 2), None, "unexplained"),
)


@pytest.fixture
def composition() -> Composition:
    return compose(TOP.feature, {one.feature: one for one in GATES}, 2)


def edges(source: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^\s*(\w+) -> (\w+) \[", source, re.MULTILINE))


def linked(source: str, tail: str, head: str) -> bool:
    """Whether a wire leads from `tail` to `head`, straight or through the weight on it."""
    found = edges(source)
    return (tail, head) in found or any((tail, w) in found and (w, head) in found for _, w in found)


def test_one_frame_per_gate_and_its_feature_feeds_the_gate_above(composition: Composition) -> None:
    source = composition_circuit(composition, {}).source
    assert re.findall(r"subgraph (cluster_f\d)", source) == ["cluster_f0", "cluster_f1", "cluster_f2"]
    assert source.count("s1/0") == 1
    assert source.count("unexplained\\ns1/2") == 1
    assert linked(source, "o1", "g1")
    assert linked(source, "o2", "g1")
    assert linked(source, "g0", "out")
    assert not linked(source, "o1", "out")


def test_a_gate_on_two_paths_is_drawn_once_and_its_level_is_written_on_the_wire(
    composition: Composition,
) -> None:
    source = composition_circuit(composition, {}).source
    assert linked(source, "o1", "g0")
    assert "high" in source
    assert len(re.findall(r'label="?>=2', source)) == 1


def test_a_negated_output_is_a_bubble_before_its_own_feature(composition: Composition) -> None:
    source = composition_circuit(composition, {}).source
    line = next(x for x in source.splitlines() if re.match(r"\s*g\d -> o2 ", x))
    assert "odot" in line


def test_what_is_cut_for_size_is_dotted_and_said(composition: Composition) -> None:
    cut = compose(TOP.feature, {one.feature: one for one in GATES}, 2, max_gates=2)
    source = composition_circuit(cut, {}).source
    assert "not all gates are expanded" in source
    assert source.count("dotted") == 2
    assert "dotted" not in composition_circuit(composition, {}).source


def test_hostile_labels_stay_words(composition: Composition) -> None:
    hostile = '"];x [URL="javascript:alert(1)"];y["<script>'
    labels = {literal.feature: hostile for literal in (at(0, 0), at(1, 0), at(2, 0))}
    svg = render_dot(composition_circuit(composition, labels).source, "svg").decode()
    assert "<script" not in svg
    assert "href" not in svg
    plain = render_dot(composition_circuit(composition, {}).source, "svg").decode()
    assert sorted(re.findall(r'<g id="([^"]*)"', svg)) == sorted(re.findall(r'<g id="([^"]*)"', plain))


Box = tuple[float, float, float, float]


def boxes(svg: str, prefix: str) -> dict[str, Box]:
    """Left, top, right, bottom of the texts of all elements whose id starts with `prefix`."""
    found: dict[str, Box] = {}
    for group in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}g"):
        if re.fullmatch(rf"{prefix}\d+", group.get("id", "")):
            for text in group.iter("{http://www.w3.org/2000/svg}text"):
                x, y, width = float(text.get("x", 0)), float(text.get("y", 0)), 5.2 * len(text.text or "")
                found[group.get("id", "")] = (x - width / 2, y - 9.0, x + width / 2, y)
    return found


def overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_weights_lie_on_their_wires_and_touch_neither_each_other_nor_a_box(composition: Composition) -> None:
    many = gate(FeatureId("s1", 9), Or(tuple(at(0, i, i % 2) for i in range(6))))
    for drawn in (composition_circuit(composition, {}), gate_circuit(many, {}), gate_circuit(TOP, {})):
        svg = render_dot(drawn.source, "svg").decode()
        weights = boxes(svg, "w")
        assert len(weights) >= 4
        others = {**boxes(svg, "g"), **boxes(svg, "n"), **boxes(svg, "o")}
        assert not [pair for pair in combinations(weights.values(), 2) if overlap(*pair)]
        assert not [(w, o) for w in weights.values() for o in others.values() if overlap(w, o)]
        ends = [
            tuple(map(float, point.split(",")))
            for path in re.findall(r'<path fill="none"[^>]* d="([^"]*)"', svg)
            for point in re.findall(r"-?[\d.]+,-?[\d.]+", path)
        ]
        for left, top, right, bottom in weights.values():
            near = [1 for x, y in ends if left - 12 <= x <= right + 12 and top - 8 <= y <= bottom + 8]
            assert len(near) >= 2, "a weight that no wire reaches"
