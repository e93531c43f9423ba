"""The feature network against the original: accuracy, agreement, KL, loss recovered. All on one named split."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from circuitlogic.activations.paired import INPUTS, OUTPUTS, PairedActivations
from circuitlogic.connectors.metrics import FeatureFidelity, feature_fidelity
from circuitlogic.networks.protocol import Tail
from circuitlogic.networks.scores import ClassifierScores
from circuitlogic.substitute.feature_network import FeatureNetwork
from circuitlogic.verify.scores import Faithfulness

_BATCH = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The original network on one split."""

    split: str
    outputs: Float[Tensor, "n classes"]
    labels: Int[Tensor, " n"]
    loss_zero: float
    """Cross-entropy with the last site zero-ablated."""
    loss_mean: float
    """Cross-entropy with the last site replaced by its mean."""


def original_accuracy(activations: PairedActivations, labels: Int[Tensor, " n"]) -> float:
    """Share of samples whose stored outputs of the original are right."""
    answers = [rows[OUTPUTS].argmax(1) for rows in activations.batches(_BATCH)]
    return float((torch.cat(answers) == labels).double().mean())


@torch.no_grad()
def reference(
    activations: PairedActivations, labels: Int[Tensor, " n"], last_site: str, tail: Tail, split: str
) -> Reference:
    """Measure the original and its ablations on the stored activations of `split`."""
    outputs, zero, mean = list[Tensor](), list[Tensor](), list[Tensor]()
    centre = torch.from_numpy(activations.stores[last_site].rows(slice(0, 65_536))).mean(0)
    for rows in activations.batches(_BATCH):
        activation = rows[last_site]
        outputs.append(rows[OUTPUTS])
        zero.append(tail(torch.zeros_like(activation), rows.get(INPUTS)))
        mean.append(tail(centre.expand_as(activation), rows.get(INPUTS)))
    return Reference(
        split,
        torch.cat(outputs),
        labels,
        float(F.cross_entropy(torch.cat(zero).double(), labels)),
        float(F.cross_entropy(torch.cat(mean).double(), labels)),
    )


def original_scores(ref: Reference) -> ClassifierScores:
    """The original on the samples of `ref`."""
    outputs = ref.outputs.double()
    right = float((outputs.argmax(1) == ref.labels).double().mean())
    return ClassifierScores(ref.split, len(ref.labels), right, float(F.cross_entropy(outputs, ref.labels)))


def compare(
    ref: Reference, outputs: Float[Tensor, "n classes"], variant: str, edges: tuple[int, ...]
) -> Faithfulness:
    """Score a substitute's `outputs` against the original."""
    original, ours = ref.outputs.double(), outputs.double()
    loss_original = float(F.cross_entropy(original, ref.labels))
    loss = float(F.cross_entropy(ours, ref.labels))
    return Faithfulness(
        variant=variant,
        split=ref.split,
        samples=len(ref.labels),
        edges=edges,
        accuracy=float((ours.argmax(1) == ref.labels).double().mean()),
        agreement=float((ours.argmax(1) == original.argmax(1)).double().mean()),
        kl=float(
            F.kl_div(ours.log_softmax(1), original.log_softmax(1), reduction="batchmean", log_target=True)
        ),
        loss=loss,
        loss_recovered=_recovered(ref.loss_zero, loss, loss_original),
        loss_recovered_mean=_recovered(ref.loss_mean, loss, loss_original),
    )


def _recovered(ablated: float, substituted: float, original: float) -> float:
    return (ablated - substituted) / (ablated - original) if ablated != original else 0.0


def faithfulness(
    network: FeatureNetwork, activations: PairedActivations, ref: Reference, variant: str
) -> Faithfulness:
    """Run the feature network on the stored first-site activations and score it."""
    first = network.dictionaries[0].site
    outputs = [network(rows[first], rows.get(INPUTS)) for rows in activations.batches(_BATCH)]
    return compare(ref, torch.cat(outputs), variant, network.edges)


@torch.no_grad()
def reconstruction_faithfulness(
    network: FeatureNetwork, activations: PairedActivations, ref: Reference
) -> Faithfulness:
    """The last site's own autoencoder spliced in, no connector: the best that its decoder allows."""
    last = network.dictionaries[-1]
    outputs = [
        network.outputs(last.encoder.encode(rows[last.site]), rows.get(INPUTS))
        for rows in activations.batches(_BATCH)
    ]
    return compare(ref, torch.cat(outputs), f"SAE of {last.site} only", ())


@torch.no_grad()
def site_fidelity(
    network: FeatureNetwork, activations: PairedActivations, split: str
) -> tuple[FeatureFidelity, ...]:
    """Per site but the first: the chain's predicted features against the true ones."""
    found: list[FeatureFidelity] = []
    for number, dictionary in enumerate(network.dictionaries[1:], start=1):

        def batches(number: int = number, site: str = dictionary.site):
            for rows in activations.batches(_BATCH):
                predicted = network.features(rows[network.dictionaries[0].site])[number]
                source = network.dictionaries[number - 1]
                yield (
                    source.encoder.encode(rows[source.site]),
                    network.dictionaries[number].encoder.encode(rows[site]),
                    predicted,
                )

        found.append(feature_fidelity(batches(), dictionary.statistics, split))
    return tuple(found)
