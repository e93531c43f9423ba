"""Owns one feature network's row of figures: what it scores, with every guard beside it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.benchmarks.figures import Figure, rows
from circuitlogic.stages.feature_network import measure_chain
from circuitlogic.stages.network_metrics import NetworkMetrics
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.verify.faithfulness import original_accuracy


def network_figures(
    experiment: str,
    arm: str,
    seed: int,
    solved: FeatureNetwork,
    tuned: FeatureNetwork,
    threshold: float,
    samples: dict[str, tuple[PairedActivations, Tensor]],
) -> Iterator[Figure]:
    """Figures of the thresholded network on each split of `samples` (activations, labels)."""
    for split, (activations, labels) in samples.items():
        metrics = measure_chain(solved, tuned, threshold, activations, labels, split)
        original = original_accuracy(activations, labels)
        values = {**figures_of(metrics), "original": original}
        values["drop"] = original - values["accuracy"]
        named = values if split == "heldout" else {f"{name} ({split})": v for name, v in values.items()}
        yield from rows(experiment, arm, seed, split, len(labels), named)


def figures_of(metrics: NetworkMetrics) -> dict[str, float | int]:
    """By name; per-site figures are numbered from 1, as the connectors are."""
    cut = metrics.variants[-1]
    values: dict[str, float | int] = {
        "accuracy": cut.accuracy,
        "agreement": cut.agreement,
        "kl": cut.kl,
        "loss recovered": cut.loss_recovered,
        "edges": sum(cut.edges),
    }
    parts = zip(metrics.sparsity, metrics.fidelity, metrics.dictionaries[1:], strict=True)
    for number, (sparsity, fidelity, fit) in enumerate(parts, 1):
        values |= {
            f"edges {number}": sparsity.edges,
            f"reached {number}": sparsity.reached,
            f"live {number}": fidelity.live,
            f"R2 {number}": fidelity.r2_median,
            f"F1 {number}": fidelity.firing_f1_median,
            f"F1 >= .8 {number}": fidelity.firing_f1_share_80,
            f"always F1 {number}": fidelity.always_f1_median,
            f"rate {number}": fidelity.firing_rate_median,
            f"copies {number}": fidelity.copy_rate,
            f"best input {number}": fidelity.best_input_median,
            f"fvu before {number}": fit.fvu_before,
            f"fvu after {number}": fit.fvu_after,
        }
    return values


def medians(values: list[float]) -> float:
    """The median; 0 of nothing."""
    return float(torch.tensor(values).median()) if values else 0.0
