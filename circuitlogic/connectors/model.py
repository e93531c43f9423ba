"""The connector F_out = ReLU(W F_in + b) and its two units."""

from dataclasses import dataclass, replace
from pathlib import Path

import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor

from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.tensor_files import read_tensors, write_tensors

CONFIG_FILE = "cfg.json"
WEIGHTS_FILE = "connector.safetensors"
_SCHEMA = "circuitlogic/connector/1"
_WIDE = 1 << 20
"""Entries from which a product looks for zeros."""
_SPARSE = 0.02
"""Share of multiplications that are not with zero, below which a product is taken sparsely."""


@dataclass(frozen=True, slots=True, eq=False)
class Connector:
    """A learned map between the dictionaries of two sites.

    Raw units are the features' own. In unit scale each feature is divided by its scale, so an entry says how
    many typical firings of the target one typical firing of the source contributes.
    """

    source: str
    """Name of the input site."""
    target: str
    """Name of the output site."""
    weight: Float[Tensor, "n_out n_in"]
    """W in raw units; exact zeros are absent edges."""
    bias: Float[Tensor, " n_out"]
    """b in raw units."""
    source_scales: Float[Tensor, " n_in"]
    target_scales: Float[Tensor, " n_out"]

    @property
    def unit_weight(self) -> Float[Tensor, "n_out n_in"]:
        """W between unit-scale features."""
        return self.weight * self.source_scales / self.target_scales[:, None]

    @property
    def unit_bias(self) -> Float[Tensor, " n_out"]:
        """b in the targets' unit scale."""
        return self.bias / self.target_scales

    def __call__(self, features: Float[Tensor, "batch n_in"]) -> Float[Tensor, "batch n_out"]:
        """Output features in raw units."""
        wide = self.weight.numel() > _WIDE and not features.requires_grad
        product = _sparse_product(features, self.weight) if wide else features @ self.weight.T
        return torch.relu(product + self.bias)

    def thresholded(self, threshold: float) -> "Connector":
        """Only the entries whose |unit-scale weight| exceeds `threshold`; biases are kept."""
        keep = self.unit_weight.abs() > threshold
        return replace(self, weight=torch.where(keep, self.weight, 0.0))

    def save(self, folder: Path) -> None:
        """Write `cfg.json` and `connector.safetensors`."""
        tensors = {
            "W": self.weight,
            "b": self.bias,
            "source_scales": self.source_scales,
            "target_scales": self.target_scales,
        }
        write_tensors(folder / WEIGHTS_FILE, tensors)
        n_out, n_in = self.weight.shape
        write_json(
            folder / CONFIG_FILE,
            {
                "schema": _SCHEMA,
                "architecture": "connector",
                "d_in_features": n_in,
                "d_out_features": n_out,
                "metadata": {"hook_name": self.source, "hook_name_out": self.target},
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "Connector":
        """Read what `save` wrote.

        Raises:
            StudyError: a file is missing or damaged, of another schema, or its shapes do not fit together.
        """
        cfg = read_json(folder / CONFIG_FILE)
        if cfg.get("schema") != _SCHEMA:
            raise StudyError(
                f"{folder / CONFIG_FILE} has schema {cfg.get('schema')!r}; this version reads {_SCHEMA!r}"
            )
        t = read_tensors(folder / WEIGHTS_FILE, ("W", "b", "source_scales", "target_scales"))
        n_out, n_in = t["b"].numel(), t["source_scales"].numel()
        fitting = {"W": (n_out, n_in), "b": (n_out,), "source_scales": (n_in,), "target_scales": (n_out,)}
        for name, shape in fitting.items():
            if t[name].shape != shape or not t[name].is_floating_point():
                raise StudyError(
                    f"{folder / WEIGHTS_FILE}: {name} is {t[name].dtype} {list(t[name].shape)}, "
                    f"b and scales ask for floats {list(shape)}"
                )
        if not (t["source_scales"] > 0).all() or not (t["target_scales"] > 0).all():
            raise StudyError(f"{folder / WEIGHTS_FILE}: a scale is not above 0")
        metadata = cfg.get("metadata")
        if not isinstance(metadata, dict) or not {"hook_name", "hook_name_out"} <= metadata.keys():
            raise StudyError(f"{folder / CONFIG_FILE} does not name its two sites")
        return cls(
            str(metadata["hook_name"]),
            str(metadata["hook_name_out"]),
            t["W"],
            t["b"],
            t["source_scales"],
            t["target_scales"],
        )


def _sparse_product(
    features: Float[Tensor, "batch n_in"], weight: Float[Tensor, "n_out n_in"]
) -> Float[Tensor, "batch n_out"]:
    """features Wᵀ, only of what is not zero where that is little."""
    firing, edges = (int(part.count_nonzero()) for part in (features, weight))
    if firing * edges > _SPARSE * features.numel() * weight.numel():
        return features @ weight.T
    ours, theirs = (sp.csr_array(part.detach().numpy()) for part in (features, weight))
    return torch.from_numpy((ours @ theirs.T.tocsr()).toarray())
