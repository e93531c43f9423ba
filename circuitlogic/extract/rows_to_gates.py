"""Rows to gates: every live output feature's edges, read against the true features of both sites."""

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from circuitlogic.activations.paired import PairedActivations
from circuitlogic.config import ExtractConfig
from circuitlogic.connectors.feature_pairs import Dictionary
from circuitlogic.connectors.model import Connector
from circuitlogic.extract.row_activity import Edges, SiteFeatures, Split, SplitReader
from circuitlogic.extract.row_reading import Rows, read_rows
from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.gate import Gate
from circuitlogic.progress import SILENT, Progress

_BATCH = 8192


@torch.no_grad()
def encode_site(dictionary: Dictionary, activations: PairedActivations) -> SiteFeatures:
    """Encode a site's stored activations."""
    store = activations.stores[dictionary.site]
    parts = [
        sp.csr_array(dictionary.encoder.encode(batch).numpy()).astype(np.float64)
        for batch in store.batches(_BATCH, None)
    ]
    return SiteFeatures(dictionary.site, sp.csc_array(sp.vstack(parts, format="csc")))


def rows_to_gates(
    connector: Connector,
    live: NDArray[np.bool_],
    train: Split,
    heldout: Split,
    config: ExtractConfig,
    seed: int,
    progress: Progress = SILENT,
    jobs: int = 1,
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
        jobs: Processes that share the rows; the gates are the same whatever their number.
    """
    rows = Rows(edges_of(connector), train, heldout, reading_options(config, seed))
    return read_rows(rows, np.flatnonzero(live), f"gates of {connector.target}", progress, jobs)


def edges_of(connector: Connector) -> Edges:
    """The connector's non-zero entries by row."""
    raw = sp.csr_array(connector.weight.double().numpy())
    unit = connector.unit_weight.double().numpy()
    at = np.repeat(np.arange(unit.shape[0]), np.diff(raw.indptr))
    return Edges(
        source=connector.source,
        target=connector.target,
        raw=raw,
        unit=unit[at, raw.indices],
        bias=connector.bias.double().numpy(),
        source_scales=connector.source_scales.double().numpy(),
        target_scales=connector.target_scales.double().numpy(),
    )


def reading_options(config: ExtractConfig, seed: int) -> ReadingOptions:
    """What `config` says about reading; `seed` is of the bootstrap."""
    return ReadingOptions(
        firing_quantile_fraction=config.firing,
        levels=config.levels,
        price=config.price,
        max_literals=config.max_literals,
        min_firings=config.min_firings,
        bootstrap=max(1, config.bootstrap),
        seed=seed,
        check_thresholds=config.check_thresholds,
    )


def activity_of(row: Row, split: Split) -> Activity:
    """What the row's inputs, its true output and the row itself did."""
    return SplitReader(split).activity(row)
