"""The seed's experiment for one random seed: classifier, autoencoders, connectors, substitution, starts.

Choices were made on the held-out split of seed 0; the official test set is read for the final figures only.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import torch

from circuitlogic import pipeline
from circuitlogic.benchmarks.figures import Figure, cached, rows
from circuitlogic.config import ConnectorConfig, Init, NetworkConfig, SaeConfig, Solver, StudyConfig
from circuitlogic.connectors.feature_pairs import Dictionary, FeaturePairs
from circuitlogic.connectors.metrics import sparsity_of
from circuitlogic.connectors.model import Connector
from circuitlogic.connectors.training import train_connector
from circuitlogic.datasets.images import ImageData
from circuitlogic.networks.image_mlp import ImageClassifier
from circuitlogic.networks.protocol import tail_from
from circuitlogic.networks.training import score_classifier, train_classifier
from circuitlogic.progress import Progress
from circuitlogic.saes.scores import SaeMetrics
from circuitlogic.saes.statistics import feature_statistics
from circuitlogic.saes.training import train_sae
from circuitlogic.stages.captured import captured, load_activations, load_labels
from circuitlogic.stages.connecting import connector_fidelity
from circuitlogic.stages.dictionaries import load_dictionaries, load_sae_metrics
from circuitlogic.stages.extracted import load_gates
from circuitlogic.stages.feature_network import load_feature_network, measure_chain
from circuitlogic.stages.network_metrics import NetworkMetrics
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject import Subject, image_samples, load_card, load_classifier, load_data
from circuitlogic.stages.subject_kinds import stored_subject
from circuitlogic.study import Study
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.substitute.tuning import tune_feature_network
from circuitlogic.verify.faithfulness import Faithfulness, Reference, compare, faithfulness, reference

EDGES = (115, 229, 458, 916, 1832, 3664)
"""Edge budgets per connector of the accuracy curve; 458 is the seed's."""
L1_OF_SAES = (0.9, 1.8, 3.6)
L1_OF_GRADIENT = (0.3, 1.0, 3.0)
SEED_BATCH = 128
"""Small batches: a far start needs many steps, and too few would decide the comparison."""
WIDTHS = (64, 128, 256)
LENGTHS = (8, 32)
"""Epochs of the comparison of starts."""
_SAME_EDGES = 2000
AXIS_COSINE = 0.9
STUDY = "mnist"
"""Folder of a seed's study, and so the title of its report."""
MAIN_ARM = "ten edges per live feature"
_SOLVERS: tuple[tuple[Solver, float, float], ...] = (("gradient", 1.0, 1e-3), ("proximal", 1e-3, 3e-3))
"""Solver, l1, learning rate of the comparison of starts."""
_STARTS: tuple[Init, ...] = ("random", "analytic")


