"""The seed's subject: a ReLU image classifier, `784-64-64-64-10` by default."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn


class ImageClassifier(nn.Module):
    """pixels -> hidden.0 -> ... -> hidden.{n-1} -> readout (logits). Each hidden layer is Linear + ReLU."""

    def __init__(self, pixels: int, hidden: Sequence[int], classes: int, generator: torch.Generator) -> None:
        super().__init__()
        widths = [pixels, *hidden]
        self.hidden = nn.ModuleList(nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(widths))
        self.readout = nn.Linear(widths[-1], classes)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu", generator=generator)
                nn.init.zeros_(module.bias)

    @property
    def site_names(self) -> tuple[str, ...]:
        """The hidden layers, in order."""
        return tuple(f"hidden.{i}" for i in range(len(self.hidden)))

    def forward(self, images: Float[Tensor, "batch pixels"]) -> Float[Tensor, "batch classes"]:
        """Logits."""
        return self.resume(None, images)

    def resume(
        self, site: str | None, activations: Float[Tensor, "batch d"]
    ) -> Float[Tensor, "batch classes"]:
        """Logits from the output of hidden layer `site` (None: from the pixels) onwards."""
        start = 0 if site is None else self.site_names.index(site) + 1
        for layer in list(self.hidden)[start:]:
            activations = layer(activations)
        return self.readout(activations)

    def hidden_activations(
        self, images: Float[Tensor, "batch pixels"]
    ) -> tuple[Float[Tensor, "batch classes"], list[Tensor]]:
        """Logits and the output of each hidden layer."""
        outputs: list[Tensor] = []
        for layer in self.hidden:
            images = layer(images)
            outputs.append(images)
        return self.readout(images), outputs

    def affine_between(self, source: str, target: str) -> tuple[Tensor, Tensor] | None:
        """Weight [d_target, d_source] and bias of the one layer between two consecutive hidden sites."""
        a, b = self.site_names.index(source), self.site_names.index(target)
        if b != a + 1:
            return None
        linear = self.hidden[b].get_submodule("0")
        if not isinstance(linear, nn.Linear):
            return None
        return linear.weight.detach(), linear.bias.detach()
