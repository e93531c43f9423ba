"""The seed's subject: a ReLU image classifier, `784-64-64-64-10` by default."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from circuitlogic.errors import unknown_name


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
        return self.hidden_activations(images)[0]

    def resume(
        self, site: str | None, activations: Float[Tensor, "batch d"]
    ) -> Float[Tensor, "batch classes"]:
        """Logits from the output of module `site` (None: from the pixels) onwards.

        Raises:
            UnknownNameError: `site` is no layer of this network.
        """
        for layer in list(self._layers().values())[self._done_at(site) :]:
            activations = layer(activations)
        return activations

    def _layers(self) -> dict[str, nn.Module]:
        """Every layer by its module path, in the order in which they run."""
        parts = {
            f"hidden.{i}.{j}": part
            for i, layer in enumerate(self.hidden)
            for j, part in enumerate(layer.children())
        }
        return {**parts, "readout": self.readout}

    def _done_at(self, site: str | None) -> int:
        """How many layers have run once the output of `site` is known."""
        if site is None:
            return 0
        names = list(self._layers())
        name = f"{site}.1" if site in self.site_names else site
        if name not in names:
            raise unknown_name("site", site, [*self.site_names, *names])
        return names.index(name) + 1

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
        """Weight [d_target, d_source] and bias of the one linear layer (and its ReLU) between two sites.

        Raises:
            UnknownNameError: a site is no layer of this network.
        """
        between = list(self._layers().values())[self._done_at(source) : self._done_at(target)]
        linear = between[0] if between else None
        if not isinstance(linear, nn.Linear) or any(isinstance(layer, nn.Linear) for layer in between[1:]):
            return None
        return linear.weight.detach(), linear.bias.detach()
