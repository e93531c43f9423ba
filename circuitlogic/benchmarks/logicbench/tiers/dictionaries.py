"""Owns the learned dictionaries of a tier: one SAE per site, and its features matched to planted ones."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import cast

import numpy as np
import scipy.sparse
import torch
from scipy.optimize import linear_sum_assignment

from circuitlogic.activations.store import ActivationStore
from circuitlogic.activations.writer import ActivationWriter
from circuitlogic.benchmarks.logicbench.planting import FIRING
from circuitlogic.config import SaeConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.logic.activity import FloatArray, IntArray
from circuitlogic.logic.columns import firing_threshold
from circuitlogic.logic.scores import count
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.statistics import feature_statistics
from circuitlogic.saes.training import TrainedSae, train_sae

STANDS_FOR = 0.9
"""Correlation from which a learned feature stands for a planted one."""


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """One site: the dictionary trained on its first half, and what its features do on all samples."""

    sae: SparseAutoencoder
    dictionary: Dictionary
    store: ActivationStore
    """Training samples."""
    features: scipy.sparse.csc_array
    """[N, d_sae] raw units."""
    fvu: float
    l0: float
    dead: float


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Which learned feature stands for which planted one (Hungarian method on training samples)."""

    learned: IntArray
    """[planted] the learned feature."""
    correlations: FloatArray
    """[planted] with it, on held-out samples."""

    aliases: dict[int, int]
    """Other learned features that correlate with a planted one by at least .9 on held-out samples -> it."""

    @property
    def names(self) -> dict[int, int]:
        """Learned feature -> planted one."""
        return {int(feature): planted for planted, feature in enumerate(self.learned)}


def learn(site: str, vectors: FloatArray, train: int, config: SaeConfig, seed: int, folder: Path) -> Learned:
    """Train the dictionary that `config` asks for on the first `train` rows."""
    values = torch.from_numpy(vectors.astype(np.float32))
    trained = _trained(values, train, config, seed)
    with ActivationWriter(folder / site, site, values.shape[1]) as writer:
        writer.append(values[:train])
    store = ActivationStore.open(folder / site)
    with torch.no_grad():
        features = scipy.sparse.csc_array(trained.sae.encode(values).double().numpy())
    dictionary = Dictionary(site, trained.sae, feature_statistics(trained.sae, store, FIRING))
    found = trained.metrics
    return Learned(trained.sae, dictionary, store, features, found.fvu, found.l0, found.dead)


_REMEMBERED: dict[tuple[bytes, int, SaeConfig, int], TrainedSae] = {}
_MOST = 8
_SHORT, _MOST_K = 6, 8
"""Epochs of a training that only chooses k, and the largest k tried."""


def _trained(values: torch.Tensor, train: int, config: SaeConfig, seed: int) -> TrainedSae:
    """The dictionary of these vectors, k chosen by `_with_k`.

    Tiers that look at the same inputs train it once per process.
    """
    key = (sha256(values.numpy().tobytes()).digest(), train, config, seed)
    if key not in _REMEMBERED:
        if len(_REMEMBERED) >= _MOST:
            del _REMEMBERED[next(iter(_REMEMBERED))]
        chosen = _with_k(values, train, config, seed)
        _REMEMBERED[key] = train_sae(values[:train], values[train:], chosen, seed)
    return _REMEMBERED[key]


def _with_k(values: torch.Tensor, train: int, config: SaeConfig, seed: int) -> SaeConfig:
    """The fewest firings per sample of which one more would not halve the held-out error any further.

    Found by short trainings from k = 1; looks at the vectors alone, not at what was planted.
    """
    short = replace(config, epochs=_SHORT)
    errors: list[float] = []
    for k in range(1, _MOST_K + 1):
        errors.append(train_sae(values[:train], values[train:], replace(short, k=k), seed).metrics.fvu)
        if k > 1 and errors[-1] > errors[-2] / 2:
            return replace(config, k=k - 1)
    return replace(config, k=_MOST_K)


def match(planted: FloatArray, learned: scipy.sparse.csc_array, train: int) -> Matching:
    """Pair every planted feature [N, m] with another learned one, the sum of correlations being highest."""
    dense = cast("FloatArray", learned.toarray())
    rows, columns = linear_sum_assignment(-correlations(planted[:train], dense[:train]))
    heldout = correlations(planted[train:], dense[train:])
    best = heldout.argmax(axis=0)
    close = np.flatnonzero(heldout[best, np.arange(best.size)] >= STANDS_FOR)
    aliases = {int(feature): int(best[feature]) for feature in close if feature not in columns}
    return Matching(columns.astype(np.int64), heldout[rows, columns], aliases)


def firing_f1(planted: FloatArray, learned: scipy.sparse.csc_array, matching: Matching, train: int) -> float:
    """Mean over planted features [N, m] of the held-out F1 of the matched feature's firing against theirs.

    Lower than correlations are where dictionaries fire weakly by interference: gates are read from firings.
    """
    scores: list[float] = []
    for feature, true in zip(matching.learned.tolist(), planted.T, strict=True):
        values = cast("FloatArray", learned[:, [feature]].toarray())[:, 0]
        fires = values[train:] > firing_threshold(values[:train], FIRING)
        scores.append(count(fires, true[train:] > 0).f1)
    return float(np.mean(scores))


def correlations(one: FloatArray, other: FloatArray) -> FloatArray:
    """[columns of one, columns of other] Pearson's; 0 for a column that does not vary."""
    a, b = (x - x.mean(0) for x in (one, other))
    spread = np.linalg.norm(a, axis=0)[:, None] * np.linalg.norm(b, axis=0)
    return (a.T @ b) / np.where(spread > 0, spread, 1.0) * (spread > 0)
