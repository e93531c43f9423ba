"""Owns an expanded gate in words: the lines of its tree, its evidence, its JSON form."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from circuitlogic.extract.composed_scores import ComposedScores
from circuitlogic.features import FeatureId
from circuitlogic.logic.branches import DEPTH, FIRST, Branch
from circuitlogic.logic.composition import Composition
from circuitlogic.logic.formula import Formula, to_text
from circuitlogic.logic.formula_json import formula_to_json
from circuitlogic.logic.kinds.words import phrase
from circuitlogic.report.literal_names import literal_name
from circuitlogic.report.numbers import NONE, count, score, scored


@dataclass(frozen=True, slots=True)
class Expansion:
    """A composition with its measured scores and what features are called. Labels are foreign text."""

    composition: Composition
    measured: tuple[ComposedScores, ...]
    """For 1, 2, ... layers, up to those asked for; empty where no activations are cached."""
    labels: Mapping[FeatureId, str]

    def name(self, feature: FeatureId) -> str:
        """A feature's label, else its id: inputs come from several sites, so ids are never shortened."""
        return self.labels.get(feature) or str(feature)

    def symbols(self, formula: Formula) -> str:
        """A formula with names for literals."""
        return to_text(formula, lambda literal: literal_name(literal, self.name))

    @property
    def text(self) -> str:
        """The expanded formula in plain English."""
        return phrase(self.composition.formula, self.name)

    @property
    def expression(self) -> str:
        """The expanded formula in symbols."""
        return self.symbols(self.composition.formula)

    @property
    def sympy(self) -> str:
        """The expanded formula as SymPy prints it; counts stay `AtLeast`, votes `WeightedVote`."""
        from circuitlogic.logic import sympy_form

        return str(sympy_form.build(self.composition.formula))

    @property
    def best(self) -> ComposedScores | None:
        """The measured score of the formula as deep as asked."""
        return self.measured[-1] if self.measured else None


@dataclass(frozen=True, slots=True)
class BranchLine:
    """One line of the tree."""

    name: str
    """The literal."""
    kind: str
    """Of its gate; empty where it has none."""
    score: str
    """F1 of its gate, held out; empty where it stays."""
    words: str
    """Its formula if it is expanded, else why it stays."""
    is_open: bool


def branch_line(branch: Branch, expansion: Expansion) -> BranchLine:
    """One branch in words."""
    name = literal_name(branch.literal, expansion.name)
    kind = branch.gate.kind if branch.gate is not None else ""
    if branch.stop or branch.gate is None or branch.gate.formula is None:
        return BranchLine(name, kind, "", branch.reason, is_open=False)
    evidence = branch.gate.evidence
    shown = "" if evidence is None else f"F1 {score(evidence.f1)}"
    return BranchLine(name, kind, shown, expansion.symbols(branch.gate.formula), is_open=True)


def telling_parts(branch: Branch) -> tuple[Branch, ...]:
    """Its literals that are expanded, or stay for a reason other than that the sites or the depth end."""
    return tuple(part for part in branch.parts if part.stop not in (FIRST, DEPTH))


def evidence_lines(expansion: Expansion) -> tuple[tuple[str, str, str], ...]:
    """What the gates' own scores say: name, value, meaning."""
    composition = expansion.composition
    evidence, gates = composition.evidence, len(composition.gates)
    bounds = NONE
    if evidence.least_f1 is not None and evidence.most_f1 is not None:
        bounds = f"{score(evidence.least_f1)}–{score(evidence.most_f1)}"
    return (
        (
            "product",
            score(evidence.product),
            f"F1 of {count(gates)} gate{'s' * (gates > 1)} multiplied: every one has to be right",
        ),
        ("weakest path", score(evidence.weakest_path), "the same along one path: only one is ever felt"),
        ("bounds", bounds, "F1 cannot lie outside: all errors add up, or cancel"),
    )


def measured_lines(expansion: Expansion) -> tuple[tuple[str, ...], ...]:
    """The formula measured at 1, 2, ... layers: layers, F1 with interval, precision, recall, said, firings."""
    return tuple(
        (
            str(one.layers),
            scored(one.f1, one.f1_interval),
            score(one.precision),
            score(one.recall),
            count(one.said),
            count(one.support),
        )
        for one in expansion.measured
    )


MEASURED_HEADS = ("layers", "F1 (95 %)", "precision", "recall", "says so", "fires")
"""Heads of `measured_lines`."""


def expansion_to_json(expansion: Expansion) -> dict[str, Any]:
    """All of it as plain values."""
    composition = expansion.composition
    gate = composition.gates[0]
    return {
        "feature": str(gate.feature),
        "label": expansion.labels.get(gate.feature, ""),
        "layers": composition.layers,
        "text": expansion.text,
        "expression": expansion.expression,
        "sympy": expansion.sympy,
        "formula": formula_to_json(composition.formula),
        "evidence": asdict(composition.evidence),
        "measured": [asdict(one) for one in expansion.measured],
        "kept": [
            {
                "feature": str(branch.literal.feature),
                "level": branch.literal.level,
                "stop": branch.stop,
                "reason": branch.reason,
            }
            for branch in composition.kept
        ],
        "tree": _branch_to_json(composition.tree),
    }


def _branch_to_json(branch: Branch) -> dict[str, Any]:
    evidence = None if branch.gate is None else branch.gate.evidence
    return {
        "feature": str(branch.literal.feature),
        "level": branch.literal.level,
        "kind": None if branch.gate is None else branch.gate.kind,
        "f1": None if evidence is None or branch.stop else evidence.f1,
        "product": branch.product,
        "stop": branch.stop or None,
        "parts": [_branch_to_json(part) for part in branch.parts],
    }
