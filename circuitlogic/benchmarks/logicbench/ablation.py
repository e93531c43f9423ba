"""Owns reading with real ablations: literals that change nothing in the planted network are dropped, and the row
is read again."""

from dataclasses import dataclass, replace

import numpy as np

from circuitlogic.benchmarks.logicbench.cases import Case
from circuitlogic.benchmarks.logicbench.planting import FIRING
from circuitlogic.logic.activity import Activity, Row
from circuitlogic.logic.evidence import literal_rows, masks
from circuitlogic.logic.formula import Formula, Literal, evaluate, literals_of
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
    on = masks(literal_rows(literals_of(formula), case.row, case.train, training), samples)
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


def read_with_ablations(case: Case, rounds: int = 4) -> tuple[Gate, int]:
    """Read, drop the literals whose ablation does not matter in the planted network, and read again.

    Returns the last gate, and how many ablations of a literal were made. A rejected formula is tested too.
    """
    sources = case.row.sources
    kept = list(range(len(sources)))
    ablations = 0
    while True:
        row, train, heldout = _only(kept, case)
        gate = read_gate(row, train, heldout)
        formula = gate.formula or (gate.runner_up.formula if gate.runner_up else None)
        if formula is None or rounds == 0:
            return gate, ablations
        literals = literals_of(formula)
        effects = [effect_of(case, literal, formula, FIRING) for literal in literals]
        ablations += len(effects)
        idle = {
            literal.feature
            for literal, effect in zip(literals, effects, strict=True)
            if effect.samples and effect.flips < CAUSAL
        }
        if not idle:
            return gate, ablations
        kept = [i for i in kept if sources[i] not in idle]
        rounds -= 1


def _only(kept: list[int], case: Case) -> tuple[Row, Activity, Activity]:
    """The case's row and activities without all other inputs."""
    row = case.row
    reduced = replace(
        row,
        sources=tuple(row.sources[i] for i in kept),
        weights=row.weights[kept],
        raw_weights=row.raw_weights[kept],
        source_scales=row.source_scales[kept],
    )
    train, heldout = (replace(part, inputs=part.inputs[:, kept]) for part in (case.train, case.heldout))
    return reduced, train, heldout
