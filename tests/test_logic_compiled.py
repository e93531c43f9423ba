"""The reader's loops: compiled ones answer as the plain ones do, and samples that are not listed still count."""

from dataclasses import astuple, fields, is_dataclass, replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from circuitlogic.benchmarks.readspeed import measure_reading, planted_rows
from circuitlogic.errors import ConfigError, DataError
from circuitlogic.extract.row_activity import SiteFeatures, SplitReader, listing
from circuitlogic.extract.row_reading import RowReader, Rows, read_rows
from circuitlogic.features import FeatureId
from circuitlogic.logic import truth
from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.braking import Braking, Suspects
from circuitlogic.logic.canonical import cost_of
from circuitlogic.logic.columns import Columns, column_of
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.kernels import PLAIN, Kernels
from circuitlogic.logic.levels import Levels
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.proposals import Finding
from circuitlogic.logic.reading import read_gate
from circuitlogic.logic.search import Question
from circuitlogic.logic.states import Silent, States, count_states, picked
from circuitlogic.logic.surveys import Ground
from circuitlogic.logic.verdicts import Own, Trial
from circuitlogic.progress import SILENT


@pytest.fixture(scope="module")
def rows() -> Rows:
    return planted_rows(40, 3000, 40, seed=3)


@pytest.fixture(scope="module")
def gates(rows: Rows) -> tuple[Gate, ...]:
    return read_rows(rows, np.arange(40), "", SILENT, jobs=1)


NESTED = ((1, 3), (0, 1), (0, 3), (2, 4))
"""Literals 0, 1 and 3 are levels of one input, 2 and 4 of another."""


def compiled() -> Kernels:
    pytest.importorskip("numba")
    return kernels(compiled=True)


def drawn(seed: int, literals: int, nested: bool = False) -> Question:
    """States of random literals under a random function with noise, and effects of both signs."""
    rng = np.random.default_rng(seed)
    size = 1 << literals
    codes = rng.integers(0, size, 400) & rng.integers(0, size, 400)
    table = rng.random(1 << min(literals, 4)) < rng.choice([0.2, 0.5])
    fired = table[codes & (table.size - 1)] ^ (rng.random(400) < rng.choice([0.0, 0.1]))
    states = count_states(codes, fired | (codes == size - 1), literals)
    effects = rng.choice([-2.0, -1.0, 0.5, 1.0, 1.5], literals) * rng.choice([1.0, 1.01], literals)
    pairs = (NESTED, NESTED[3:], ((0, 1),))[int(rng.integers(3))] if nested else ()
    for low, high in pairs:
        codes |= (codes >> high & 1) << low
    price = float(rng.choice([0.002, 0.02]))
    return Question(states, effects, rng.normal(size=literals), pairs, price, int(rng.integers(2, 10)))


def plainly(finding: Finding) -> tuple[object, ...]:
    return tuple(getattr(finding, name) for name in ("chosen", "f1", "cost", "objective")), *finding.table


def test_numba_is_asked_for_and_not_needed() -> None:
    assert kernels(compiled=False) is PLAIN


@settings(deadline=None)  # the first call compiles
@given(seed=st.integers(0, 10_000), literals=st.integers(0, 9), nested=st.booleans())
def test_a_compiled_search_finds_what_the_plain_one_does(seed: int, literals: int, nested: bool) -> None:
    question = drawn(seed, literals, nested and literals > 4)
    best, others = PLAIN.search(question)
    fast_best, fast_others = compiled().search(question)
    assert plainly(best) == plainly(fast_best)
    assert [plainly(f) for f in others] == [plainly(f) for f in fast_others]


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), inputs=st.integers(0, 9))
def test_compiled_prices_are_the_plain_ones(seed: int, inputs: int) -> None:
    compiled()
    from circuitlogic.logic.compiled.prices import price_of

    rng = np.random.default_rng(seed)
    table = rng.random(1 << inputs) < rng.choice([0.1, 0.5, 0.9])
    sums = truth.cells(inputs) @ rng.choice([-2, -1, 0, 1, 1, 2], inputs)
    for one in (table if inputs <= 4 else sums > 2, sums > 0, sums >= 1, (sums > 0) & (sums < 3)):
        if inputs <= 4 or None not in truth.signs(one):
            assert price_of(one, inputs, True) == cost_of(one)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), inputs=st.integers(5, 8))
