"""What every connector solver is given, and what it gives back."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.config import ConnectorConfig
from circuitlogic.connectors.feature_pairs import FeaturePairs
from circuitlogic.connectors.model import Connector
from circuitlogic.connectors.products import SparseRows
from circuitlogic.progress import Progress


@dataclass(frozen=True, slots=True)
class ConnectorJob:
    """One connector to be found."""

    pairs: FeaturePairs
    """Training samples."""
    affine: tuple[Tensor, Tensor] | None
    """The network's own layer between the sites, for the analytic start."""
    config: ConnectorConfig
    seed: int
    """Of the start and the order of samples."""
    progress: Progress
    encoded: list[tuple[SparseRows, SparseRows]] = field(default_factory=list[tuple[SparseRows, SparseRows]])
    """All samples (F_in, F_out), once the solver has encoded them; the refit takes them from here."""

    @property
    def name(self) -> str:
        """What progress and errors call it."""
        return f"connector {self.pairs.source.site} → {self.pairs.target.site}"

    def connector(self, weight: Tensor, bias: Tensor) -> Connector:
        """The connector with these unit-scale parameters; rows of dead outputs are emptied."""
        source, target = self.pairs.source.statistics.scales, self.pairs.target.statistics.scales
        live = self.pairs.target.statistics.live
        weight, bias = torch.where(live[:, None], weight, 0.0), torch.where(live, bias, 0.0)
        raw = weight * target[:, None] / source
        return Connector(self.pairs.source.site, self.pairs.target.site, raw, bias * target, source, target)


@dataclass(frozen=True, slots=True)
class Certificate:
    """How close to the optimum of its objective a solver got: over the live outputs, before any refit."""

    gap_max: float
    """Certified bound on (objective - optimum) / objective of the empty row; of the worst row."""
    gap_median: float
    penalty_min: float
    """λ, which a path chooses row by row."""
    penalty_median: float
    penalty_max: float


def certificate(gaps: Float[Tensor, " rows"], penalties: Float[Tensor, " rows"]) -> Certificate | None:
    """Of these rows; None where there are none."""
    if not len(gaps):
        return None
    return Certificate(
        float(gaps.max()),
        float(gaps.quantile(0.5)),
        float(penalties.min()),
        float(penalties.quantile(0.5)),
        float(penalties.max()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """W on the way to the solution."""

    kind: Literal["start", "epoch", "penalty", "refit"]
    """After what: nothing, an epoch of descent, a penalty of the path, the refit."""
    weight: Float[Tensor, "n_out n_in"]
    """Between unit-scale features."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedConnector:
    """A connector and how it came about."""

    connector: Connector
    stages: tuple[Snapshot, ...]
    """W before training and after every epoch, or at every penalty; at least two."""
    losses: tuple[float, ...]
    """Mean training objective of each epoch, or of each penalty."""
    certificate: Certificate | None = None
    """Of solvers that certify their optimum."""

    @property
    def snapshots(self) -> tuple[Float[Tensor, "n_out n_in"], ...]:
        """The matrices of `stages`."""
        return tuple(stage.weight for stage in self.stages)
