"""LogicBench's generator: pools have the rates they promise, and planted gates are identified by the data."""

from dataclasses import replace

import numpy as np
import pytest

from circuitlogic.benchmarks.logicbench.cases import Case, Sizes, draw_cases
from circuitlogic.benchmarks.logicbench.conditions import CONDITIONS
from circuitlogic.benchmarks.logicbench.identified import (
    MIN_F1,
    MIN_FLIPS,
    NEAR_GATE_F1,
    NO_GATE_F1,
    best_table_f1,
    fewest_flips,
    plant,
    planted_f1,
    planted_firings,
)
from circuitlogic.benchmarks.logicbench.planted_kinds import MIXED, PLANTED_KINDS, kinds_named
from circuitlogic.benchmarks.logicbench.planting import graded_value, literal_of
from circuitlogic.benchmarks.logicbench.pool import Magnitudes, Pool, column, draw_pool
from circuitlogic.errors import UnknownNameError
from circuitlogic.logic.formula import And, Not, Or, Xor, at_least

SMALL = Sizes(samples=3000, per_kind=1, pool=0.3, epochs=3)


def pool_of(leak: float = 0.0, seed: int = 0, samples: int = 4000) -> Pool:
    """A small pool."""
    return draw_pool(samples, Magnitudes("log-normal", 0.3), leak, np.random.default_rng(seed), size=0.5)


def firings(pool: Pool, feature: int) -> np.ndarray:
    """[N] where the clean feature is on."""
    return column(pool.clean, feature) > 0


def test_rates_of_a_pool_stay_in_their_range() -> None:
    pool = pool_of(samples=20_000)
    rates = np.diff(pool.clean.indptr) / pool.samples
    assert pool.features == sum(len(g) for groups in pool.groups.values() for g in groups)
    assert rates.max() < 0.17
    assert np.mean(rates > 0.0015) > 0.98
    assert rates.min() < 0.01, "rare features are there too"


def test_groups_fire_as_their_names_say() -> None:
    pool = pool_of(samples=10_000)
    for group in pool.groups["exclusive"]:
        assert max(sum(firings(pool, i).astype(int) for i in group)) == 1
    for whole, *parts in pool.groups["nested"]:
        assert all(not (firings(pool, part) & ~firings(pool, whole)).any() for part in parts)
    for one, other, *_ in pool.groups["cofiring"]:
        a, b = firings(pool, one), firings(pool, other)
        assert (a & b).mean() > 3 * a.mean() * b.mean()


def test_the_floor_adds_weak_activations_only_where_a_feature_is_off() -> None:
    pool = pool_of(leak=3.0)
    for feature in range(0, pool.features, 20):
        clean, observed = column(pool.clean, feature), column(pool.observed, feature)
        assert np.array_equal(observed[clean > 0], clean[clean > 0])
        extra = observed[(clean == 0) & (observed > 0)]
        assert extra.size > 1.5 * (clean > 0).sum()
        assert extra.max() < 0.3 * pool.means[feature]


@pytest.mark.parametrize(
    "name",
    [k.name for k in PLANTED_KINDS.values() if k.formula is not None and k.name not in ("dead", "constant")],
)
def test_a_planted_gate_is_identified_by_the_data(name: str) -> None:
    kind = PLANTED_KINDS[name]
    pool = pool_of(seed=3, samples=8000)
    planting = plant(kind, pool, graded=not kind.by_row, rng=np.random.default_rng(4))
    assert planting is not None
    assert planted_f1(planting, pool) >= MIN_F1
    assert fewest_flips(planting, pool) >= MIN_FLIPS


def test_no_gate_means_that_no_table_reaches_a_claim() -> None:
    pool = pool_of(seed=3, samples=8000)
    planting = plant(PLANTED_KINDS[MIXED], pool, graded=False, rng=np.random.default_rng(1))
    assert planting is not None
    assert planting.formula is None
    assert NEAR_GATE_F1 <= best_table_f1(planting, pool) < NO_GATE_F1


