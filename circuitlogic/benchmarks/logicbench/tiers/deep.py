"""`deep`: layers of gates on gates; every layer is read, and the readings are composed down to the inputs."""

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse

from circuitlogic.benchmarks.logicbench.arms import OWN, Reading, arms_named
from circuitlogic.benchmarks.logicbench.cases import Case, cases_of
from circuitlogic.benchmarks.logicbench.conditions import CONDITIONS
from circuitlogic.benchmarks.logicbench.equivalence import renamed, same_function, same_where_seen
from circuitlogic.benchmarks.logicbench.identified import observed_firings, plant
from circuitlogic.benchmarks.logicbench.outcome import Chain, Outcome
from circuitlogic.benchmarks.logicbench.planted_kinds import UNPLANTED, kinds_named
from circuitlogic.benchmarks.logicbench.planting import Planting, literal_of
from circuitlogic.benchmarks.logicbench.pool import Pool, draw_pool, grouped, observed_output
from circuitlogic.benchmarks.logicbench.score import Score
from circuitlogic.benchmarks.logicbench.scoring import ground_of, judge, score_case
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, register
from circuitlogic.logic.formula import Formula, Literal, evaluate, literals_of
from circuitlogic.logic.scores import count

_CONDITION = CONDITIONS["trained 0.5"]
_POOL = 0.4
_PER_KIND = 2
_UNPLANTED = ("dead", "constant", *UNPLANTED)
_LABEL = "layer "


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """The gates of one layer."""

    plantings: list[Planting]
    scores: list[Score]
    """By the own reader."""
    planted: list[Formula]
    """Composed down to the inputs of the first layer."""
    read: list[Formula | None]
    """Likewise; None where a gate of the cone was not claimed."""
    cones: list[frozenset[tuple[int, int]]]
    """(layer, gate) of every gate of the planted cone."""
    products: list[float]
    """Product of the held-out F1 of the cone's gates."""


def _run(unit: Unit, settings: Settings) -> Outcome:
    rng = np.random.default_rng([unit.seed, zlib.crc32(b"deep")])
    condition, sizes = settings.knobs.turned(_CONDITION), settings.sizes
    kinds = [kind for kind in kinds_named(settings.kinds) if kind.name not in _UNPLANTED]
    bottom = draw_pool(
        sizes.samples, condition.magnitudes, unit.leak, rng, _POOL * sizes.pool, condition.rates
    )
    pool, layers, scores, chains = bottom, list[_Layer](), list[Score](), list[Chain]()
    for depth in range(1, max(settings.depths) + 1):
        drawn = [
            plant(kind, pool, True, rng) for kind in kinds for _ in range(min(sizes.per_kind, _PER_KIND))
        ]
        plantings = [planting for planting in drawn if planting is not None]
        if not plantings:
            break
        named = replace(condition, name=f"{_LABEL}{depth}")
        cases = cases_of(plantings, pool, named, sizes, unit.seed, unit.leak, rng)
        layer, found = _read(cases, plantings, layers, unit, settings)
        layers.append(layer)
        scores += found
        if depth in settings.depths:
            chains += [_chain(layers, at, case, bottom, unit) for at, case in enumerate(cases)]
        pool = _outputs_as_inputs(plantings, pool, unit.leak, rng)
    return Outcome(tuple(scores), chains=tuple(chains))


def _read(
    cases: list[Case], plantings: list[Planting], below: list[_Layer], unit: Unit, settings: Settings
) -> tuple[_Layer, list[Score]]:
    layer = _Layer(plantings, [], [], [], [], [])
    others = [arm for arm in arms_named(settings.arms) if arm is not OWN]
    scores: list[Score] = []
    for at, (case, planting) in enumerate(zip(cases, plantings, strict=True)):
        ground = ground_of(case)
        started = time.process_time()
        reading = OWN.read(case.row, case.train, case.heldout)
        milliseconds = 1000 * (time.process_time() - started)
        own = judge(case, OWN, reading, unit.seed, milliseconds, unit.tier, ground)
        scores += [own, *(score_case(case, arm, unit.seed, unit.tier, ground) for arm in others)]
        layer.scores.append(own)
        _compose(layer, at, planting, reading, below)
    return layer, scores


def _compose(layer: _Layer, at: int, planting: Planting, reading: Reading, below: list[_Layer]) -> None:
    """Append what the gate says of the first layer's inputs."""
    formula = planting.formula
    if formula is None:
        raise ValueError("layers are made of gates alone")
    here = (len(below), at)
    if not below:
        layer.planted.append(formula)
        layer.read.append(reading.formula)
        layer.cones.append(frozenset([here]))
        layer.products.append(layer.scores[at].f1)
        return
    last = below[-1]
    layer.planted.append(renamed(formula, {literal_of(i): f for i, f in enumerate(last.planted)}))
    layer.read.append(_through(reading.formula, last.read))
    cones = [last.cones[literal.feature.index] for literal in literals_of(formula)]
    layer.cones.append(frozenset([here]).union(*cones))
    cone = [layer.scores[at].f1]
    cone += [below[depth].scores[gate].f1 for depth, gate in sorted(layer.cones[at] - {here})]
    layer.products.append(float(np.prod(cone)))


def _through(formula: Formula | None, below: Sequence[Formula | None]) -> Formula | None:
    if formula is None:
        return None
    names: dict[Literal, Formula] = {}
    for literal in literals_of(formula):
        inner = below[literal.feature.index]
        if inner is None:
            return None
        names[literal] = inner
    return renamed(formula, names)


def _chain(layers: list[_Layer], at: int, case: Case, bottom: Pool, unit: Unit) -> Chain:
    layer = layers[-1]
    planted, read = layer.planted[at], layer.read[at]
    literals = tuple(dict.fromkeys((*literals_of(planted), *(literals_of(read) if read else ()))))
    firings = observed_firings(bottom, tuple(literal.feature.index for literal in literals))
    train = {literal: firings[: bottom.train, i] for i, literal in enumerate(literals)}
    heldout = {literal: firings[bottom.train :, i] for i, literal in enumerate(literals)}
    fired = ground_of(case).fired
    right = all(layers[depth].scores[gate].strict for depth, gate in layer.cones[at])
    return Chain(
        depth=len(layers),
        leak=unit.leak,
        seed=unit.seed,
        gates=len(layer.cones[at]),
        strict=read is not None and (right or same_function(planted, read)),
        seen=read is not None and same_where_seen(planted, read, train, bottom.train),
        all_right=right,
        claimed=read is not None,
        f1=0.0 if read is None else count(evaluate(read, heldout, fired.size), fired).f1,
        planted_f1=count(evaluate(planted, heldout, fired.size), fired).f1,
        product=layer.products[at],
    )


def _outputs_as_inputs(plantings: list[Planting], pool: Pool, leak: float, rng: np.random.Generator) -> Pool:
    """The layer's outputs as the pool of the next."""
    outputs = [planting.target for planting in plantings]
    clean = np.stack(outputs, axis=1)
    observed = np.stack([observed_output(output, leak, rng) for output in outputs], axis=1)
    means = np.array([float(output[output > 0].mean()) for output in outputs])
    seen = scipy.sparse.csc_array(observed)
    return Pool(scipy.sparse.csc_array(clean), seen, grouped(clean > 0), means, pool.train)


register(
    Tier(
        "deep",
        "Layers of gates on gates, each read, and the readings composed.",
        lambda settings: (f"depth {max(settings.depths)}",),
        _run,
        floors=False,
    )
)
