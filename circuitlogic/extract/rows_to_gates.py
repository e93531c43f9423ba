"""Rows to gates: every live output feature's edges, read against the true features of both sites."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.config import ExtractConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.gate import Gate
from circuitlogic.logic.reading import read_gate
from circuitlogic.progress import SILENT, Progress

_BATCH = 8192


@dataclass(frozen=True, slots=True, eq=False)
class SiteFeatures:
    """True features of one site on one split, raw units, sparse by column."""

    site: str
    matrix: sp.csc_array
    """[samples, features], float64."""

    def column(self, index: int) -> NDArray[np.float64]:
        """One feature on every sample."""
        return self.matrix[:, [index]].toarray()[:, 0]


@torch.no_grad()
def encode_site(dictionary: Dictionary, activations: PairedActivations) -> SiteFeatures:
    """Encode a site's stored activations."""
    store = activations.stores[dictionary.site]
    parts = [
        sp.csr_array(dictionary.encoder.encode(batch).numpy()).astype(np.float64)
        for batch in store.batches(_BATCH, None)
    ]
    return SiteFeatures(dictionary.site, sp.csc_array(sp.vstack(parts, format="csc")))


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Source and target features of one connector on one split."""

    source: SiteFeatures
    target: SiteFeatures
    documents: NDArray[np.int64] | None = None
    """[samples] document of each token, for the bootstrap; None where samples are independent."""


def rows_to_gates(
    connector: Connector,
    live: NDArray[np.bool_],
    train: Split,
    heldout: Split,
    config: ExtractConfig,
    seed: int,
    progress: Progress = SILENT,
) -> tuple[Gate, ...]:
    """Read every live output feature of a thresholded connector.

    Args:
        connector: Only its edges: exact zeros elsewhere.
        live: [n_out], whether each output feature ever fires on training samples.
        train: Chooses formulas.
        heldout: Scores them.
        config: Firing threshold, levels, bootstrap.
        seed: Of the bootstrap.
        progress: Told of every feature.
    """
    options = reading_options(config, seed)
    indices: Sequence[int] = np.flatnonzero(live).tolist()
    name = f"gates of {connector.target}"
    return tuple(
        _read_row(connector, index, train, heldout, options)
        for index in progress.track(indices, name, len(indices))
    )


def reading_options(config: ExtractConfig, seed: int) -> ReadingOptions:
    """What `config` says about reading; `seed` is of the bootstrap."""
    return ReadingOptions(
        firing_quantile_fraction=config.firing,
        levels=config.levels,
        min_firings=config.min_firings,
        bootstrap=max(1, config.bootstrap),
        seed=seed,
    )


def _read_row(
    connector: Connector, index: int, train: Split, heldout: Split, options: ReadingOptions
) -> Gate:
    raw = connector.weight[index].double().numpy()
    sources = np.flatnonzero(raw)
    row = Row(
        feature=FeatureId(connector.target, index),
        sources=tuple(FeatureId(connector.source, int(i)) for i in sources),
        weights=connector.unit_weight[index].double().numpy()[sources],
        raw_weights=raw[sources],
        bias=float(connector.bias[index]),
        scale=float(connector.target_scales[index]),
        source_scales=connector.source_scales.double().numpy()[sources],
    )
    activities = [activity_of(row, split) for split in (train, heldout)]
    return read_gate(row, activities[0], activities[1], options)


def activity_of(row: Row, split: Split) -> Activity:
    """What the row's inputs, its true output and the row itself did."""
    inputs = sp.csc_array(split.source.matrix[:, [source.index for source in row.sources]])
    predicted = np.maximum(inputs @ row.raw_weights + row.bias, 0.0)
    target = split.target.column(row.feature.index)
    return Activity(inputs=inputs, target=target, predicted=predicted, groups=split.documents)
