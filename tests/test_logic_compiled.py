"""The reader's loops: compiled ones answer as the plain ones do, and samples that are not listed still count."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from circuitlogic.benchmarks.readspeed import measure_reading, planted_rows
from circuitlogic.errors import ConfigError
from circuitlogic.extract.listing import list_samples
from circuitlogic.extract.row_activity import SplitReader
from circuitlogic.extract.row_reading import RowReader, Rows, read_rows
from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.columns import column_of
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kernels import PLAIN
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.proposals import templates
from circuitlogic.logic.reading import read_gate
from circuitlogic.logic.states import Silent, States, count_states, count_states_twice
from circuitlogic.progress import SILENT

LITERALS = 6


@pytest.fixture(scope="module")
def rows() -> Rows:
    return planted_rows(40, 3000, 40, seed=3)


@pytest.fixture(scope="module")
def gates(rows: Rows) -> tuple[Gate, ...]:
    return read_rows(rows, np.arange(40), "", SILENT, jobs=1)


def drawn(seed: int) -> States:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 1 << LITERALS, 300) & rng.integers(0, 1 << LITERALS, 300)
    return count_states(codes, rng.random(300) < 0.2 + 0.6 * (codes % 3 == 1), LITERALS)


def compiled():
    pytest.importorskip("numba")
    return kernels(compiled=True)


def test_numba_is_asked_for_and_not_needed() -> None:
    assert kernels(compiled=False) is PLAIN


@settings(deadline=None)  # the first call compiles
@given(seed=st.integers(0, 500), count=st.integers(1, LITERALS), negative=st.integers(0, 3))
def test_compiled_loops_answer_as_the_plain_ones(seed: int, count: int, negative: int) -> None:
    fast, states, rng = compiled(), drawn(seed), np.random.default_rng(seed)
    chosen = tuple(rng.permutation(LITERALS)[:count].tolist())
    on = max(0, count - negative)
    effects = np.concatenate((rng.integers(1, 4, on), -rng.integers(1, 4, count - on))).astype(np.float64)
    ready = templates(on, count - on)
    one, other = (k.propose(states, chosen, effects, ready, states.total, 0.01) for k in (PLAIN, fast))
    assert (one.template, one.f1, one.objective, one.swept_f1) == (
        other.template,
        other.f1,
        other.objective,
        other.swept_f1,
    )
    assert np.array_equal(one.swept, other.swept)
    for first, second in zip(PLAIN.marginal(states, chosen), fast.marginal(states, chosen), strict=True):
        assert np.array_equal(first, second)
    said = PLAIN.says(states, chosen, one.swept)
    assert np.array_equal(said, fast.says(states, chosen, one.swept))
    weights = np.stack((states.samples, states.firing))
    assert np.array_equal(PLAIN.together(states, weights), fast.together(states, weights))
    single, pairs = PLAIN.repairs(states, said, 0.3)
    fast_single, fast_pairs = fast.repairs(states, said, 0.3)
    assert np.array_equal(single, fast_single)
    assert pairs == fast_pairs


def test_compiled_listing_and_splitting_equal_the_plain_ones(rows: Rows) -> None:
    fast = compiled()
    from circuitlogic.extract.compiled_listing import list_samples as fast_list

    matrix, row = rows.train.source.matrix, rows.edges.row(7)
    sources = np.array([source.index for source in row.sources])
    fired = column_of(rows.train.target.matrix, 7)[1]
    found = []
    for lister in (list_samples, fast_list):
        active, place = np.zeros(3000, dtype=np.bool_), np.zeros(3000, dtype=np.int64)
        found.append(lister(matrix, sources, row.raw_weights, fired, active, place))
        assert not active.any()
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)
    cuts = np.tile([0.5, 1.0, 1.5], (40, 1))
    (above, weak), (fast_above, fast_weak) = (k.split_columns(matrix, cuts) for k in (PLAIN, fast))
    for column, fast_column in zip((*above, weak), (*fast_above, fast_weak), strict=True):
        for one, other in zip(column, fast_column, strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("levels", [1, 3])
def test_compiled_reading_gives_the_same_gates(rows: Rows, levels: int) -> None:
    compiled()
    readers = [
        RowReader(replace(rows, options=ReadingOptions(levels=levels, compiled=fast)))
        for fast in (False, True)
    ]
    for index in range(12):
        assert readers[0].read(index) == readers[1].read(index)


def spread(part: Activity) -> Activity:
    """`part` with every sample listed."""
    assert part.listed is not None
    listed = part.inputs.toarray()
    dense = np.zeros((part.samples, listed.shape[1]))
    dense[part.listed] = listed
    target, predicted = np.zeros(part.samples), np.full(part.samples, part.resting)
    target[part.listed], predicted[part.listed] = part.target, part.predicted
    import scipy.sparse as sp

    return Activity(sp.csc_array(dense), target, predicted, part.groups)


def same_but_rounding(one: Gate, other: Gate) -> bool:
    assert (one.evidence is None) == (other.evidence is None)
    if one.evidence is None or other.evidence is None:
        return one == other
    assert one.evidence.r2 == pytest.approx(other.evidence.r2, abs=1e-12)
    return one == replace(other, evidence=replace(other.evidence, r2=one.evidence.r2))


@pytest.mark.parametrize("grouped", [False, True])
def test_samples_that_are_not_listed_count_all_the_same(rows: Rows, grouped: bool) -> None:
    readers = [SplitReader(split) for split in (rows.train, rows.heldout)]
    groups: NDArray[np.int64] | None = np.arange(3000) // 7 if grouped else None
    for index in range(40):
        row = rows.edges.row(index)
        train, heldout = (replace(reader.activity(row), groups=groups) for reader in readers)
        assert min(train.silent, heldout.silent) > 0
        gate = read_gate(row, train, heldout)
        assert same_but_rounding(gate, read_gate(row, spread(train), spread(heldout)))


def off_when_on(row: Row, part: Activity) -> Activity:
    """The same samples with a target that is mostly on, and off where the first input fires."""
    whole = spread(part)
    first = whole.inputs.toarray()[:, 0] > 0
    return replace(whole, target=np.where(first, 0.0, 1.0))


def test_a_gate_that_holds_on_samples_that_are_not_listed_counts_them(rows: Rows) -> None:
    """NOT A over a target of its own, off where nothing fires: the formula is wrong on all of these."""
    row = rows.edges.row(0)
    reader = SplitReader(rows.train)
    part = reader.activity(row)
    target = np.where(part.inputs.toarray()[:, 0] > 0, 0.0, 1.0)
    listed = replace(part, target=target)
    gate = read_gate(row, listed, listed, ReadingOptions(min_f1=0.01))
    assert same_but_rounding(
        gate, read_gate(row, spread(listed), spread(listed), ReadingOptions(min_f1=0.01))
    )
    full = off_when_on(row, part)
    assert read_gate(row, full, full).kind == "not"


def test_states_of_clear_samples_and_silent_ones_add_up() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 8, 200)
    fired, clear = rng.random(200) < 0.4, rng.random(200) < 0.7
    silent = Silent(50, 50)
    every, kept = count_states_twice(codes, fired, clear, 3, silent)
    alone = count_states(codes[clear], fired[clear], 3, silent)
    whole = count_states(np.append(codes, np.zeros(50, int)), np.append(fired, np.ones(50, bool)), 3)
    for one, other in ((every, whole), (kept, alone)):
        for part in ("bits", "samples", "firing", "codes"):
            assert np.array_equal(getattr(one, part), getattr(other, part))


@pytest.mark.slow
def test_processes_share_rows_without_changing_a_gate() -> None:
    many = planted_rows(600, 2000, 40, seed=4)
    documents = np.arange(2000) // 7
    many = replace(many, heldout=replace(many.heldout, documents=documents))
    wanted = np.arange(0, 600)[::-1].copy()
    assert read_rows(many, wanted, "", SILENT, jobs=2) == read_rows(many, wanted, "", SILENT, jobs=1)


def test_planted_rows_are_read_mostly_as_planted(gates: tuple[Gate, ...]) -> None:
    assert [gate.feature.index for gate in gates] == list(range(40))
    assert sum(gate.formula is not None for gate in gates) > 30


def test_the_speed_bench_compares_equal_gates() -> None:
    speed = measure_reading(100, 1000, 40, seed=1)
    assert speed.equal
    assert min(speed.plain_ms, speed.compiled_ms, speed.ratio) > 0
    with pytest.raises(ConfigError, match="give at least 100 rows"):
        measure_reading(10, 1000, 40)