class SeedExperiment:
    """All experiments of one seed, on one study; finished experiments are read back."""

    def __init__(self, folder: Path, config: StudyConfig, progress: Progress) -> None:
        self.folder, self.config, self.progress = folder, config, progress
        self.seed = config.seed
        self.data: ImageData = load_data(config, progress)
        self.study: Study = pipeline.train(folder / STUDY, config, progress, self.data)
        pipeline.extract(self.study, progress=progress)
        self.subject: Subject = stored_subject(self.study, progress)
        self.train = load_activations(self.study, "train")
        self.heldout = load_activations(self.study, "heldout")
        self.labels = load_labels(self.study, "heldout")
        self.sites = load_card(self.study).sites
        self.ref: Reference = reference(
            self.heldout,
            self.labels,
            self.sites[-1],
            tail_from(self.subject.network, self.subject.sites[-1]),
            "heldout",
        )

    def run(self) -> list[Figure]:
        """Every figure of this seed."""
        parts = {
            "main": self.main,
            "widths": self.widths,
            "saes": self.autoencoders,
            "connectors": self.seed_connectors,
            "starts": self.starts,
            "curve": self.curve,
            "axes": self.axes,
        }
        found: list[Figure] = []
        for name, part in parts.items():
            self.progress.note(f"seed {self.seed}: {name}")
            key = self.study.key(
                name, self.config, [self.study.entry(a).content for a in self.study.artefacts()]
            )
            found += cached(self.folder / f"{name}.json", key, part)
        return found

    def main(self) -> Iterator[Figure]:
        """The study itself: feature network on held-out and test samples, gates."""
        for split in ("heldout", "test"):
            metrics = pipeline.verify(self.study, split, progress=self.progress)
            yield from chain_rows("main", MAIN_ARM, self.seed, metrics)
        gates = [gate for gate in load_gates(self.study) if gate.evidence is not None]
        scored = [gate.evidence for gate in gates if gate.evidence is not None]
        values = {
            "gates scored": len(scored),
            "median formula F1": float(torch.tensor([e.f1 for e in scored]).median()),
            "formula F1 >= .8": sum(e.f1 >= 0.8 for e in scored) / len(scored),
            "beats best single input by .05": sum(e.f1 - e.baseline_f1 >= 0.05 for e in scored) / len(scored),
        }
        yield from rows("gates", "all", self.seed, "heldout", len(self.labels), values)
        for kind in sorted({gate.kind for gate in load_gates(self.study)}):
            count = sum(gate.kind == kind for gate in load_gates(self.study))
            yield from rows("kinds", kind, self.seed, "", 0, {"gates": count})

    def widths(self) -> Iterator[Figure]:
        """The classifier at several widths, and how many of its hidden weights exceed 0.1."""
        for width in WIDTHS:
            config = replace(self.config.network, hidden=(width,) * 3)
            network = self._classifier(config)
            for split, part in (("heldout", self.data.heldout), ("test", self.data.test)):
                scores = score_classifier(network, part, split)
                values = {"accuracy": scores.accuracy, "loss": scores.loss}
                yield from rows(
                    "classifier", str(width), self.seed, split, scores.samples, _marked(values, split)
                )
            affine = [
                network.affine_between(a, b)
                for a, b in zip(network.site_names, network.site_names[1:], strict=False)
            ]
            large = [int((a[0].abs() > 0.1).sum()) for a in affine if a is not None]
            yield from rows(
                "classifier", str(width), self.seed, "", 0, {"|w| > 0.1": sum(large) / len(large)}
            )

    def _classifier(self, config: NetworkConfig) -> ImageClassifier:
        if config == self.config.network:
            return load_classifier(self.study)
        generator = torch.Generator().manual_seed(seed_for(self.seed, "network"))
        return train_classifier(self.data, config, generator, self.progress)

    def autoencoders(self) -> Iterator[Figure]:
        """Every architecture at every site, with its reconstruction spliced into the classifier."""
        for arm, config in self._sae_arms():
            for site in self.sites:
                dictionary, metrics = self._dictionary(site, config)
                spliced = self._splice(site, dictionary)
                values = {
                    **{name: float(v) for name, v in asdict(metrics).items() if isinstance(v, float)},
                    "accuracy": spliced.accuracy,
                }
                yield from rows("saes", f"{arm} | {site}", self.seed, "heldout", metrics.samples, values)

    def _sae_arms(self) -> Iterator[tuple[str, SaeConfig]]:
        base = self.config.saes
        for l1 in L1_OF_SAES:
            yield f"tied, l1 {l1:g}", replace(base, architecture="relu_tied", l1=l1)
            yield f"untied, l1 {l1:g}", replace(base, architecture="relu", l1=l1)
        yield "topk", replace(base, architecture="topk")
        yield "batch topk", replace(base, architecture="batch_topk")
        yield "jumprelu", replace(base, architecture="jumprelu")

    def _dictionary(self, site: str, config: SaeConfig) -> tuple[Dictionary, SaeMetrics]:
        if config == self.config.saes:
            known = next(d for d in load_dictionaries(self.study) if d.site == site)
            return known, load_sae_metrics(self.study, site)
        seed = seed_for(self.seed, f"saes/{site}")
        trained = train_sae(self.train.stores[site], self.heldout.stores[site], config, seed, self.progress)
        statistics = feature_statistics(trained.sae, self.train.stores[site], self.config.extract.firing)
        return Dictionary(site, trained.sae, statistics), trained.metrics

    @torch.no_grad()
    def _splice(self, site: str, dictionary: Dictionary) -> Faithfulness:
        where = next(s for s in self.subject.sites if s.name == site)
        tail, sae = tail_from(self.subject.network, where), dictionary.encoder
        outputs = [tail(sae(rows[site]), None) for rows in self.heldout.batches(4096)]  # pyright: ignore
        return compare(self.ref, torch.cat(outputs), site, ())

    @torch.no_grad()
    def axes(self) -> Iterator[Figure]:
        """How far the study's dictionaries are the neurons themselves: decoder rows along one neuron's axis."""
        for dictionary in load_dictionaries(self.study):
            decoder = dictionary.encoder.weights().W_dec  # pyright: ignore
            aligned = decoder.abs().max(1).values > AXIS_COSINE * decoder.norm(dim=1)
            firings = dictionary.statistics.firings
            values = {
                "features": float(aligned.double().mean()),
                "firings": float(firings[aligned].sum() / firings.sum()),
            }
            yield from rows("axes", dictionary.site, self.seed, "train", len(self.train), values)

    def seed_connectors(self) -> Iterator[Figure]:
        """The seed's recipe (tied autoencoder, MSE + L1 by gradient descent), then really thresholded."""
        tied = self._tied()
        for l1 in L1_OF_GRADIENT:
            config = ConnectorConfig(
                "gradient", "random", l1, self.config.connectors.epochs, SEED_BATCH, 1e-3
            )
            yield from self._connector_rows("seed recipe", f"l1 {l1:g}", tied, config)

    def starts(self) -> Iterator[Figure]:
        """Random against analytic start: same dictionaries, solver, penalty, samples and epochs."""
        dictionaries = {"tied": self._tied(), "batch topk": list(load_dictionaries(self.study))}
        for name, chosen in dictionaries.items():
            for solver, l1, lr in _SOLVERS:
                for epochs in LENGTHS:
                    for init in _STARTS:
                        config = ConnectorConfig(solver, init, l1, epochs, SEED_BATCH, lr)
                        arm = f"{name}, {solver}, {epochs} epochs | {init}"
                        yield from self._connector_rows("starts", arm, chosen, config)

    def _tied(self) -> list[Dictionary]:
        config = replace(self.config.saes, architecture="relu_tied", l1=1.8)
        return [self._dictionary(site, config)[0] for site in self.sites]

    def _connector_rows(
        self, experiment: str, arm: str, dictionaries: list[Dictionary], config: ConnectorConfig
    ) -> Iterator[Figure]:
        network = self._connected(dictionaries, config)
        threshold, n = self.config.extract.threshold, len(self.labels)
        for connector, source, target in zip(
            network.connectors, dictionaries, dictionaries[1:], strict=False
        ):
            fidelity = connector_fidelity(connector, source, target, self.heldout, "heldout")
            sparsity = sparsity_of(connector, target.statistics.live)
            values = {
                "l1": sparsity.l1,
                "mse": fidelity.mse,
                "fvu": fidelity.fvu,
                "median R2": fidelity.r2_median,
                "edges": sparsity.edges,
                "|w| > 0.1 raw": sparsity.above_raw,
                "|w| > 0.1 unit": sparsity.above_unit,
            }
            yield from rows(experiment, f"{arm} | {target.site}", self.seed, "heldout", n, values)
        cuts = {
            "accuracy": network,
            "accuracy raw threshold": _with(network, [raw_cut(c, 0.1) for c in network.connectors]),
            "accuracy thresholded": network.thresholded(threshold),
            f"accuracy at {_SAME_EDGES} edges": _with(
                network, [strongest(c, _SAME_EDGES) for c in network.connectors]
            ),
        }
        values = {
            name: faithfulness(cut, self.heldout, self.ref, name).accuracy for name, cut in cuts.items()
        }
        yield from rows(experiment, f"{arm} | both", self.seed, "heldout", n, values)

    def _connected(self, dictionaries: list[Dictionary], config: ConnectorConfig) -> FeatureNetwork:
        base = load_feature_network(self.study, self.subject)
        connectors: list[Connector] = []
        for source, target in pairwise(dictionaries):
            affine = load_classifier(self.study).affine_between(source.site, target.site)
            seed = seed_for(self.seed, f"connectors/{source.site}__{target.site}")
            pairs = FeaturePairs(source, target, self.train)
            connectors.append(train_connector(pairs, affine, config, seed, self.progress).connector)
        decoder = dictionaries[-1].encoder
        return FeatureNetwork(tuple(dictionaries), tuple(connectors), decoder, base.tail)  # pyright: ignore

    def curve(self) -> Iterator[Figure]:
        """Accuracy against edges, everything really thresholded, held out and on the test set."""
        solved = load_feature_network(self.study, self.subject, tuned=False)
        threshold, seed = self.config.extract.threshold, seed_for(self.seed, "feature_network")
        test_labels = torch.from_numpy(self.data.test.labels)
        with captured(self.subject, image_samples(self.data.test), self.progress) as test:
            for edges in EDGES:
                config = replace(self.config.tune, edges=edges)
                tuned = tune_feature_network(solved, self.train, config, threshold, seed, self.progress)
                for split, stored, labels in (
                    ("heldout", self.heldout, self.labels),
                    ("test", test, test_labels),
                ):
                    metrics = measure_chain(solved, tuned, threshold, stored, labels, split)
                    yield from chain_rows("curve", str(edges), self.seed, metrics)


