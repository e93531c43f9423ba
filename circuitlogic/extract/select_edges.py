"""Which edges are kept: the best per feature, then the best of all. The threshold cuts afterwards, elsewhere.

Fewer per feature, fewer in all or a higher threshold only ever remove edges.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from circuitlogic.connectors.model import Connector


def select_edges(
    connectors: Sequence[Connector],
    scores: Sequence[Tensor],
    top_k: int | None,
    edges: int | None,
) -> tuple[Connector, ...]:
    """The connectors with only their best edges; ties go to the earlier connector, target and source.

    Args:
        connectors: All connectors of a graph.
        scores: Of each [n_out, n_in], larger is better.
        top_k: Inputs to keep per output feature; None for all.
        edges: Edges to keep in all; None for all.
    """
    kept = [connector.weight != 0 for connector in connectors]
    if edges is not None:
        kept = _best_of_all(kept, scores, edges)
    if top_k is not None:
        own = [
            _best_per_row(connector.weight != 0, s, top_k)
            for connector, s in zip(connectors, scores, strict=True)
        ]
        kept = [mask & row for mask, row in zip(kept, own, strict=True)]
    return tuple(
        replace(connector, weight=torch.where(mask, connector.weight, 0.0))
        for connector, mask in zip(connectors, kept, strict=True)
    )


def _best_per_row(mask: Tensor, scores: Tensor, most: int) -> Tensor:
    order = torch.where(mask, scores, -torch.inf).argsort(dim=1, descending=True, stable=True)
    best = torch.zeros_like(mask).scatter_(1, order[:, :most], True)
    return best & mask


def _best_of_all(masks: Sequence[Tensor], scores: Sequence[Tensor], most: int) -> list[Tensor]:
    flat = torch.cat([mask.flatten() for mask in masks])
    ranked = torch.cat([torch.where(m, s, -torch.inf).flatten() for m, s in zip(masks, scores, strict=True)])
    best = torch.zeros_like(flat)
    best[ranked.argsort(descending=True, stable=True)[:most]] = True
    parts = (best & flat).split([mask.numel() for mask in masks])
    return [part.reshape(mask.shape) for part, mask in zip(parts, masks, strict=True)]