def test_compiled_prices_of_nested_levels_are_the_plain_ones(seed: int, inputs: int) -> None:
    compiled()
    from circuitlogic.logic.compiled.nesting import cost_of as fast
    from circuitlogic.logic.compiled.prices import TOO_MIXED

    rng = np.random.default_rng(seed)
    order = rng.permutation(inputs)
    at = {int(literal): i for i, literal in enumerate(order)}
    pairs = tuple((at[low], at[high]) for low, high in NESTED)
    sums = truth.cells(inputs) @ rng.choice([-2, -1, 0, 1, 1, 2], inputs)
    few = np.flatnonzero(rng.random(inputs) < 0.5)[:4]
    loose = (rng.random(1 << few.size) < 0.5)[picked(np.arange(1 << inputs), few.tolist())]
    for table in (sums > 0, sums >= 1, sums > 2, loose):
        found = fast(table, order, np.array(NESTED))
        assert found in (TOO_MIXED, cost_of(table, pairs))
        assert found != TOO_MIXED or table is not loose


def grounds(seed: int, levels: int, columns: int) -> Ground:
    rng = np.random.default_rng(seed)
    samples = int(rng.integers(1, 400))
    dense = rng.exponential(size=(samples, columns)) * (rng.random((samples, columns)) < 0.2)
    inputs = Columns.of(sp.csc_array(dense))
    known = Levels.none(columns, levels)
    for at in range(columns):
        known.measure(at, column_of(inputs, at)[0], float(rng.choice([0.01, 0.3])))
    sought, allowed = rng.random(samples) < 0.3, rng.random(columns) < 0.9
    silent = Silent(int(rng.integers(0, 50)), int(rng.integers(0, 2)))
    most = int(rng.integers(1, 41)), int(rng.integers(0, 11))
    doubted, weights = rng.random(columns) < 0.3, rng.normal(size=columns)
    return Ground(inputs, known, weights, sought, allowed, doubted, silent, *most)


def assert_equal(one: object, other: object) -> None:
    if not is_dataclass(one) or isinstance(one, States):
        parts = ("samples", "firing", "codes") if isinstance(one, States) else ("real",)
        for part in parts:
            assert np.array_equal(getattr(one, part), getattr(other, part))
        return
    for part in fields(one):
        assert_equal(getattr(one, part.name), getattr(other, part.name))


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), levels=st.integers(1, 3), columns=st.integers(0, 20))
def test_compiled_stages_say_what_the_plain_ones_do(seed: int, levels: int, columns: int) -> None:
    fast, rng, ground = compiled(), np.random.default_rng(seed), grounds(seed, levels, columns)
    found = PLAIN.survey(ground)
    assert_equal(found, fast.survey(ground))
    literals, cuts = found.candidates.effects.size, ground.levels.cuts
    places = found.candidates.places(cuts.shape)
    flags = rng.integers(0, 8, ground.sought.size).astype(np.uint8)
    tallies = [k.tally(ground.inputs, cuts, places, ground.doubted, flags) for k in (PLAIN, fast)]
    assert_equal(*tallies)
    few = rng.permutation(literals)[: int(rng.integers(0, 6))].tolist()
    values = rng.exponential(size=flags.size) * (rng.random(flags.size) < 0.5)
    assert_equal(*(k.totals(found.keys, few, values) for k in (PLAIN, fast)))
    own = Own(few, rng.random(1 << len(few)) < 0.5, rng.random(1 << len(few)) < 0.8)
    for known in (own, None):
        rest, inverted = int(rng.integers(0, 8)), bool(rng.integers(0, 2))
        trial = Trial(tallies[0], int(rng.integers(0, 50)), rest, found.every, inverted, known)
        assert PLAIN.judge(trial) == fast.judge(trial)