def chain_rows(experiment: str, arm: str, seed: int, metrics: NetworkMetrics) -> Iterator[Figure]:
    """The figures of one thresholded feature network on one split."""
    cut = metrics.variants[-1]
    values = {
        "accuracy": cut.accuracy,
        "agreement": cut.agreement,
        "kl": cut.kl,
        "loss recovered": cut.loss_recovered,
        "loss recovered (mean)": cut.loss_recovered_mean,
        "accuracy tuned, not thresholded": metrics.variants[-2].accuracy,
        "accuracy as solved": metrics.variants[1].accuracy,
        "accuracy as solved, thresholded": metrics.variants[2].accuracy,
    }
    for number, (sparsity, fidelity) in enumerate(zip(metrics.sparsity, metrics.fidelity, strict=True), 1):
        values |= {
            f"edges {number}": sparsity.edges,
            f"in-degree {number}": sparsity.in_degree_mean,
            f"reached {number}": sparsity.reached,
            f"live {number}": fidelity.live,
            f"median R2 {number}": fidelity.r2_median,
            f"firing F1 {number}": fidelity.firing_f1_median,
            f"copy rate {number}": fidelity.copy_rate,
        }
    yield from rows(experiment, arm, seed, cut.split, cut.samples, _marked(values, cut.split))


def _marked(values: dict[str, float | int], split: str) -> dict[str, float | int]:
    """Metric names of the test split say so; held-out is the rule."""
    return values if split == "heldout" else {f"{name} ({split})": value for name, value in values.items()}


def _with(network: FeatureNetwork, connectors: list[Connector]) -> FeatureNetwork:
    return replace(network, connectors=tuple(connectors))


def raw_cut(connector: Connector, threshold: float) -> Connector:
    """Only the entries with |raw weight| above `threshold`: the seed's own count."""
    return replace(connector, weight=torch.where(connector.weight.abs() > threshold, connector.weight, 0.0))


def strongest(connector: Connector, count: int) -> Connector:
    """Only the `count` entries of largest |unit-scale weight|."""
    size = connector.unit_weight.abs().flatten()
    if count >= len(size):
        return connector
    keep = torch.zeros_like(size).bool()
    keep[size.topk(count).indices] = True
    return replace(connector, weight=torch.where(keep.view_as(connector.weight), connector.weight, 0.0))
