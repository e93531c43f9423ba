"""Owns the pruning and tuning of the whole feature network: budget, schedule, what moves."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.config import TuneConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.connectors.training import linear_tail
from circuitlogic.errors import DataError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.saes.statistics import feature_statistics
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.substitute.interventional import TrueMap
from circuitlogic.substitute.later_dictionaries import later_dictionaries, moving_parameters, readout_decoder
from circuitlogic.substitute.objective import batches, objective
from circuitlogic.substitute.spliced_text import SplicedText
from circuitlogic.substitute.support import CUT_MARGIN, cut_step, layer_of, prune

_SAMPLED = 8192


def tune_feature_network(
    network: FeatureNetwork,
    activations: PairedActivations,
    config: TuneConfig,
    threshold: float,
    seed: int,
    progress: Progress = SILENT,
    true_map: TrueMap | None = None,
    firing: float = 0.1,
    text: SplicedText | None = None,
) -> FeatureNetwork:
    """Prune every connector to its edge budget and tune what `config` lets move.

    Args:
        network: The chain as the solvers left it.
        activations: Training activations of all its sites, with the original's `outputs`.
        config: Edge budget, objective, schedule. `epochs` 0 returns `network`.
        threshold: Extraction threshold: edges below it are cut before the last fifth of the steps.
        seed: Of the order of samples, and of edited ones.
        true_map: The original's own layers, for `config.interventions`.
        firing: Share that defines when a feature of a moved autoencoder fires.
        text: The language model around the layer, for `config.splice`.

    Raises:
        ConfigError: a setting that this network cannot serve.
        DataError: the objective became NaN or infinite.
    """
    if config.epochs == 0:
        return network
    steps = -(-len(activations) // config.batch_size) if text is None else text.batch_count(config.batch_size)
    run = _Run(network, activations, config, threshold, config.epochs * steps)
    lots, order = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    for _ in progress.track(range(config.epochs), "feature network", config.epochs):
        for batch in batches(network, activations, config, order, true_map, lots, text):
            run.step(objective(network.tail, run.decoder, run.layers, run.later, batch, config, lots))
    return run.finished(activations, firing)


class _Run:
    """The moving parts of one tuning."""

    def __init__(
        self,
        network: FeatureNetwork,
        activations: PairedActivations,
        config: TuneConfig,
        threshold: float,
        steps: int,
    ) -> None:
        self.network, self.config, self.threshold = network, config, threshold
        targets = network.dictionaries[1:]
        rows = activations.rows(slice(0, _SAMPLED))
        self.samples = [torch.from_numpy(rows[d.site]) for d in targets]
        self.layers = [
            layer_of(c, target, config) for c, target in zip(network.connectors, targets, strict=True)
        ]
        self.later = later_dictionaries(targets, self.samples, config)
        self.parameters = [p for layer in self.layers for p in layer.parameters(config)]
        self.decoder = readout_decoder(network.decoder, self.later, config)
        others = moving_parameters(self.later, self.decoder, config)
        groups = [(self.parameters, config.lr), (others, config.lr * config.dictionary_lr)]
        self.parameters = self.parameters + others
        self.optimizer = torch.optim.Adam([{"params": p, "lr": lr} for p, lr in groups if p], fused=True)
        self.steps = steps
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: linear_tail(step, self.steps)
        )
        self.done = 0

    def step(self, loss: Tensor) -> None:
        """One step down `loss`, and the pruning that is due."""
        if not torch.isfinite(loss):
            raise DataError(
                f"tuning the feature network: the loss is not finite; lower tune.lr ({self.config.lr:g})"
            )
        self.optimizer.zero_grad()
        loss.backward(inputs=self.parameters)
        with torch.no_grad():
            for layer in self.layers:
                layer.observe_gradient()
            self.optimizer.step()
            self.schedule.step()
            for dictionary in self.later:
                dictionary.constrain()
            self.done += 1
            self._prune()

    def _prune(self) -> None:
        for layer in self.layers:
            if self.config.select == "effect":
                prune(layer, self.done, self.steps)
        if self.done == cut_step(self.steps):
            self._cut()
        for layer in self.layers:
            layer.apply_support()

    def _cut(self) -> None:
        """Drop what extraction would drop, with a margin, in the units that the features have by now."""
        source = torch.ones_like(self.network.dictionaries[0].statistics.scales)
        for layer, dictionary, activations in zip(self.layers, self.later, self.samples, strict=True):
            target = dictionary.typical(activations)
            layer.cut(source / target[:, None], CUT_MARGIN * self.threshold)
            source = target

    def finished(self, activations: PairedActivations, firing: float) -> FeatureNetwork:
        """The tuned network; dictionaries that moved are measured again."""
        first, *rest = self.network.dictionaries
        found = [first]
        for dictionary, later in zip(rest, self.later, strict=True):
            if later.sae is None:
                found.append(dictionary)
                continue
            sae = later.sae.eval().requires_grad_(False)
            statistics = feature_statistics(sae, activations.stores[dictionary.site], firing)
            found.append(Dictionary(dictionary.site, sae, statistics))
        decoder = self.decoder.eval().requires_grad_(False)
        return FeatureNetwork(tuple(found), self._connectors(found), decoder, self.network.tail)

    def _connectors(self, dictionaries: Sequence[Dictionary]) -> tuple[Connector, ...]:
        """Raw weights, with the scales that the dictionaries have now."""
        return tuple(
            replace(
                connector,
                weight=(layer.weight * connector.target_scales[:, None] / connector.source_scales).detach(),
                bias=(layer.bias * connector.target_scales).detach(),
                source_scales=source.statistics.scales,
                target_scales=target.statistics.scales,
            )
            for connector, layer, (source, target) in zip(
                self.network.connectors, self.layers, pairwise(dictionaries), strict=True
            )
        )
