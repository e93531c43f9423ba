"""Owns reading with real ablations: literals that change nothing in the planted network are dropped, and the row
is read again."""

from dataclasses import dataclass

import numpy as np

from circuitlogic.benchmarks.logicbench.cases import Case
from circuitlogic.benchmarks.logicbench.planting import FIRING
from circuitlogic.features import FeatureId
from circuitlogic.logic.causal_filter import read_by_causes
from circuitlogic.logic.formula import Formula, Literal, evaluate, literals_of, masks
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.reading import read_gate
from circuitlogic.logic.training import measure

PIVOTAL = 64
"""Most samples that one literal is tested on."""
CAUSAL = 0.5
"""Share of them on which the output has to follow."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What switching one literal does in the planted network."""

    samples: int
    """Pivotal ones: the formula's answer changes with the literal, and was right before."""
    flips: float
    """Share of them on which the output changes as the formula says; 0 for none."""


def effect_of(case: Case, literal: Literal, formula: Formula, firing: float) -> Effect:
    """Switch `literal` on pivotal training samples of `case` and look at the output.

    Args:
        case: With a planted network to run again.
        literal: One of the formula's.
        formula: What is tested.
        firing: Share of the 95 % quantile above which features fire.
    """
    if case.rerun is None:
        raise ValueError(f"{case.kind} in {case.condition}: there is no network to run again")
    training = measure(case.train, case.row, firing, 1)
    samples = training.fired.size
    on = masks(training.literal_rows(literals_of(formula)), samples)
    said = evaluate(formula, on, samples)
    moved = evaluate(formula, {**on, literal: ~on[literal]}, samples)
    pivotal = np.flatnonzero((said != moved) & (said == training.fired))
    rows = pivotal[np.linspace(0, pivotal.size - 1, min(PIVOTAL, pivotal.size)).astype(np.int64)]
    if not rows.size:
        return Effect(0, 0.0)
    after = np.zeros(rows.size, dtype=np.bool_)
    for switched in (False, True):
        where = on[literal][rows] != switched
        if where.any():
            after[where] = case.rerun(literal.feature, rows[where], switched)
    return Effect(rows.size, float((after == moved[rows]).mean()))


def read_with_ablations(case: Case) -> tuple[Gate, int]:
    """Read as the product does by causes, with switches in the planted network as the test.

    Returns the last gate, and how many literals were switched.
    """
    switched = 0

    def without_effect(gate: Gate) -> frozenset[FeatureId]:
        nonlocal switched
        formula = gate.formula
        if formula is None:
            return frozenset()
        literals = literals_of(formula)
        switched += len(literals)
        effects = [effect_of(case, literal, formula, FIRING) for literal in literals]
        together = zip(literals, effects, strict=True)
        return frozenset(lit.feature for lit, effect in together if effect.samples and effect.flips < CAUSAL)

    def reread(excluded: frozenset[FeatureId]) -> Gate:
        return read_gate(case.row, case.train, case.heldout, excluded=excluded)

    reading = read_by_causes(reread(frozenset()), reread, without_effect)
    return reading.gate, switched
