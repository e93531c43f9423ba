"""What a causal language model says of the next token."""

from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from circuitlogic.errors import DataError


def next_token_logits(
    network: nn.Module,
    ids: Int[Tensor, "windows length"],
    scored: Bool[Tensor, "windows length"],
) -> Float[Tensor, "n vocabulary"]:
    """After every scored token, in float32 on the CPU.

    Raises:
        DataError: the model has no logits.
    """
    device = next(p.device for p in network.parameters())
    output: Any = network(ids.to(device))
    logits = getattr(output, "logits", None)
    if not isinstance(logits, Tensor):
        raise DataError(
            f"{type(network).__name__} gives no logits: the splice test needs a causal language model"
        )
    return logits[scored.to(logits.device)].float().cpu()
