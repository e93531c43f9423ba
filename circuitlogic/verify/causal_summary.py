"""Owns what all interventions of a study say together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from circuitlogic.verify.intervention import MIN_SAMPLES, GateIntervention


@dataclass(frozen=True, slots=True)
class CausalSummary:
    """All gates together."""

    gates: int
    literals: int
    literals_decided: int
    literals_confirmed: int
    kinds_confirmed: int
    kinds_refuted: int
    kinds_undecided: int
    confirmed_share: float | None
    """Of the decided literals, those with confirmed sign; None where none is decided."""
    kind_share: float | None
    """Of the decided gates, those with confirmed kind."""
    effect: float | None
    """Mean over decided literals: share of pivotal samples that move as the sign says."""
    control: float | None
    """The same under random directions."""
    on_observed: float | None
    """Mean over states that the formula calls on: share of samples with the true output firing, as observed."""
    on_intervened: float | None
    """The same on samples set to the state: below it, the states do not bring the output about."""
    off_observed: float | None
    """The same over states that the formula calls off."""
    off_intervened: float | None


def summarise(gates: Iterable[GateIntervention]) -> CausalSummary:
    """Count what is confirmed."""
    gates = tuple(gates)
    literals = [literal for gate in gates for literal in gate.literals]
    decided = [literal for literal in literals if not literal.insufficient]
    confirmed = sum(literal.confirmed for literal in decided)
    kinds = [gate.kind_confirmed for gate in gates]
    on, off = (_tables(gates, predicted) for predicted in (True, False))
    yes, no = kinds.count("yes"), kinds.count("no")
    return CausalSummary(
        gates=len(gates),
        literals=len(literals),
        literals_decided=len(decided),
        literals_confirmed=confirmed,
        kinds_confirmed=yes,
        kinds_refuted=no,
        kinds_undecided=kinds.count("undecided"),
        confirmed_share=confirmed / len(decided) if decided else None,
        kind_share=yes / (yes + no) if yes + no else None,
        effect=_mean([literal.effect for literal in decided]),
        control=_mean([literal.control for literal in decided]),
        on_observed=_mean([seen for seen, _ in on]),
        on_intervened=_mean([done for _, done in on]),
        off_observed=_mean([seen for seen, _ in off]),
        off_intervened=_mean([done for _, done in off]),
    )


def _tables(gates: Sequence[GateIntervention], predicted: bool) -> list[tuple[float, float]]:
    """Observed and intervened share of every state with samples enough."""
    return [
        (state.observed, state.intervened)
        for gate in gates
        for state in gate.states
        if state.predicted == predicted
        and state.intervened is not None
        and min(state.observed_samples, state.intervened_samples) >= MIN_SAMPLES
    ]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
