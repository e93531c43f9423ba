"""The splice test of a language model: next-token scores with a part of it replaced, on held-out text.

All variants run on the same tokens; only kept tokens are changed and scored (the others, at the start of a window,
stay as they are in every variant), each by its cross-entropy on the token that really follows.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from circuitlogic.activations.sites import Site
from circuitlogic.activations.windows import TokenWindows
from circuitlogic.errors import DataError
from circuitlogic.networks.next_token import next_token_logits
from circuitlogic.networks.protocol import rewriting
from circuitlogic.progress import SILENT, Progress
from circuitlogic.verify.scores import ORIGINAL, Faithfulness

Change: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(true rows at the source [n, d], rows at the target [n, d']) -> rows at the target; float32 on the CPU."""
_TEST = "the splice test"
_LOGITS = 1 << 24
"""Entries of one batch's logits."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One place that a variant changes."""

    source: Site
    """What the change may look at; it runs before the target, or is the same place."""
    target: Site
    change: Change


@dataclass(frozen=True, slots=True)
class Variant:
    """A spliced model."""

    name: str
    edits: tuple[Edit, ...]
    edges: tuple[int, ...] = ()
    """Non-zero entries of each connector that it uses."""
    part: int | None = None
    """Number of the stretch whose ablation its loss is compared with; None: all of them together."""


@dataclass(frozen=True, slots=True)
class Spliced:
    """Scores of one variant."""

    tokens: int
    loss: float
    """Mean cross-entropy of the next token, nats."""
    accuracy: float
    agreement: float
    kl: float


@torch.no_grad()
def splice(
    network: nn.Module,
    windows: TokenWindows,
    variants: Sequence[Variant],
    progress: Progress = SILENT,
) -> tuple[Spliced, ...]:
    """Scores of the original, then of every variant.

    Raises:
        DataError: no kept token has a next one, the model has no logits, or a variant's loss is not finite.
    """
    sums = [torch.zeros(4, dtype=torch.float64) for _ in range(len(variants) + 1)]
    tokens = 0
    blocks = list(windows.batches(_tokens_per_batch(network)))
    for where, block in progress.track(blocks, "splice test", len(blocks)):
        kept = torch.from_numpy(windows.kept[where]).reshape(block.shape)
        scored = kept.clone()
        scored[:, -1] = False
        following = block.roll(-1, 1)[scored]
        tokens += len(following)
        original = next_token_logits(network, block, scored, _TEST)
        sums[0] += _scores(original, original, following)
        for place, variant in enumerate(variants, start=1):
            with ExitStack() as undo:
                _apply(undo, network, variant, kept)
                sums[place] += _scores(next_token_logits(network, block, scored, _TEST), original, following)
    if tokens == 0:
        raise DataError("no held-out token is followed by another: give more text")
    return tuple(_spliced(total, tokens, name) for total, name in zip(sums, _names(variants), strict=True))


def _names(variants: Sequence[Variant]) -> list[str]:
    return [ORIGINAL, *(variant.name for variant in variants)]


def _tokens_per_batch(network: nn.Module) -> int:
    model: Any = network
    vocabulary = int(getattr(getattr(model, "config", None), "vocab_size", 4096))
    return max(256, min(4096, _LOGITS // vocabulary))


def _apply(undo: ExitStack, network: nn.Module, variant: Variant, kept: Tensor) -> None:
    """Hooks of one variant; a source's rows are remembered until its target runs."""
    for edit in variant.edits:
        seen: list[Tensor] = []
        if edit.source != edit.target:
            undo.enter_context(rewriting(network, edit.source, _remembering(seen)))
        undo.enter_context(rewriting(network, edit.target, _changing(edit.change, seen, kept)))


def _remembering(seen: list[Tensor]) -> Callable[[Tensor], Tensor]:
    def keep(values: Tensor) -> Tensor:
        seen[:] = [values.clone()]
        return values

    return keep


def _changing(change: Change, seen: list[Tensor], kept: Tensor) -> Callable[[Tensor], Tensor]:
    def put(values: Tensor) -> Tensor:
        mask = kept.flatten()
        rows = values.reshape(-1, values.shape[-1]).float().cpu().clone()
        sources = rows if not seen else seen[0].reshape(-1, seen[0].shape[-1]).float().cpu()
        rows[mask] = change(sources[mask], rows[mask])
        return rows

    return put


def _scores(logits: Tensor, original: Tensor, following: Tensor) -> Tensor:
    """Sums over tokens: cross-entropy, right answers, answers as the original's, KL(original ‖ variant)."""
    ours, reference = logits.log_softmax(1), original.log_softmax(1)
    answers = ours.argmax(1)
    return torch.stack(
        [
            F.nll_loss(ours, following, reduction="sum").double(),
            (answers == following).sum().double(),
            (answers == reference.argmax(1)).sum().double(),
            F.kl_div(ours, reference, reduction="sum", log_target=True).double(),
        ]
    )


def _spliced(total: Tensor, tokens: int, name: str) -> Spliced:
    if not bool(torch.isfinite(total).all()):
        raise DataError(f"the model's loss is not finite with {name}: check its weights")
    loss, accuracy, agreement, kl = (total / tokens).tolist()
    return Spliced(tokens, loss, accuracy, agreement, kl)


def as_faithfulness(
    variant: Variant, scores: Spliced, original: float, zero: float, mean: float, split: str
) -> Faithfulness:
    """A variant's row, its loss set against the original's and those of ablating the same stretch."""
    return Faithfulness(
        variant=variant.name,
        split=split,
        samples=scores.tokens,
        edges=variant.edges,
        accuracy=scores.accuracy,
        agreement=scores.agreement,
        kl=scores.kl,
        loss=scores.loss,
        loss_recovered=(zero - scores.loss) / (zero - original) if zero != original else 0.0,
        loss_recovered_mean=(mean - scores.loss) / (mean - original) if mean != original else 0.0,
    )
