"""What a gallery says of interventions: each literal alone, in both directions, numbered as in the states."""

from dataclasses import replace

from circuitlogic.features import FeatureId
from circuitlogic.report.gallery_causal import intervention_lines
from circuitlogic.verify.intervention import (
    NO_TRIAL,
    GateIntervention,
    IdleTrial,
    LiteralIntervention,
    StateIntervention,
    Trial,
)

IDLE = IdleTrial(0, 0.0)


def _trial(samples: int, flips: float, control: float) -> Trial:
    return replace(NO_TRIAL, pivotal=samples, samples=samples, flips=flips, control_flips=control)


def _literal(index: int, sign: int, removal: Trial, insertion: Trial) -> LiteralIntervention:
    return LiteralIntervention(FeatureId("in", index), 0, sign, removal, insertion, IDLE, IDLE, None)


def test_a_veto_is_shown_in_both_directions_with_samples_and_control() -> None:
    states = (
        StateIntervention((True, False), True, 1200, 0.95, 40, 0.9),
        StateIntervention((True, True), False, 30, 0.1, 0, None),
    )
    said = _literal(3, 1, _trial(50, 0.9, 0.1), NO_TRIAL)
    quoted = _literal(8, -1, _trial(40, 0.75, 0.05), _trial(60, 0.2, 0.0))
    lines = list(
        intervention_lines(
            GateIntervention(FeatureId("out", 5), "inhibited", "heldout", (said, quoted), states),
            ("said", "a|b"),
        )
    )
    assert lines[0] == "- removal: 83.3 % of 90 outputs follow (random direction 7.8 %): passes"
    assert lines[1] == "- insertion: 20.0 % of 60 outputs follow (random direction 0.0 %): does not pass"
    assert "| 1 `said` | helps | **90.0 % of 50**; random 10.0 % | – |" in lines
    assert "| 2 `a\\|b` | vetoes | **75.0 % of 40**; random 5.0 % | 20.0 % of 60; random 0.0 % |" in lines
    assert any(line.startswith("| literals 1 2 |") for line in lines)
    assert "| ● · | fires | 1,200 | 0.95 | 0.90 |" in lines
    assert "| ● ● | silent | 30 | 0.10 | – |" in lines
