"""Owns what contextual gates stand: better token baselines, and interventions on them and on their vetoes."""

from collections.abc import Sequence
from dataclasses import dataclass

from circuitlogic.report.gallery import Exhibit
from circuitlogic.report.rows import GAIN
from circuitlogic.stages.context_baselines import load_context_baselines
from circuitlogic.study import Study
from circuitlogic.verify.directions import direction
from circuitlogic.verify.intervention import MIN_SAMPLES


@dataclass(frozen=True, slots=True)
class VetoFigures:
    """Vetoing literals of contextual gates, each brought about alone in the original layer."""

    tried: int
    """With samples enough to decide in one direction at least."""
    removal: int
    """Switched off where they alone keep the output silent: it fires."""
    insertion: int
    """Switched on where it fires: it falls silent."""
    both: int


def beyond_context(study: Study, contextual: Sequence[Exhibit]) -> tuple[Exhibit, ...] | None:
    """Those that beat also the token with its place and with the one before; None where it was not measured."""
    baselines = load_context_baselines(study)
    scored = [(one, baselines.get(one.row.gate.feature)) for one in contextual]
    if any(f1 is None for _, f1 in scored):
        return None
    return tuple(one for one, f1 in scored if f1 is not None and one.f1 - f1 >= GAIN)


def passing(contextual: Sequence[Exhibit], least: int) -> int | None:
    """How many pass in `least` directions of intervention; None where interventions were not run on any."""
    if contextual and all(one.causal is None for one in contextual):
        return None
    return sum(one.directions is not None and one.directions.passed >= least for one in contextual)


def veto_figures(contextual: Sequence[Exhibit]) -> VetoFigures | None:
    """Every veto by itself; None where interventions were not run on any."""
    run = [one.causal for one in contextual if one.causal is not None]
    if contextual and not run:
        return None
    pairs = [
        (direction([literal.removal]), direction([literal.insertion]))
        for gate in run
        for literal in gate.literals
        if literal.sign < 0
    ]
    return VetoFigures(
        tried=sum(max(off.samples, on.samples) >= MIN_SAMPLES for off, on in pairs),
        removal=sum(off.passes for off, _ in pairs),
        insertion=sum(on.passes for _, on in pairs),
        both=sum(off.passes and on.passes for off, on in pairs),
    )
