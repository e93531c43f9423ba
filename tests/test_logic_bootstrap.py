"""The interval of F1: how it is drawn does not matter, its width does; it holds the truth as often as it says."""

import numpy as np
import pytest

from circuitlogic.logic.bootstrap import RING, Resampling, f1_interval, interval_of_counts
from circuitlogic.logic.gate import Interval
from circuitlogic.logic.scores import Counts


def test_nothing_said_and_nothing_true_has_no_width() -> None:
    assert interval_of_counts(Counts(0, 0, 0, 100), Resampling(50, 0, 3)) == Interval(0.0, 0.0)
    nothing = np.zeros(9, dtype=np.bool_)
    assert f1_interval(nothing, nothing, np.arange(9), Resampling(50, 0, 3)) == Interval(0.0, 0.0)


def test_no_errors_leave_no_doubt_and_no_hits_no_hope() -> None:
    assert interval_of_counts(Counts(80, 0, 0, 100), Resampling(50, 0, 1)) == Interval(1.0, 1.0)
    assert interval_of_counts(Counts(0, 9, 5, 100), Resampling(50, 0, 1)) == Interval(0.0, 0.0)


def test_false_and_missed_samples_are_errors_alike() -> None:
    how = Resampling(100, 1, 7)
    assert interval_of_counts(Counts(80, 5, 10, 0), how) == interval_of_counts(Counts(80, 15, 0, 9), how)


@pytest.mark.parametrize("hits", [400, 4000, RING])
def test_weights_that_are_shared_spread_as_weights_drawn_anew(hits: int) -> None:
    """The last number is beyond the ring; delta method: the half-width of 95 %."""
    counts = Counts(hits, hits // 10, hits // 10, 0)
    found = [interval_of_counts(counts, Resampling(200, 0, number)) for number in range(40)]
    p = counts.hits / (counts.hits + counts.false + counts.missed)
    slope = 2 / (1 + p) ** 2  # of F1 = 2 p / (1 + p)
    half = 1.96 * slope * np.sqrt(p * (1 - p) / (counts.hits + counts.false + counts.missed))
    assert np.mean([one.high - one.low for one in found]) / 2 == pytest.approx(half, rel=0.1)
    assert np.mean([one.high + one.low for one in found]) / 2 == pytest.approx(counts.f1, abs=0.1 * half)


def test_it_holds_the_truth_nineteen_times_in_twenty() -> None:
    rng, held = np.random.default_rng(5), 0
    true_f1 = 2 * 0.8 / (2 * 0.8 + 0.1 + 0.2)
    for number in range(800):
        hits, false, missed = (int(n) for n in rng.poisson([400, 50, 100]))
        found = interval_of_counts(Counts(hits, false, missed, 0), Resampling(500, 2, number))
        held += found.low <= true_f1 <= found.high
    assert 0.92 <= held / 800 <= 0.97