def test_dead_and_constant_outputs_are() -> None:
    pool = pool_of()
    dead, constant = (
        plant(PLANTED_KINDS[name], pool, graded=True, rng=np.random.default_rng(1))
        for name in ("dead", "constant")
    )
    assert dead is not None
    assert constant is not None
    assert not dead.target.any()
    assert (constant.target > 0).mean() > 0.97
    assert planted_firings(constant, pool).all()


def test_an_unidentified_gate_is_refused() -> None:
    pool = pool_of(seed=3, samples=8000)
    planting = plant(PLANTED_KINDS["and of 2"], pool, graded=False, rng=np.random.default_rng(4))
    assert planting is not None
    everywhere = replace(planting, target=planting.target + 1.0)
    assert planted_f1(everywhere, pool) < MIN_F1
    whole, part, _ = pool.groups["nested"][0]
    implied = replace(planting, inputs=(whole, part), formula=Or((literal_of(whole), literal_of(part))))
    assert fewest_flips(implied, pool) == 0, "the part never decides where the whole is on"


def test_graded_forms_of_gates() -> None:
    a, b, c = (literal_of(i) for i in range(3))
    x = {a: np.array([1.0, 1.0, 0.0]), b: np.array([2.0, 0.0, 0.0]), c: np.array([3.0, 4.0, 5.0])}
    assert graded_value(And((a, b)), x).tolist() == [1.0, 0.0, 0.0]
    assert graded_value(Or((a, b)), x).tolist() == [2.0, 1.0, 0.0]
    assert graded_value(And((c, Not(b))), x).tolist() == [0.0, 4.0, 5.0]
    assert graded_value(at_least(2, (a, b, c)), x).tolist() == [2.0, 1.0, 0.0]
    assert graded_value(Xor((a, b)), x).tolist() == [2.0, 1.0, 0.0]


def same_case(one: Case, other: Case) -> bool:
    """Whether two cases hold the same numbers."""
    pairs = (
        (one.row.raw_weights, other.row.raw_weights),
        (one.train.target, other.train.target),
        (one.heldout.predicted, other.heldout.predicted),
        (one.train.inputs.data, other.train.inputs.data),
    )
    return one.formula == other.formula and all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("name", ["hostile", "trained 0.5"])
def test_equal_seeds_give_equal_cases(name: str) -> None:
    kinds = kinds_named(("copy", "and not, subset", "majority of 3"))
    first, again, other = (draw_cases(CONDITIONS[name], kinds, SMALL, seed) for seed in (5, 5, 6))
    assert len(first) == len(again) > 0
    assert all(same_case(a, b) for a, b in zip(first, again, strict=True))
    assert not any(same_case(a, b) for a, b in zip(first, other, strict=False))


def test_a_noisy_row_holds_its_inputs_and_small_weights_of_others() -> None:
    (case,) = draw_cases(CONDITIONS["planted 0.3"], kinds_named(("or of 2, co-firing",)), SMALL, 1)
    assert case.formula is not None
    assert case.train.inputs.shape == (3000, len(case.row.sources))
    assert 8 <= len(case.row.sources) <= 16
    strongest = np.argsort(-case.row.weights)[:2]
    assert isinstance(case.formula, Or)
    assert {literal_of(case.row.sources[i].index) for i in strongest} == set(case.formula.operands)


def test_a_trained_row_is_sparse_and_predicts_the_output() -> None:
    sizes = replace(SMALL, epochs=20)
    (case,) = draw_cases(CONDITIONS["trained 0.5"], kinds_named(("or of 2, co-firing",)), sizes, 1)
    true, said = case.heldout.target, case.heldout.predicted
    assert np.corrcoef(true, said)[0, 1] > 0.8
    assert len(case.row.sources) < 120


def test_unknown_names_suggest_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="majority of 3"):
        kinds_named(("majority of 33",))
