"""How well a connector predicts the true features of its target site, and how sparse it is."""

from collections.abc import Iterable

import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.connectors.model import Connector
from circuitlogic.connectors.scores import FeatureFidelity, Sparsity
from circuitlogic.saes.statistics import FeatureStatistics

MIN_FIRINGS = 20
"""Features with fewer firings on the measured split count neither as live nor in a median."""
COPY_CORRELATION = 0.9
_DENSE = 1 << 20
"""Pairs of features up to which products are taken of all of them."""


def sparsity_of(connector: Connector, live: Tensor) -> Sparsity:
    """Count entries; `live` [n_out] says which output features ever fire on training data."""
    degree = (connector.weight != 0).sum(1)[live]
    some = len(degree) > 0
    return Sparsity(
        entries=connector.weight.numel(),
        edges=int((connector.weight != 0).sum()),
        above_raw=int((connector.weight.abs() > 0.1).sum()),
        above_unit=int((connector.unit_weight.abs() > 0.1).sum()),
        l1=float(connector.weight.abs().double().mean()),
        in_degree_mean=float(degree.double().mean()) if some else 0.0,
        in_degree_median=_median(degree.double()),
        in_degree_max=int(degree.max()) if some else 0,
        reached=int((degree > 0).sum()),
    )


class _Moments:
    """Running sums from which all figures of `FeatureFidelity` follow."""

    def __init__(self, thresholds: Tensor) -> None:
        self.thresholds = thresholds
        self.n = 0
        self.sums: dict[str, Tensor] = {}

    def add(self, source: Tensor | None, true: Tensor, predicted: Tensor) -> None:
        fires, says = true > self.thresholds, predicted > self.thresholds
        t, error = true.double(), (true.double() - predicted.double())
        self._sum(t=t, tt=t * t, ee=error * error, fires=fires, says=says, both=fires & says)
        if source is not None:
            s = source.double()
            self._sum(s=s, ss=s * s)
            self._total("st", _products(t, s))
        self.n += len(true)

    def _sum(self, **columns: Tensor) -> None:
        for name, values in columns.items():
            self._total(name, values.double().sum(0))

    def _total(self, name: str, value: Tensor) -> None:
        self.sums[name] = self.sums[name] + value if name in self.sums else value


def _products(targets: Float[Tensor, "n m"], sources: Float[Tensor, "n k"]) -> Float[Tensor, "m k"]:
    """Sums of products; of wide dictionaries, which fire sparsely, only where both fire."""
    if targets.shape[1] * sources.shape[1] <= _DENSE:
        return targets.T @ sources
    ours, theirs = (sp.csr_array(part.numpy()) for part in (targets, sources))
    return torch.from_numpy((ours.T @ theirs).toarray())


@torch.no_grad()
def feature_fidelity(
    batches: Iterable[tuple[Tensor | None, Tensor, Tensor]], statistics: FeatureStatistics, split: str
) -> FeatureFidelity:
    """Compare (input features or None, true features, predicted features), all raw units, batch by batch."""
    moments = _Moments(statistics.thresholds)
    for source, true, predicted in batches:
        moments.add(source, true, predicted)
    s, n = moments.sums, moments.n
    variance = s["tt"] - s["t"].square() / n
    live = s["fires"] >= MIN_FIRINGS
    f1 = 2 * s["both"] / (s["fires"] + s["says"]).clamp_min(1)
    best = _best_inputs(s, n, variance, live)
    r2 = 1 - s["ee"] / variance.clamp_min(1e-12)
    return FeatureFidelity(
        split=split,
        samples=n,
        mse=float(s["ee"].sum() / (n * len(live))),
        fvu=float(s["ee"].sum() / variance.sum().clamp_min(1e-12)),
        live=int(live.sum()),
        r2_median=_median(r2[live]),
        firing_f1_median=_median(f1[live]),
        firing_f1_share_80=float((f1[live] >= 0.8).double().mean()) if live.any() else 0.0,
        copy_rate=float((best > COPY_CORRELATION).double().mean()) if len(best) else 0.0,
        best_input_median=_median(best),
        firing_rate_median=_median(s["fires"][live] / n),
        always_f1_median=_median(2 * s["fires"][live] / (s["fires"][live] + n)),
    )


def _best_inputs(s: dict[str, Tensor], n: int, variance: Tensor, live: Tensor) -> Float[Tensor, " n_live"]:
    """Each live feature's highest correlation with one input feature; empty where inputs are not given."""
    if "st" not in s:
        return variance[:0]
    covariance = s["st"] - s["t"][:, None] * s["s"] / n
    spread = (s["ss"] - s["s"].square() / n).clamp_min(1e-12).sqrt()
    correlation = covariance / (variance.clamp_min(1e-12).sqrt()[:, None] * spread)
    return correlation.max(1).values[live]


def _median(values: Float[Tensor, " n"]) -> float:
    return float(values.quantile(0.5)) if len(values) else 0.0
