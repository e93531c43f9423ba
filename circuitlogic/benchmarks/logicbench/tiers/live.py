"""Owns the reading of every live learned output feature, planted or not: what the product claims of a network."""

from circuitlogic.benchmarks.logicbench.ablation import PIVOTAL, effect_of
from circuitlogic.benchmarks.logicbench.cases import Case
from circuitlogic.benchmarks.logicbench.outcome import Live
from circuitlogic.benchmarks.logicbench.planting import FIRING
from circuitlogic.benchmarks.logicbench.tiers.registry import Unit
from circuitlogic.logic.formula import Formula, literals_of
from circuitlogic.logic.reading import read_gate

_ENOUGH = 10
_FOLLOWS = 0.5


def live_of(cases: list[Case], unit: Unit) -> tuple[Live, ...]:
    """One reading per case with firings enough to be scored."""
    found = (_live(case, unit) for case in cases)
    return tuple(live for live in found if live is not None)


def _live(case: Case, unit: Unit) -> Live | None:
    gate = read_gate(case.row, case.train, case.heldout)
    evidence = gate.evidence
    if evidence is None:
        return None
    literals = () if gate.formula is None else literals_of(gate.formula)
    return Live(
        tier=unit.tier,
        leak=unit.leak,
        seed=unit.seed,
        feature=gate.feature.index,
        match=case.match,
        kind=gate.kind,
        claimed=bool(literals),
        f1=evidence.f1,
        baseline=evidence.baseline_f1,
        ceiling=evidence.ceiling_f1,
        r2=evidence.r2,
        edges=len(gate.inputs),
        literals=len(literals),
        causal=_causal(case, gate.formula) if case.rerun is not None and gate.formula is not None else None,
    )


def _causal(case: Case, formula: Formula) -> float | None:
    """Share of the literals with at least 10 pivotal samples (of 64) that switch the feature on most of them."""
    effects = [effect_of(case, literal, formula, FIRING) for literal in literals_of(formula)]
    tested = [effect.flips >= _FOLLOWS for effect in effects if effect.samples >= min(_ENOUGH, PIVOTAL)]
    return sum(tested) / len(tested) if tested else None