def test_compiled_listing_equals_the_plain_one(rows: Rows) -> None:
    compiled()
    matrix, row = rows.train.source.matrix, rows.edges.row(7)
    sources = np.array([source.index for source in row.sources])
    output = column_of(rows.train.target.matrix, 7)
    found = [
        listing(fast, 3000)(matrix, sources, row.raw_weights, row.bias, output)
        for fast in (False, False, True, True)
    ]
    for other in found[1:]:
        for part in ("samples", "predicted", "target"):
            assert np.array_equal(getattr(found[0], part), getattr(other, part))
        for part in ("data", "indices", "indptr"):
            assert np.array_equal(getattr(found[0].inputs, part), getattr(other.inputs, part))
    dense = found[0].inputs.toarray()
    assert np.array_equal(dense, matrix[:, sources].toarray()[found[0].samples])
    assert np.allclose(found[0].predicted, np.maximum(dense @ row.raw_weights + row.bias, 0))


@pytest.mark.parametrize("levels", [1, 3])
def test_compiled_reading_gives_the_same_gates(rows: Rows, levels: int) -> None:
    compiled()
    readers = [
        RowReader(replace(rows, options=ReadingOptions(levels=levels, compiled=fast)))
        for fast in (False, True)
    ]
    for index in range(12):
        assert readers[0].read(index) == readers[1].read(index)


def any_part(row: Row, rng: np.random.Generator, rate: float, grouped: bool, listed: bool) -> Activity:
    """Samples of a row; `listed`: without those on which nothing is active."""
    size, inputs = 400, len(row.sources)
    dense = rng.exponential(size=(size, inputs)) * (rng.random((size, inputs)) < rate)
    predicted = np.maximum(dense @ row.raw_weights + row.bias, 0.0)
    target = np.where(rng.random(size) < 0.03, 1.0 - np.minimum(predicted, 1.0), predicted)
    groups = rng.integers(0, 60, size) if grouped else None
    if not listed:
        return Activity(sp.csc_array(dense), target, predicted, groups)
    shown = np.flatnonzero((dense > 0).any(axis=1) | (target > 0))
    silent = size - shown.size
    parts = sp.csc_array(dense[shown]), target[shown], predicted[shown], groups
    return Activity(*parts, shown, silent, max(row.bias, 0.0))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    inputs=st.sampled_from([0, 1, 4, 9, 14, 40]),
    levels=st.integers(1, 3),
    grouped=st.booleans(),
    listed=st.booleans(),
)
def test_any_row_is_read_alike(seed: int, inputs: int, levels: int, grouped: bool, listed: bool) -> None:
    """Rare and usual targets, also mostly on; few and many inputs, some of them excluded."""
    compiled()
    rng = np.random.default_rng(seed)
    sources = tuple(FeatureId("a", int(i)) for i in rng.permutation(100)[:inputs])
    weights = rng.choice([1.0, 1.0, 0.5, 0.05, -0.5, -2.0], inputs)
    bias, rate = float(rng.choice([-1.0, -0.2, 0.3])), float(rng.choice([0.05, 0.3, 0.7]))
    row = Row(FeatureId("b", 3), sources, weights, weights, bias, 1.0, np.ones(inputs))
    train, heldout = (any_part(row, rng, rate, grouped, listed) for _ in range(2))
    excluded = frozenset(sources[: int(rng.integers(0, 3))])
    options = ReadingOptions(levels=levels, min_f1=0.3, bootstrap=20, check_thresholds=bool(rng.integers(2)))
    fast = replace(options, compiled=True)
    assert read_gate(row, train, heldout, options, excluded) == read_gate(row, train, heldout, fast, excluded)


