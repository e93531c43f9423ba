"""What a causal language model says of the next token."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from circuitlogic.errors import DataError


def next_token_logits(
    network: nn.Module,
    ids: Int[Tensor, "windows length"],
    scored: Bool[Tensor, "windows length"],
    asked_by: str,
) -> Float[Tensor, "n vocabulary"]:
    """After every scored token, in float32 on the CPU; `asked_by` says what for, should there be none.

    Raises:
        DataError: the model has no logits.
    """
    logits = _logits(network, ids)
    if logits is None:
        raise DataError(f"{type(network).__name__} gives no logits: {asked_by} needs a causal language model")
    return logits[scored.to(logits.device)].float().cpu()


@torch.no_grad()
def predicts_tokens(network: nn.Module, ids: Int[Tensor, "windows length"]) -> bool:
    """Whether it has logits: encoders have none."""
    return _logits(network, ids) is not None


@torch.no_grad()
def nats_per_token(network: nn.Module, ids: Int[Tensor, "windows length"]) -> float | None:
    """Mean next-token cross-entropy; None of a model without logits, or where no token follows another."""
    logits = None if ids.shape[1] < 2 else _logits(network, ids)
    if logits is None:
        return None
    return float(F.cross_entropy(logits[:, :-1].flatten(0, 1).float().cpu(), ids[:, 1:].flatten().cpu()))


def _logits(network: nn.Module, ids: Tensor) -> Tensor | None:
    device = next(p.device for p in network.parameters())
    output: Any = network(ids.to(device))
    logits = getattr(output, "logits", None)
    return logits if isinstance(logits, Tensor) else None
