"""The registry of gate kinds: complete, disjoint by order, and able to put every kind into words."""

import pytest
from hypothesis import given, settings
from logic_rows import LITERALS, Spec, formula_made, specs

from circuitlogic.errors import ConfigError, UnknownNameError
from circuitlogic.features import FeatureId
from circuitlogic.logic.canonical import canonical
from circuitlogic.logic.formula import And, Const, Formula, Not, Or, Vote, Xor, at_least
from circuitlogic.logic.gate import Gate, GateInput
from circuitlogic.logic.kinds import all_kinds, describe, graded_text, kind_named, kind_of, register

A, B, C, D, E = LITERALS

TABLE = [
    (Const(False), "dead", "0", "never fires"),
    (Const(True), "constant", "1", "on almost everywhere"),
    (A, "copy", "1", "same as A"),
    (Not(A), "not", "1", "on unless A"),
    (Or((A, B, C)), "or", ">=1", "A, B or (weaker) C"),
    (And((A, B)), "and", "&", "A together with B"),
    (And((A, B, C)), "and", "&", "A, B and C together"),
    (And((A, Not(B))), "and-not", "&", "A but not B"),
    (And((A, Not(B), Not(C))), "and-not", "&", "A but not B or C"),
    (And((A, Not(And((B, C))))), "and-not-all", "&", "A, unless B together with C"),
    (And((Or((A, B)), Not(C))), "inhibited-or", ">=1 / G", "A or B, unless C"),
    (And((A, B, Not(C))), "inhibited-and", "&", "A together with B, unless C"),
    (
        And((at_least(2, (A, B, C)), Not(D))),
        "inhibited-k-of-n",
        ">=2 / G",
        "at least 2 of A, B and C, unless D",
    ),
    (at_least(2, (A, B, C, D)), "k-of-n", ">=2", "at least 2 of A, B, C and D"),
    (at_least(3, (A, B, C, D, E)), "majority", ">n/2", "most of A, B, C, D and E"),
    (Or((A, And((B, C)))), "and-or", ">=1(&)", "A, or B together with C"),
    (And((A, Or((B, C)))), "or-and", "&(>=1)", "A with B or C"),
    (Not(Or((A, B))), "nor", ">=1", "on unless A or B"),
    (Not(And((A, B))), "nand", "&", "on unless both A and B"),
    (Not(And((A, Or((B, C))))), "unless", "1", "on unless A together with (B or C)"),
    (Or((A, And((B, Not(C))))), "mixed-sign", "&", "A, or B but not C"),
    (
        Vote((A, B, C, D), (2, 1, 1, 1), 3),
        "vote",
        "Σ>=3",
        "needs 3 points, where A counts 2, B counts 1, C counts 1",
    ),
    (Xor((A, B)), "xor", "=1", "exactly one of A and B (no single connector row can say this)"),
    (Not(Xor((A, B))), "non-threshold", "=1", "not (exactly one of A and B)"),
    (Or((And((A, B)), And((C, D)))), "non-threshold", "=1", "A together with B, or C together with D"),
]


def gate(kind: str, formula: Formula | None, flags: tuple[str, ...] = ()) -> Gate:
    weights = (0.9, 0.8, 0.3, -0.25)
    inputs = tuple(GateInput(FeatureId("in", i), w, w, 0.1, 0.1) for i, w in enumerate(weights))
    return Gate(FeatureId("out", 0), kind, formula, inputs, 0.0, 0.1, 1.0, None, flags=flags)


def label(feature: FeatureId) -> str:
    return "ABCDE"[feature.index]


@pytest.mark.parametrize(("formula", "kind", "box", "sentence"), TABLE)
def test_a_formula_has_its_kind_box_and_sentence(formula, kind, box, sentence):
    assert kind_of(formula) == kind
    assert kind_named(kind).box(formula) == box
    assert describe(gate(kind, formula), label).startswith(sentence)


def test_kinds_that_evidence_decides_are_put_into_words():
    damped = gate("damped-copy", A, ("damped:in/1=0.69",))
    assert describe(damped, label) == "A, weakened to 69 % when B"
    partly = gate("partial-inhibition", And((A, Not(B))), ("partial:in/1=0.45",))
    assert describe(partly, label) == "A, partly blocked by B (45 % of the time)"
    subset = gate("and-not", And((A, Not(B))), ("subset:in/1<in/0",))
    assert describe(subset, label) == "the A that are not B"
    assert describe(gate("graded", None), label) == "graded mix: 0.90 A + 0.80 B + 0.30 C - 0.25 D"
    assert graded_text(gate("graded", None), label) == "0.90 A + 0.80 B + 0.30 C - 0.25 D"
    assert describe(gate("unexplained", None), label) == "not explained by its inputs"
    assert describe(gate("insufficient", None), label) == "fires too seldom to be read"


def test_the_registry_knows_its_names_and_refuses_doubles():
    names = [kind.name for kind in all_kinds()]
    assert len(set(names)) == len(names)
    expected = {kind for _, kind, _, _ in TABLE} | {
        "insufficient",
        "damped-copy",
        "partial-inhibition",
        "graded",
        "unexplained",
    }
    assert set(names) == expected
    assert all(kind.meaning.endswith(".") for kind in all_kinds())
    with pytest.raises(ConfigError, match="registered already"):
        register(kind_named("or"))
    with pytest.raises(UnknownNameError, match="and-not"):
        kind_named("andnot")


@settings(max_examples=100, deadline=None)
@given(spec=specs)
def test_every_formula_has_a_kind_and_a_sentence(spec: Spec):
    formula = formula_made(spec)
    reduced = canonical(formula)
    kind = kind_named(kind_of(formula))
    assert describe(gate(kind.name, reduced), label)
    assert kind.box(reduced)
    assert kind_of(Not(Not(formula))) == kind.name
