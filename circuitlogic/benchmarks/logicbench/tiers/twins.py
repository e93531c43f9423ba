"""`twins`: every input of a gate has a twin that fires with it and does nothing; read from data alone, and again
with ablations in the planted network."""

import zlib
from dataclasses import replace

import numpy as np
import scipy.sparse

from circuitlogic.benchmarks.logicbench.ablation import read_with_ablations
from circuitlogic.benchmarks.logicbench.arms import OWN, reading_of
from circuitlogic.benchmarks.logicbench.cases import Case, cases_of
from circuitlogic.benchmarks.logicbench.conditions import CONDITIONS
from circuitlogic.benchmarks.logicbench.identified import plant
from circuitlogic.benchmarks.logicbench.outcome import Measure, Outcome
from circuitlogic.benchmarks.logicbench.planted_kinds import UNPLANTED, kinds_named
from circuitlogic.benchmarks.logicbench.planting import Planting
from circuitlogic.benchmarks.logicbench.pool import Pool, column, draw_pool, with_floor
from circuitlogic.benchmarks.logicbench.score import Score
from circuitlogic.benchmarks.logicbench.scoring import ground_of, judge, score_case
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, register
from circuitlogic.logic.activity import FloatArray

ABLATED = replace(
    OWN, name="with ablations", meaning="The same, literals without effect dropped, read again."
)
_CONDITION = CONDITIONS["trained 0.5"]
_POOL = 0.5
_PER_KIND = 2
_UNPLANTED = ("dead", "constant", *UNPLANTED)


def _run(unit: Unit, settings: Settings) -> Outcome:
    rho = float(unit.setting.removeprefix(_PREFIX))
    condition = replace(settings.knobs.turned(_CONDITION), name=unit.setting)
    rng = np.random.default_rng([unit.seed, zlib.crc32(b"twins")])
    sizes = settings.sizes
    size = _POOL * sizes.pool
    pool = draw_pool(sizes.samples, condition.magnitudes, unit.leak, rng, size, condition.rates)
    kinds = [kind for kind in kinds_named(settings.kinds) if kind.name not in _UNPLANTED]
    drawn = [plant(kind, pool, True, rng) for kind in kinds for _ in range(min(sizes.per_kind, _PER_KIND))]
    plantings = [planting for planting in drawn if planting is not None]
    originals = sorted({feature for planting in plantings for feature in planting.inputs})
    twinned = _with_twins(pool, originals, rho, unit.leak, rng)
    cases = cases_of(plantings, twinned, condition, sizes, unit.seed, unit.leak, rng)
    twin_of = {original: pool.features + at for at, original in enumerate(originals)}
    scores: list[Score] = []
    measures: list[tuple[str, float]] = []
    for case, planting in zip(cases, plantings, strict=True):
        ground = ground_of(case)
        first = score_case(case, OWN, unit.seed, unit.tier, ground)
        gate, ablations = read_with_ablations(case)
        again = judge(case, ABLATED, reading_of(gate), unit.seed, 0.0, unit.tier, ground)
        scores += [first, again]
        twins = {twin_of[feature] for feature in planting.inputs}
        measures += [
            ("weight on twins", _weight_on(twins, planting, case)),
            ("ablations per gate", float(ablations)),
        ]
    return Outcome(tuple(scores), measures=_means(measures, unit))


def _means(values: list[tuple[str, float]], unit: Unit) -> tuple[Measure, ...]:
    names = dict.fromkeys(name for name, _ in values)
    return tuple(
        Measure(
            unit.tier,
            unit.setting,
            unit.leak,
            unit.seed,
            name,
            float(np.mean([v for n, v in values if n == name])),
        )
        for name in names
    )


def _weight_on(twins: set[int], planting: Planting, case: Case) -> float:
    """Share of the absolute weights of inputs and their twins that is on twins."""
    weights = dict(zip((f.index for f in case.row.sources), np.abs(case.row.weights).tolist(), strict=True))
    on_twins = sum(weights.get(twin, 0.0) for twin in twins)
    on_inputs = sum(weights.get(feature, 0.0) for feature in planting.inputs)
    return on_twins / (on_twins + on_inputs) if on_twins + on_inputs else 0.0


def _with_twins(pool: Pool, originals: list[int], rho: float, leak: float, rng: np.random.Generator) -> Pool:
    """`pool` with one more feature per original."""
    clean: list[FloatArray] = []
    observed: list[FloatArray] = []
    for feature in originals:
        values = _twin(column(pool.clean, feature), rho, rng)
        clean.append(values)
        where = np.flatnonzero(values)
        if leak and where.size:
            mean = float(values[where].mean())
            there, weak = with_floor(where, values[where], mean, values.size, leak, rng)
            values = np.zeros(values.size)
            values[there] = weak
        observed.append(values)
    means = [float(values[values > 0].mean()) if (values > 0).any() else 1.0 for values in clean]
    return Pool(
        _joined(pool.clean, clean),
        _joined(pool.observed, observed),
        {**pool.groups, "twins": tuple((pool.features + at,) for at in range(len(originals)))},
        np.concatenate((pool.means, means)),
        pool.train,
    )


def _twin(values: FloatArray, rho: float, rng: np.random.Generator) -> FloatArray:
    """Firings of the same rate that correlate by `rho` with those of `values`, and as strong."""
    fires = values > 0
    rate = float(fires.mean())
    inside = rho * (1 - rate) + rate
    outside = rate * (1 - inside) / (1 - rate)
    on = rng.random(values.size) < np.where(fires, inside, outside)
    alone = rng.choice(values[fires], values.size) if fires.any() else np.zeros(values.size)
    return np.where(on, np.where(fires, values, alone), 0.0)


def _joined(matrix: scipy.sparse.csc_array, columns: list[FloatArray]) -> scipy.sparse.csc_array:
    if not columns:
        return matrix
    return scipy.sparse.csc_array(scipy.sparse.hstack([matrix, *(c[:, None] for c in columns)], format="csc"))


_PREFIX = "rho "

register(
    Tier(
        "twins",
        "Every input has a twin without effect; read with and without ablations in the planted network.",
        lambda settings: tuple(f"{_PREFIX}{rho:g}" for rho in settings.rhos),
        _run,
        floors=False,
    )
)
