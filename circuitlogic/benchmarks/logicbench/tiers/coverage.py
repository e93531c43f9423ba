"""`coverage`: how often the 95 % interval of F1 holds the true F1, where errors come in documents."""

import zlib
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from circuitlogic.benchmarks.logicbench.outcome import Measure, Outcome
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, register
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.bootstrap import Resampling, f1_interval

DOCUMENTS, TOKENS, REPEATS, DRAWS = 400, 128, 200, 500
_RATE, _RECALL, _PRECISION = 0.02, 0.9, 0.9
_POPULATION = 400_000

Rates: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
"""Per document: of tokens the share on which the feature fires, of these the share that the formula finds, and of
the others the share on which it says so falsely."""


def _independent(documents: int, rng: np.random.Generator) -> Rates:  # noqa: ARG001
    fires = np.full(documents, _RATE)
    return fires, np.full(documents, _RECALL), _false(fires)


def _bursty(documents: int, rng: np.random.Generator) -> Rates:
    """Topics: a few documents hold most firings."""
    fires = np.minimum(rng.gamma(0.3, _RATE / 0.3, documents), 0.6)
    return fires, np.full(documents, _RECALL), _false(fires)


def _clustered(documents: int, rng: np.random.Generator) -> Rates:
    """Bursty, and in a fifth of the documents half of the firings are missed and errors abound."""
    fires = np.minimum(rng.gamma(0.3, _RATE / 0.3, documents), 0.6)
    bad = rng.random(documents) < 0.2
    return fires, np.where(bad, 0.5, 0.95), _false(fires) * np.where(bad, 4.0, 0.5)


def _false(fires: FloatArray) -> FloatArray:
    """False firings in proportion to the true ones of the document."""
    return fires * _RECALL * (1 / _PRECISION - 1) / (1 - fires)


_SETTINGS: dict[str, Callable[[int, np.random.Generator], Rates]] = {
    "independent": _independent,
    "bursty topics": _bursty,
    "errors by document": _clustered,
}


def true_f1(rates: Rates) -> float:
    """F1 in expectation over all documents."""
    fires, found, false = rates
    hits, said = (fires * found).mean(), (fires * found + (1 - fires) * false).mean()
    return float(2 * hits / (said + fires.mean()))


def drawn(rates: Rates, rng: np.random.Generator) -> tuple[BoolArray, BoolArray, IntArray]:
    """[tokens] what the formula says, what is true, and the document."""
    groups = np.repeat(np.arange(rates[0].size), TOKENS)
    fires, found, false = (rate[groups] for rate in rates)
    true = rng.random(groups.size) < fires
    said = rng.random(groups.size) < np.where(true, found, false)
    return said, true, groups


def _run(unit: Unit, settings: Settings) -> Outcome:  # noqa: ARG001
    rng = np.random.default_rng([unit.seed, zlib.crc32(unit.setting.encode())])
    draw = _SETTINGS[unit.setting]
    truth = true_f1(draw(_POPULATION, rng))
    covered = {"by document": 0, "by token": 0}
    widths = dict.fromkeys(covered, 0.0)
    for repeat in range(REPEATS):
        said, true, groups = drawn(draw(DOCUMENTS, rng), rng)
        for name, clusters in (("by document", groups), ("by token", None)):
            interval = f1_interval(said, true, clusters, Resampling(DRAWS, unit.seed, repeat))
            covered[name] += interval.low <= truth <= interval.high
            widths[name] += interval.high - interval.low
    values = [("true F1", truth)]
    values += [(f"coverage {name}", hits / REPEATS) for name, hits in covered.items()]
    values += [(f"width {name}", width / REPEATS) for name, width in widths.items()]
    return Outcome(
        measures=tuple(Measure(unit.tier, unit.setting, 0.0, unit.seed, *value) for value in values)
    )


register(
    Tier(
        "coverage",
        "How often the 95 % interval of F1 holds the true F1, with errors clustered in documents.",
        lambda _: tuple(_SETTINGS),
        _run,
        floors=False,
    )
)
