"""Owns what all interventions of a study say together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from circuitlogic.verify.intervention import MIN_SAMPLES, GateIntervention
from circuitlogic.verify.joint_trial import ROLES


@dataclass(frozen=True, slots=True)
class CausalSummary:
    """All gates together."""

    gates: int
    """With a formula."""
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
    graded: int
    """Gates without formula whose helping edges were switched together, on samples enough."""
    graded_adding: int
    """Of these, those whose inputs add up."""
    roles: dict[str, int]
    """Formulas by what their helping inputs do: `and`, `or`, `both` or `neither`; only where it is decided."""


def summarise(gates: Iterable[GateIntervention]) -> CausalSummary:
    """Count what is confirmed."""
    every = tuple(gates)
    gates = tuple(gate for gate in every if gate.literals)
    graded = [gate.joint for gate in every if not gate.literals and gate.joint is not None]
    roles = Counter(gate.joint.role for gate in gates if gate.joint is not None)
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
        graded=sum(joint.decided for joint in graded),
        graded_adding=sum(bool(joint.adds) for joint in graded),
        roles={role: roles[role] for role in ROLES if roles[role]},
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
