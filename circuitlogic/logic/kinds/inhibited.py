"""Kinds with vetoes: something that switches on, and inputs that each keep it off (or only all together)."""

from circuitlogic.logic.formula import And, Formula, Literal, Or, Vote
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kinds.registry import Kind, Label, register
from circuitlogic.logic.kinds.shape import (
    Shape,
    are_literals,
    is_and,
    is_count,
    is_or,
    is_positive,
    is_threshold_function,
    shape_of,
)
from circuitlogic.logic.kinds.words import alternatives, listed, phrase


def _shape(gate: Gate) -> Shape:
    return shape_of(gate.formula) if gate.formula is not None else Shape((), ())


def _vetoes(shape: Shape, label: Label) -> str:
    return listed([phrase(f, label) for f in shape.vetoes], "or")


def _and_not(gate: Gate, label: Label) -> str:
    shape = _shape(gate)
    (body,) = shape.body
    vetoed = [f.feature for f in shape.vetoes if isinstance(f, Literal)]
    if len(vetoed) == 1 and isinstance(body, Literal) and f"subset:{vetoed[0]}<{body.feature}" in gate.flags:
        return f"the {phrase(body, label)} that are not {_vetoes(shape, label)}"
    return f"{phrase(body, label)} but not {_vetoes(shape, label)}"


def _inhibited_or(gate: Gate, label: Label) -> str:
    shape = _shape(gate)
    operands = shape.body[0].operands if shape.body and isinstance(shape.body[0], Or) else shape.body
    return f"{alternatives(gate, operands, label)}, unless {_vetoes(shape, label)}"


def _inhibited_and(gate: Gate, label: Label) -> str:
    shape = _shape(gate)
    return f"{phrase(And(shape.body), label)}, unless {_vetoes(shape, label)}"


def _inhibited_count(gate: Gate, label: Label) -> str:
    shape = _shape(gate)
    return f"{phrase(shape.body[0], label)}, unless {_vetoes(shape, label)}"


def _and_not_all(gate: Gate, label: Label) -> str:
    shape = _shape(gate)
    body = shape.body[0] if len(shape.body) == 1 else And(shape.body)
    return f"{phrase(body, label)}, unless {phrase(shape.vetoes[0], label)}"


def _is_and_not_all(formula: Formula) -> bool:
    shape = shape_of(formula)
    simple = are_literals(shape.body) or (
        len(shape.body) == 1 and (is_or(shape.body[0]) or is_count(shape.body[0]))
    )
    return simple and len(shape.vetoes) == 1 and is_and(shape.vetoes[0]) and is_threshold_function(formula)


def _one_body(formula: Formula) -> Formula | None:
    shape = shape_of(formula)
    return shape.body[0] if len(shape.body) == 1 and shape.single_vetoes else None


def _count_box(formula: Formula | None) -> str:
    body = _one_body(formula) if formula is not None else None
    return f">={body.threshold} / G" if isinstance(body, Vote) else ">=k / G"


def _is_inhibited_or(formula: Formula) -> bool:
    body = _one_body(formula)
    return body is not None and is_or(body)


def _is_inhibited_count(formula: Formula) -> bool:
    body = _one_body(formula)
    return body is not None and is_count(body) and is_positive(body)


def _is_inhibited_and(formula: Formula) -> bool:
    shape = shape_of(formula)
    return len(shape.body) > 1 and are_literals(shape.body) and shape.single_vetoes


register(
    Kind(
        "and-not",
        "Fires when its one input does, unless another fires.",
        lambda _: "&",
        _and_not,
        lambda f: isinstance(_one_body(f), Literal),
    )
)
register(
    Kind(
        "inhibited-or",
        "Fires when any of some inputs does, unless another fires.",
        lambda _: ">=1 / G",
        _inhibited_or,
        _is_inhibited_or,
    )
)
register(
    Kind(
        "inhibited-and",
        "Fires when all of some inputs do, unless another fires.",
        lambda _: "&",
        _inhibited_and,
        _is_inhibited_and,
    )
)
register(
    Kind(
        "inhibited-k-of-n",
        "Fires when at least k of some inputs do, unless another fires.",
        _count_box,
        _inhibited_count,
        _is_inhibited_count,
    )
)
register(
    Kind(
        "and-not-all",
        "Fires when its positive inputs say so, unless several others fire all together.",
        lambda _: "&",
        _and_not_all,
        _is_and_not_all,
    )
)
