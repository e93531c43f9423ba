"""Owns what is said of a gate's runner-up: how far it is behind, and where the two differ."""

from collections.abc import Callable

from circuitlogic.errors import CircuitLogicError
from circuitlogic.features import FeatureId
from circuitlogic.logic.equivalence import difference
from circuitlogic.logic.gate import Gate
from circuitlogic.report.literal_names import literal_name


def margin_text(gate: Gate, name: Callable[[FeatureId], str]) -> str:
    """How far the runner-up is behind, and a state in which the two differ; empty without one."""
    if gate.runner_up is None or gate.formula is None or gate.evidence is None:
        return ""
    text = f"{gate.evidence.train_f1 - gate.runner_up.train_f1:+.3f} F1 on train for the formula".replace(
        "-", "−"
    )
    try:
        found = difference(gate.formula, gate.runner_up.formula)
    except CircuitLogicError:  # too large to compare
        return text
    if found is None:
        return text
    on = [literal_name(literal, name) for literal, is_on in found.state if is_on]
    where = f"only {', '.join(on)} on" if on else "nothing on"
    return f"{text}; they differ, for example, with {where}"
