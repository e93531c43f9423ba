"""Owns the whole pipeline on a planted world: dictionaries at both ends, a connector between them, gates read.

Tiers differ in how planted features become vectors, and in what computes the outputs.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.benchmarks.logicbench.cases import Case, planted_inputs
from circuitlogic.benchmarks.logicbench.conditions import NO_KNOBS, Condition
from circuitlogic.benchmarks.logicbench.identified import planted_firings
from circuitlogic.benchmarks.logicbench.outcome import Measure, Outcome
from circuitlogic.benchmarks.logicbench.planted_kinds import UNPLANTED, kinds_named
from circuitlogic.benchmarks.logicbench.planting import FIRING, SITE_IN, SITE_OUT, Planting
from circuitlogic.benchmarks.logicbench.pool import Magnitudes
from circuitlogic.benchmarks.logicbench.scoring import EDGE
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.dictionaries import Learned, Matching, firing_f1, learn, match
from circuitlogic.benchmarks.logicbench.tiers.live import live_of
from circuitlogic.benchmarks.logicbench.tiers.registry import Unit
from circuitlogic.benchmarks.logicbench.tiers.true import scores_of
from circuitlogic.benchmarks.logicbench.tiers.world import World, draw_world
from circuitlogic.config import ConnectorConfig, SaeConfig
from circuitlogic.connectors.feature_pairs import FeaturePairs
from circuitlogic.connectors.model import Connector
from circuitlogic.connectors.training import train_connector
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, BoolArray, FloatArray, IntArray, Row
from circuitlogic.logic.columns import firing_threshold

WORLD = Condition("log-normal 0.3", Magnitudes("log-normal", 0.3), trained=True)
MOST_PER_KIND = 2
_UNPLANTED = ("dead", "constant", *UNPLANTED)
"""Kinds without a feature that a dictionary could learn, or without a truth."""
SAE = SaeConfig(architecture="batch_topk", expansion=4.0, epochs=20, lr=5e-3)
"""Of either end; k is chosen from the vectors."""
CONNECTOR = ConnectorConfig(solver="proximal", l1=3e-4, epochs=12)


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """A world as activation vectors of a network."""

    inputs: FloatArray
    """[N, d]"""
    outputs: FloatArray
    """[N, d']"""
    network: Callable[[Tensor], Tensor] | None = None
    """From input to output vectors, where a network computes them."""
    planted: bool = True
    """Whether the outputs hold the planted gates."""
    measures: tuple[tuple[str, float], ...] = ()


Embed: TypeAlias = Callable[[World, np.random.Generator, int], Ends]


def run_learned(embed: Embed, unit: Unit, settings: Settings) -> Outcome:
    """Plant a world, learn its features and its connector, read the gates."""
    rng = np.random.default_rng([unit.seed, zlib.crc32(b"world")])
    condition = settings.knobs.turned(WORLD) if settings.knobs != NO_KNOBS else WORLD
    kinds = [kind for kind in kinds_named(settings.kinds) if kind.name not in _UNPLANTED]
    sizes = settings.sizes
    world = draw_world(
        kinds,
        min(sizes.per_kind, MOST_PER_KIND),
        sizes.samples,
        sizes.world,
        condition.magnitudes,
        condition.rates,
        unit.leak,
        rng,
    )
    ends = embed(world, rng, unit.seed)
    with TemporaryDirectory() as folder:
        pipeline = _pipeline(world, ends, unit.seed, Path(folder))
    planted = pipeline.planted_cases(unit.leak, unit.setting) if ends.planted else []
    live = live_of(pipeline.live_cases(unit.leak, unit.setting), unit)
    return Outcome(
        scores=scores_of(planted, unit, settings),
        live=live,
        measures=tuple(
            Measure(unit.tier, unit.setting, unit.leak, unit.seed, name, value)
            for name, value in (*pipeline.measures(), *ends.measures)
        ),
    )


def _pipeline(world: World, ends: Ends, seed: int, folder: Path) -> "Pipeline":
    train = world.pool.train
    source = learn(SITE_IN, ends.inputs, train, SAE, seed, folder)
    target = learn(SITE_OUT, ends.outputs, train, SAE, seed, folder)
    stores = PairedActivations({SITE_IN: source.store, SITE_OUT: target.store})
    pairs = FeaturePairs(source.dictionary, target.dictionary, stores)
    connector = train_connector(pairs, None, CONNECTOR, seed).connector
    return Pipeline(
        world=world,
        ends=ends,
        source=source,
        target=target,
        connector=connector.thresholded(EDGE),
        inputs=match(world.clean_inputs, source.features, train),
        outputs=match(world.clean_outputs, target.features, train) if ends.planted else None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Pipeline:
    """What was learned of a world, and the cases it gives a reader."""

    world: World
    ends: Ends
    source: Learned
    target: Learned
    connector: Connector
    """Only its edges."""
    inputs: Matching
    outputs: Matching | None
    """None: nothing is planted at the output."""

    def planted_cases(self, leak: float, setting: str) -> list[Case]:
        """One case per planted gate, read at the learned feature that is matched to its output."""
        if self.outputs is None:
            return []
        return [
            self._case(feature, planting, match, leak, setting)
            for feature, (planting, match) in self._matched().items()
        ]

    def live_cases(self, leak: float, setting: str) -> list[Case]:
        """One case per learned output feature that fires, with the planted gate it is matched to, if any."""
        known = self._matched()
        live = np.flatnonzero(self.target.dictionary.statistics.live.numpy()).tolist()
        return [self._case(feature, *known.get(feature, (None, 0.0)), leak, setting) for feature in live]

    def _matched(self) -> dict[int, tuple[Planting, float]]:
        """Learned output feature -> the planted gate it stands for, and their correlation."""
        if self.outputs is None:
            return {}
        together = zip(self.outputs.learned, self.world.plantings, self.outputs.correlations, strict=False)
        return {int(feature): (planting, float(match)) for feature, planting, match in together}

    def measures(self) -> tuple[tuple[str, float], ...]:
        """Of the dictionaries."""
        world, train = self.world, self.world.pool.train
        found = [
            ("inputs planted", float(self.world.pool.features)),
            ("input MCC", float(self.inputs.correlations.mean())),
            ("inputs matched >= .9", float((self.inputs.correlations >= 0.9).mean())),
            ("input firing F1", firing_f1(world.clean_inputs, self.source.features, self.inputs, train)),
            ("input FVU", self.source.fvu),
            ("input L0", self.source.l0),
        ]
        if self.outputs is not None:
            found += [
                ("outputs planted", float(self.world.outputs.shape[1])),
                ("output MCC", float(self.outputs.correlations.mean())),
                ("outputs matched >= .9", float((self.outputs.correlations >= 0.9).mean())),
                (
                    "output firing F1",
                    firing_f1(world.clean_outputs, self.target.features, self.outputs, train),
                ),
            ]
        return (*found, ("output FVU", self.target.fvu), ("output L0", self.target.l0))

    def _names(self) -> list[FeatureId]:
        """What readers call the learned inputs: matched ones by the planted feature, others by later numbers."""
        known = self.inputs.names
        planted = self.world.pool.features
        count = self.source.sae.d_sae
        return [FeatureId(SITE_IN, known.get(i, planted + i)) for i in range(count)]

    def _case(self, feature: int, planting: Planting | None, match: float, leak: float, setting: str) -> Case:
        train = self.world.pool.train
        names = self._names()
        raw = self.connector.weight[feature].double().numpy()
        used = np.flatnonzero(raw)
        inputs = self.source.features[:, used].tocsc()
        target = self.target.features[:, [feature]].toarray()[:, 0]
        bias = float(self.connector.bias[feature])
        row = Row(
            feature=FeatureId(SITE_OUT, feature),
            sources=tuple(names[i] for i in used),
            weights=self.connector.unit_weight[feature].double().numpy()[used],
            raw_weights=raw[used],
            bias=bias,
            scale=float(self.connector.target_scales[feature]),
            source_scales=self.connector.source_scales.double().numpy()[used],
        )
        predicted = np.maximum(inputs @ raw[used] + bias, 0.0)
        parts = (slice(0, train), slice(train, None))
        both = [Activity(inputs[part].tocsc(), target[part], predicted[part]) for part in parts]
        case = partial(
            Case, row=row, train=both[0], heldout=both[1], condition=setting, leak=leak, match=match
        )
        rerun = partial(self._rerun, feature) if self.ends.network is not None else None
        if planting is None:
            support = int((both[0].target > firing_threshold(both[0].target, FIRING)).sum())
            return case(
                kind="",
                formula=None,
                says=np.zeros(len(both[1].target), np.bool_),
                support=support,
                rerun=rerun,
            )
        pool = self.world.pool
        fired = planting.target[:train]
        return case(
            kind=planting.kind.name,
            formula=planting.formula,
            says=planted_firings(planting, pool)[train:],
            support=int((fired > firing_threshold(fired, FIRING)).sum()),
            inputs=planted_inputs(planting, pool, {i: FeatureId(SITE_IN, i) for i in planting.inputs}),
            aliases={names[one]: FeatureId(SITE_IN, other) for one, other in self.inputs.aliases.items()},
            input_match=float(self.inputs.correlations[list(planting.inputs)].min()),
            rerun=rerun,
        )

    def _rerun(self, feature: int, source: FeatureId, rows: IntArray, on: bool) -> BoolArray:
        """Whether learned output `feature` fires once `source` is set in the network's input vectors."""
        network = self.ends.network
        if network is None:
            raise ValueError("this tier has no network to run again")
        at = self._names().index(source)
        wanted = float(self.connector.source_scales[at]) if on else 0.0
        change = wanted - self.source.features[rows][:, [at]].toarray()
        edited = self.ends.inputs[rows] + change * self.source.sae.W_dec[at].detach().double().numpy()
        with torch.no_grad():
            outputs = network(torch.from_numpy(edited.astype(np.float32)))
            values = self.target.sae.encode(outputs)[:, feature].double().numpy()
        train = self.target.features[: self.world.pool.train, [feature]].toarray()[:, 0]
        return values > firing_threshold(train, FIRING)
