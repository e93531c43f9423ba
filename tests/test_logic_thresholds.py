"""Readings at other firing thresholds, and what all gates of a study reach together."""

from dataclasses import replace

import numpy as np
import pytest
from logic_rows import Planted, feature, literal, row_of
from report_gates import evidence, of30, of505

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import ReadingOptions
from circuitlogic.logic.formula import And, Literal, Or
from circuitlogic.logic.gate import Gate, RunnerUp, ThresholdReading
from circuitlogic.logic.gate_summary import fidelity_of, stability_by_kind, stability_of
from circuitlogic.logic.reading import read_gate

CHECKED = ReadingOptions(bootstrap=40, check_thresholds=True)


def two_causes(weak: float) -> Planted:
    """An output that A drives strongly and B at `weak` times as much, B alone in a quarter of its firings."""
    rng = np.random.default_rng(3)
    on = rng.random((4000, 2)) < 0.12
    values = on * np.exp(0.05 * rng.standard_normal(on.shape))
    return row_of(values, np.where(on[:, 0], 1.0, weak * on[:, 1]), np.array([1.0, weak]), 0.0)


@pytest.mark.parametrize(
    ("weak", "kinds"),
    [(1.0, ("or", "or", "or")), (0.15, ("or", "or", "copy")), (0.07, ("or", "copy", "copy"))],
)
def test_a_weak_cause_counts_up_to_its_own_height(weak: float, kinds: tuple[str, ...]):
    made = two_causes(weak)
    gate = read_gate(made.row, made.train, made.heldout, CHECKED)
    assert tuple(reading.kind for reading in gate.at_thresholds) == kinds
    assert [reading.firing for reading in gate.at_thresholds] == pytest.approx([0.05, 0.1, 0.2])
    own = gate.at_thresholds[1]
    assert (own.kind, own.formula, own.same_function) == (gate.kind, gate.formula, True)
    assert gate.evidence is not None
    assert own.f1 == gate.evidence.f1
    assert ("unstable-threshold" in gate.flags) == (len(set(kinds)) > 1)
    assert [reading.same_function for reading in gate.at_thresholds] == [k == gate.kind for k in kinds]


def test_a_reading_at_another_threshold_is_the_reading_with_that_option():
    made = two_causes(0.15)
    gate = read_gate(made.row, made.train, made.heldout, CHECKED)
    for reading in gate.at_thresholds:
        other = replace(CHECKED, check_thresholds=False, firing_quantile_fraction=reading.firing)
        alone = read_gate(made.row, made.train, made.heldout, other)
        assert alone.evidence is not None
        assert (reading.kind, reading.formula, reading.f1) == (alone.kind, alone.formula, alone.evidence.f1)


def test_an_output_without_logic_is_unexplained_at_every_threshold():
    made = two_causes(1.0)
    rng = np.random.default_rng(5)
    shuffled = [replace(part, target=rng.permutation(part.target)) for part in (made.train, made.heldout)]
    gate = read_gate(made.row, *shuffled, CHECKED)
    assert [(r.kind, r.formula, r.same_function) for r in gate.at_thresholds] == [
        ("unexplained", None, True)
    ] * 3
    assert all(r.f1 is not None and r.f1 < 0.8 for r in gate.at_thresholds)


def test_other_thresholds_are_read_on_request_alone():
    made = two_causes(0.15)
    gate = read_gate(made.row, made.train, made.heldout, replace(CHECKED, check_thresholds=False))
    assert gate.at_thresholds == ()
    assert "unstable-threshold" not in gate.flags
    assert stability_of(gate) is None


def at(*readings: tuple[float, str, bool]) -> tuple[ThresholdReading, ...]:
    """Readings without formulas."""
    return tuple(ThresholdReading(firing, kind, None, 0.9, same) for firing, kind, same in readings)


def test_the_cross_table_counts_every_reading_once():
    steady = replace(of30(), at_thresholds=at((0.05, "or", True), (0.1, "or", True), (0.2, "or", False)))
    moved = replace(of30(), at_thresholds=at((0.05, "or", True), (0.1, "or", True), (0.2, "copy", False)))
    other = replace(
        of505(), at_thresholds=at((0.05, "and-not", True), (0.1, "and-not", True), (0.2, "and-not", True))
    )
    rows = stability_by_kind([moved, other, steady, of30()])
    assert [(r.kind, r.gates, r.same_kind, r.same_function) for r in rows] == [
        ("or", 2, 1, 0),
        ("and-not", 1, 1, 1),
    ]
    assert rows[0].becomes == ((0.05, "or", 2), (0.1, "or", 2), (0.2, "copy", 1), (0.2, "or", 1))


def copy_of(site: str, index: int, f1: float) -> Gate:
    """A copy, claimed or (below .8) rejected."""
    source = Literal(FeatureId("in", 0))
    made = replace(of30(), feature=FeatureId(site, index), evidence=evidence(f1))
    if f1 >= 0.8:
        return replace(made, kind="copy", formula=source)
    return replace(made, kind="unexplained", formula=None, runner_up=RunnerUp(source, "copy", f1))


def test_fidelity_is_counted_over_live_features():
    dead = replace(of30(), feature=FeatureId("a", 9), kind="dead", evidence=None, formula=None)
    seldom = replace(dead, feature=FeatureId("a", 8), kind="insufficient")
    pair = And((literal(1), Or((literal(2), literal(3)))))
    large = replace(copy_of("a", 3, 0.85), kind="or-and", formula=pair)
    (row,) = fidelity_of([copy_of("a", 0, 0.95), copy_of("a", 1, 0.5), large, dead, seldom])
    assert (row.site, row.live, row.read) == ("a", 4, 3)
    assert row.f1 == pytest.approx((0.95 + 0.5 + 0.85) / 3)
    assert row.of_connector == pytest.approx((0.95 + 0.5 + 0.85) / 3 / 0.9)
    assert row.literals == pytest.approx((1 + 1 + 3) / 3)
    assert (row.good, row.best, row.copies, row.best_copies) == (0.5, 0.25, 0.25, 0.5)


def test_several_sites_are_also_summed_up():
    rows = fidelity_of([copy_of("a", 0, 0.95), copy_of("b", 0, 0.9)])
    assert [(r.site, r.live) for r in rows] == [("a", 1), ("b", 1), ("", 2)]
    assert fidelity_of([]) == ()
    assert feature(0).site == "in"
