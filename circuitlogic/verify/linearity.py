"""Owns which output features of a layer are linear: ReLU(a·x + b) of the layer's input against a small MLP of it.

Both are trained on the same samples with the same loss, the convexified ReLU loss that connectors are solved with,
in units of each feature's variance, and scored by the unexplained share of the feature's variance, held out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.metrics import MIN_FIRINGS
from circuitlogic.errors import DataError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.saes.training_run import learning_rate_share

HIDDEN = 512
"""Neurons of the small MLP."""
MOST = 512
"""Output features that are looked at, drawn by the seed among the live ones."""
MARGIN = 0.05
"""A feature is linear if the MLP explains at most so much more of its variance."""
STEPS = 1600
"""Of training, each on 512 samples."""
_BATCH, _LR = 512, 3e-3


@dataclass(frozen=True, slots=True)
class Linearity:
    """Of one layer; parallel lists over the features looked at."""

    features: tuple[int, ...]
    fvu_linear: tuple[float, ...]
    fvu_mlp: tuple[float, ...]
    live: int
    """Live output features, of which these were drawn."""

    @property
    def share(self) -> float:
        """Share of features that are linear."""
        pairs = zip(self.fvu_linear, self.fvu_mlp, strict=True)
        return sum(a <= b + MARGIN for a, b in pairs) / max(len(self.features), 1)


def measure_linearity(
    source: str,
    target: Dictionary,
    train: PairedActivations,
    heldout: PairedActivations,
    seed: int,
    progress: Progress = SILENT,
) -> Linearity:
    """Train both readers of `source` for the same features of `target`.

    Raises:
        DataError: no output feature fires often enough on held-out samples.
    """
    live = _live(target, heldout)
    if not len(live):
        raise DataError(f"no feature of {target.site} fires on {MIN_FIRINGS} held-out samples")
    order = np.random.default_rng(seed)
    chosen = np.sort(order.choice(live, min(MOST, len(live)), replace=False))
    reader = _Reader(source, target, torch.from_numpy(chosen))
    fvus = [reader.fitted(hidden, train, heldout, seed, progress) for hidden in (0, HIDDEN)]
    return Linearity(tuple(chosen.tolist()), tuple(fvus[0].tolist()), tuple(fvus[1].tolist()), len(live))


@torch.no_grad()
def _live(target: Dictionary, heldout: PairedActivations) -> Int[np.ndarray, " n"]:
    fires = torch.zeros(len(target.statistics.scales), dtype=torch.int64)
    for y in heldout.stores[target.site].batches(4096, None):
        fires += (target.encoder.encode(y) > target.statistics.thresholds).sum(0)
    return torch.nonzero((fires >= MIN_FIRINGS) & target.statistics.live).flatten().numpy()


class _Reader:
    """Training and scoring of one map from a site to some features of another."""

    def __init__(self, source: str, target: Dictionary, chosen: Int[Tensor, " n"]) -> None:
        self._source, self._target, self._chosen = source, target, chosen

    def fitted(
        self, hidden: int, train: PairedActivations, heldout: PairedActivations, seed: int, progress: Progress
    ) -> Float[Tensor, " n"]:
        """Held-out unexplained share of each feature's variance."""
        pairs = PairedActivations({name: train.stores[name] for name in (self._source, self._target.site)})
        sample = torch.from_numpy(pairs.stores[self._source].rows(slice(0, 16_384))).float()
        generator = torch.Generator().manual_seed(seed)
        scale = sample.std(0).mean().clamp_min(1e-6)
        net = _network(sample.mean(0), scale, hidden, len(self._chosen), generator)
        spread = self._spread(pairs)
        optimizer = torch.optim.Adam(net.parameters(), lr=_LR, fused=True)
        name = f"{'small MLP' if hidden else 'linear reader'} of {self._target.site}"
        samples = self._endless(pairs, np.random.default_rng(seed))
        for step in progress.track(range(STEPS), name, STEPS):
            x, y = next(samples)
            z, y = net(x), y / spread
            error = torch.where(y > 0, y - z, torch.relu(z)).square().mean()
            optimizer.zero_grad()
            error.backward()
            for group in optimizer.param_groups:
                group["lr"] = _LR * learning_rate_share(step, STEPS)
            optimizer.step()
        return self._fvu(net, spread, heldout)

    @torch.no_grad()
    def _fvu(self, net: nn.Module, spread: Tensor, heldout: PairedActivations) -> Float[Tensor, " n"]:
        pairs = PairedActivations({name: heldout.stores[name] for name in (self._source, self._target.site)})
        error, total, square, count = 0.0, 0.0, 0.0, 0
        for x, y in self._batches(pairs, None):
            error = error + (torch.relu(net(x)) * spread - y).double().square().sum(0)
            total, square, count = (
                total + y.double().sum(0),
                square + y.double().square().sum(0),
                count + len(y),
            )
        variance = torch.as_tensor(square) - torch.as_tensor(total).square() / max(count, 1)
        return torch.as_tensor(error) / variance.clamp_min(1e-12)

    @torch.no_grad()
    def _spread(self, pairs: PairedActivations) -> Float[Tensor, " n"]:
        rows = torch.from_numpy(pairs.stores[self._target.site].rows(slice(0, 16_384))).float()
        return self._target.encoder.encode(rows)[:, self._chosen].std(0).clamp_min(1e-3)

    def _endless(
        self, pairs: PairedActivations, order: np.random.Generator
    ) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from self._batches(pairs, order)

    def _batches(
        self, pairs: PairedActivations, order: np.random.Generator | None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in pairs.batches(_BATCH, order):
            with torch.no_grad():
                y = self._target.encoder.encode(rows[self._target.site])[:, self._chosen]
            yield rows[self._source], y


def _network(
    mean: Float[Tensor, " d"], scale: Float[Tensor, ""], hidden: int, outputs: int, generator: torch.Generator
) -> nn.Sequential:
    """Linear, or with one GELU layer; starts at 0 on the mean input."""
    sizes = [len(mean), outputs] if not hidden else [len(mean), hidden, outputs]
    layers: list[nn.Module] = []
    for number, (n_in, n_out) in enumerate(pairwise(sizes)):
        layer = nn.Linear(n_in, n_out)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(n_out, n_in, generator=generator) / n_in**0.5)
            layer.bias.zero_()
            if number == 0:
                layer.weight.div_(scale)
                layer.bias.copy_(-layer.weight @ mean)
        layers += [layer, nn.GELU()]
    return nn.Sequential(*layers[:-1])
