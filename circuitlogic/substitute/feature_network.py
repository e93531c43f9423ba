"""Running a model on features: encode once, pass through the connectors, decode before the readout."""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.errors import StudyError
from circuitlogic.networks.protocol import Tail
from circuitlogic.saes.base import SparseAutoencoder


@dataclass(frozen=True, slots=True, eq=False)
class FeatureNetwork:
    """A chain of dictionaries joined by connectors, from the first site's activation to the outputs.

    No neuron layer lies between the first encoder and the last decoder.
    """

    dictionaries: tuple[Dictionary, ...]
    """Of the sites in order; only the first encodes, the others name the features."""
    connectors: tuple[Connector, ...]
    """One from each site to the next."""
    decoder: SparseAutoencoder
    """The last site's autoencoder."""
    tail: Tail
    """The rest of the original network after the last site."""

    def __post_init__(self) -> None:
        sites = [d.site for d in self.dictionaries]
        joined = [(c.source, c.target) for c in self.connectors]
        if not joined or joined != list(pairwise(sites)):
            raise StudyError(
                f"connectors join {joined}, the dictionaries are of {sites}: they must be one chain"
            )
        sizes = [len(d.statistics.scales) for d in self.dictionaries]
        for connector, (n_in, n_out) in zip(self.connectors, pairwise(sizes), strict=True):
            if connector.weight.shape != (n_out, n_in):
                raise StudyError(
                    f"the connector {connector.source} → {connector.target} is "
                    f"{list(connector.weight.shape)}, its dictionaries ask for {[n_out, n_in]}"
                )

    def features(self, activations: Float[Tensor, "batch d"]) -> list[Tensor]:
        """Raw features at every site, given the first site's activations; all but the first are predicted."""
        found = [self.dictionaries[0].encoder.encode(activations)]
        for connector in self.connectors:
            found.append(connector(found[-1]))
        return found

    def outputs(self, last_features: Float[Tensor, "batch m"], inputs: Tensor | None = None) -> Tensor:
        """The network's outputs, given the last site's raw features."""
        return self.tail(self.decoder.decode(last_features), inputs)

    @torch.no_grad()
    def __call__(self, activations: Float[Tensor, "batch d"], inputs: Tensor | None = None) -> Tensor:
        """Outputs, given the first site's activations (and the inputs, for networks that cannot resume)."""
        return self.outputs(self.features(activations)[-1], inputs)

    def thresholded(self, threshold: float) -> "FeatureNetwork":
        """The same chain with only the edges whose |unit-scale weight| exceeds `threshold`."""
        return replace(self, connectors=tuple(c.thresholded(threshold) for c in self.connectors))

    @property
    def edges(self) -> tuple[int, ...]:
        """Non-zero entries of each connector."""
        return tuple(int((c.weight != 0).sum()) for c in self.connectors)