def spread(part: Activity) -> Activity:
    """`part` with every sample listed."""
    assert part.listed is not None
    listed = part.inputs.toarray()
    dense = np.zeros((part.samples, listed.shape[1]))
    dense[part.listed] = listed
    target, predicted = np.zeros(part.samples), np.full(part.samples, part.resting)
    target[part.listed], predicted[part.listed] = part.target, part.predicted
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
    listed = replace(part, target=target, active=None)
    gate = read_gate(row, listed, listed, ReadingOptions(min_f1=0.01))
    assert same_but_rounding(
        gate, read_gate(row, spread(listed), spread(listed), ReadingOptions(min_f1=0.01))
    )
    full = off_when_on(row, part)
    assert read_gate(row, full, full).kind == "not"


def test_states_of_some_literals_are_those_of_all_put_together() -> None:
    rng = np.random.default_rng(0)
    codes, fired = rng.integers(0, 1 << 12, 200), rng.random(200) < 0.4
    whole = count_states(codes, fired, 12, Silent(50, 50))
    for places in ([3, 0, 7], list(range(12))[::-1]):
        part = whole.over(places)
        own = np.append(picked(codes, places), np.zeros(50, int))
        alone = count_states(own, np.append(fired, np.ones(50, bool)), len(places))
        seen = part.samples > 0
        for name in ("bits", "samples", "firing", "codes"):
            assert np.array_equal(getattr(part, name)[seen], getattr(alone, name))


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


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), literals=st.integers(1, 4), least=st.sampled_from([1, 10, 40]))
def test_brakes_are_summed_up_alike(seed: int, literals: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    dense = np.where(rng.random((300, 5)) < 0.3, rng.exponential(size=(300, 5)), 0.0)
    suspects = Suspects(
        inputs=Columns.of(sp.csc_array(dense)),
        cuts=rng.choice([0.0, 0.5, 5.0], 5),
        weights=np.maximum(rng.normal(size=5), 0.0),
        target=rng.exponential(size=300),
        fired=rng.random(300) < 0.5,
        keys=rng.integers(0, 1 << (literals + 3), 300),
        places=rng.permutation(literals).tolist(),
        tested=[4, 0, 2],
        causes=rng.random((3, 1 << literals)) < 0.6,
        least=least,
    )
    found = PLAIN.braked(suspects)
    assert found == compiled().braked(suspects)
    for one, column, cause in zip(found, suspects.tested, suspects.causes, strict=True):
        caused = cause[picked(suspects.keys >> 3, suspects.places)]
        both = caused & (dense[:, column] > suspects.cuts[column])
        if both.sum() < least:
            assert one == Braking()
        else:
            values = suspects.target[both]
            drive = dense @ suspects.weights
            whole = (
                caused.sum(),
                suspects.fired[caused].sum(),
                drive[caused].sum(),
                suspects.target[caused].sum(),
            )
            part = (both.sum(), suspects.fired[both].sum(), drive[both].sum(), values.sum())
            spread = ((values - values.mean()) ** 2).sum()
            assert astuple(one) == pytest.approx((*whole, *part, spread))


def test_a_connector_or_activations_that_make_no_sense_are_refused_before_any_row_is_read() -> None:
    rows = planted_rows(4, 1000, 12, seed=0)
    endless, twice = rows.edges.raw.copy(), rows.edges.raw.copy()
    endless.data[3] = np.inf
    twice = sp.csr_array((twice.data, np.zeros_like(twice.indices), twice.indptr), shape=twice.shape)
    broken = rows.train.source.matrix.copy()
    broken.data[0] = np.nan
    short = SiteFeatures("b", rows.heldout.target.matrix[:-1])
    for wrong, words in (
        (replace(rows, edges=replace(rows.edges, raw=endless)), "edges into b are not all finite"),
        (replace(rows, edges=replace(rows.edges, raw=twice)), "given twice"),
        (
            replace(rows, train=replace(rows.train, source=SiteFeatures("a", broken))),
            "of a are not all finite",
        ),
        (replace(rows, heldout=replace(rows.heldout, target=short)), "of other samples"),
    ):
        with pytest.raises(DataError, match=words):
            RowReader(wrong)
