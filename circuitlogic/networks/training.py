"""Training and scoring an image classifier."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from circuitlogic.config import NetworkConfig
from circuitlogic.datasets.images import ImageData, ImageSplit
from circuitlogic.errors import DataError
from circuitlogic.networks.image_mlp import ImageClassifier
from circuitlogic.networks.protocol import outputs_of
from circuitlogic.networks.scores import ClassifierScores
from circuitlogic.progress import SILENT, Progress

_FEWEST_STEPS = 6
"""OneCycleLR with a rise of 20 % cannot make a schedule of 5 steps."""


def train_classifier(
    data: ImageData, config: NetworkConfig, generator: torch.Generator, progress: Progress = SILENT
) -> ImageClassifier:
    """Train on `data.train`: AdamW, one-cycle learning rate, random shifts, activation penalty.

    Raises:
        DataError: the loss became NaN or infinite.
    """
    network = ImageClassifier(data.shape[0] * data.shape[1], config.hidden, data.classes, generator)
    images, labels = torch.from_numpy(data.train.images), torch.from_numpy(data.train.labels)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
    )
    steps = config.epochs * -(-len(labels) // config.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, config.lr, total_steps=max(steps, _FEWEST_STEPS), pct_start=0.2
    )
    network.train()
    for _ in progress.track(range(config.epochs), "classifier", config.epochs):
        for rows in torch.randperm(len(labels), generator=generator).split(config.batch_size):
            batch = shifted(images[rows], data.shape, config.shift, generator)
            logits, hidden = network.hidden_activations(batch)
            energy = sum((h.square().mean() for h in hidden), torch.zeros(()))
            loss = F.cross_entropy(logits, labels[rows]) + config.activation_penalty * energy
            if not torch.isfinite(loss):
                raise DataError("the classifier's loss is not finite: lower network.lr or check the images")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def shifted(
    images: Float[Tensor, "batch pixels"], shape: tuple[int, int], most: int, generator: torch.Generator
) -> Float[Tensor, "batch pixels"]:
    """The batch moved by one random offset of at most `most` pixels, empty pixels filled with 0."""
    if most == 0:
        return images
    height, width = shape
    down, right = (int(torch.randint(0, 2 * most + 1, (), generator=generator)) for _ in range(2))
    padded = F.pad(images.view(-1, height, width), (most, most, most, most))
    return padded[:, down : down + height, right : right + width].reshape(len(images), -1)


def score_classifier(network: nn.Module, split: ImageSplit, name: str) -> ClassifierScores:
    """Accuracy and cross-entropy of `network` on `split`."""
    logits = outputs_of(network, torch.from_numpy(split.images))
    return score_logits(logits, torch.from_numpy(split.labels), name)


def score_logits(
    logits: Float[Tensor, "n classes"], labels: Int[Tensor, " n"], name: str
) -> ClassifierScores:
    """Accuracy and cross-entropy of `logits`."""
    return ClassifierScores(
        split=name,
        samples=len(labels),
        accuracy=float((logits.argmax(1) == labels).double().mean()),
        loss=float(F.cross_entropy(logits.double(), labels)),
    )
