"""`wide`: OR, OR with a veto and k-of-n over up to 30 inputs that fire together."""

import zlib
from collections import Counter
from dataclasses import replace

import numpy as np

from circuitlogic.benchmarks.logicbench.cases import cases_of
from circuitlogic.benchmarks.logicbench.conditions import Condition
from circuitlogic.benchmarks.logicbench.identified import plant
from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.planted_kinds import PlantedKind
from circuitlogic.benchmarks.logicbench.pool import Magnitudes, draw_wide_pool
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, register
from circuitlogic.benchmarks.logicbench.tiers.true import scores_of
from circuitlogic.logic.formula import And, Formula, Literal, Not, Or, at_least

_MOST_PER_KIND = 4
_VETO = -5.0
_ROWS = (
    Condition("planted row", Magnitudes("log-normal", 0.3)),
    Condition("trained row", Magnitudes("log-normal", 0.3), trained=True),
)


def wide_kinds(n: int) -> tuple[PlantedKind, ...]:
    """The kinds with `n` inputs: OR, OR of all but one unless that one, and about a third of n."""
    k = max(2, round(n / 3))
    ones = (1.0,) * n

    def any_(literals: tuple[Literal, ...]) -> Formula:
        first, *others = literals
        return Or(literals) if others else first

    def unless(literals: tuple[Literal, ...]) -> Formula:
        return And((any_(literals[:-1]), Not(literals[-1])))

    def some(literals: tuple[Literal, ...]) -> Formula:
        return at_least(k, literals) if k < n else And(literals)

    kinds = [PlantedKind(f"or of {n}", "wide", ones, 1.0, any_)]
    if n > 1:
        kinds += [
            PlantedKind(f"inhibited or of {n}", "wide", (*ones[:-1], _VETO), 1.0, unless),
            PlantedKind(f"{k} of {n}", "wide", ones, float(k), some),
        ]
    return tuple(kinds)


def _run(unit: Unit, settings: Settings) -> Outcome:
    row, _, text = unit.setting.partition(_PREFIX)
    n = int(text)
    (condition,) = (replace(settings.knobs.turned(c), name=unit.setting) for c in _ROWS if c.name == row)
    rng = np.random.default_rng([unit.seed, n, zlib.crc32(b"wide")])
    kinds, sizes = wide_kinds(n), settings.sizes
    wanted = min(sizes.per_kind, _MOST_PER_KIND)
    pool = draw_wide_pool(sizes.samples, n, wanted * len(kinds), condition.magnitudes, unit.leak, rng)
    drawn = [plant(kind, pool, True, rng) for kind in kinds for _ in range(wanted)]
    plantings = [planting for planting in drawn if planting is not None]
    cases = cases_of(plantings, pool, condition, sizes, unit.seed, unit.leak, rng)
    found = Counter(planting.kind.name for planting in plantings)
    missing = tuple(
        (kind.name, unit.setting, wanted - found[kind.name]) for kind in kinds if found[kind.name] < wanted
    )
    return Outcome(scores=scores_of(cases, unit, settings), missing=missing)


_PREFIX = ", fan-in "

register(
    Tier(
        "wide",
        "Gates of up to 30 inputs that fire together.",
        lambda settings: tuple(f"{row.name}{_PREFIX}{n}" for row in _ROWS for n in settings.fan_ins),
        _run,
        floors=False,
    )
)
