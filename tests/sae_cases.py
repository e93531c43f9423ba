"""Activations with a known sparse dictionary, shared by the tests of saes/."""

import torch
from torch import Tensor

from circuitlogic.config import SaeConfig

D, TRUE_FEATURES = 16, 24


def planted(samples: int, seed: int, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """(activations [samples, 16], unit directions [24, 16]); about 2 directions per sample, strength 0.5 to 1.5."""
    directions = torch.nn.functional.normalize(
        torch.randn(TRUE_FEATURES, D, generator=torch.Generator().manual_seed(99))
    )
    generator = torch.Generator().manual_seed(seed)
    on = torch.rand(samples, TRUE_FEATURES, generator=generator) < 2 / TRUE_FEATURES
    strength = 0.5 + torch.rand(samples, TRUE_FEATURES, generator=generator)
    return scale * (on * strength) @ directions, directions


SETTINGS: dict[str, SaeConfig] = {
    name: SaeConfig(architecture=name, expansion=2.0, k=2, l1=l1, l0=0.01, epochs=15, batch_size=64, lr=5e-3)
    for name, l1 in (
        ("relu_tied", 0.6),
        ("relu", 0.6),
        ("topk", 1.0),
        ("batch_topk", 1.0),
        ("jumprelu", 1.0),
        ("gated", 3.0),
    )
}
"""Per architecture, settings under which the planted dictionary is learned in about a second."""


def recovery(found: Tensor, directions: Tensor) -> float:
    """Mean over true directions of the best cosine with a row of `found`."""
    return float((directions @ torch.nn.functional.normalize(found).T).max(dim=1).values.mean())
