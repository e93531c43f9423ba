"""Owns what is known of a foreign dictionary before its weights are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from circuitlogic.saes.coders import AnyCoder
from circuitlogic.saes.foreign.layout import Layout, Sizes, assembled, sizes_of
from circuitlogic.saes.foreign.sources import TensorSource


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a dictionary was trained, as its file says; each may be unknown."""

    model: str | None = None
    site: str | None = None
    """What it encodes, in its library's words, e.g. `blocks.1.hook_mlp_out`."""
    target: str | None = None
    """What a transcoder predicts."""
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignDictionary:
    """A dictionary of another library: everything but its weights."""

    format: str
    """Name of the format, e.g. `saelens`."""
    written_by: str
    """Library and version, or what is known of it."""
    their_architecture: str
    """The library's own name."""
    layout: Layout
    source: TensorSource
    config: Path | None
    """The configuration file, if there is one."""
    origin: Origin = field(default_factory=Origin)
    notes: tuple[str, ...] = ()
    """Sentences about what is done differently from what one might expect."""

    @property
    def sizes(self) -> Sizes:
        """Its dimensions."""
        return sizes_of(self.layout, self.source)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file it consists of."""
        return self.source.paths if self.config is None else (self.config, *self.source.paths)

    def load(self) -> AnyCoder:
        """Read the weights.

        Raises:
            DataError: a tensor does not fit or is not finite.
        """
        return assembled(self.layout, self.source)

    def thresholds(self) -> tuple[float, float, float] | None:
        """Smallest, median and largest threshold; reads that tensor alone.

        Raises:
            DataError: it is not finite.
        """
        part = self.layout.parts.get("threshold")
        if part is None:
            return None
        values = self.source.get(part.name).flatten()
        values = values.exp() if self.layout.logarithmic else values
        return float(values.min()), float(torch.median(values)), float(values.max())

    def facts(self) -> Mapping[str, str | int | float | bool | list[float] | None]:
        """What there is to say, in an order for people; None where the file does not say."""
        sizes, layout, thresholds = self.sizes, self.layout, self.thresholds()
        return {
            "format": self.format,
            "written_by": self.written_by,
            "their_architecture": self.their_architecture,
            "architecture": layout.kind,
            "transcoder": layout.transcodes,
            "skip": "W_skip" in layout.parts,
            "d_in": sizes.d_in,
            "d_sae": sizes.d_sae,
            "d_out": sizes.d_out,
            "k": layout.settings.get("k"),
            "threshold": None if thresholds is None else list(thresholds),
            "b_dec_subtracted_from_input": layout.apply_b_dec_to_input,
            "normalisation": layout.normalisation,
            "model": self.origin.model,
            "site": self.origin.site,
            "target": self.origin.target,
            "dataset": self.origin.dataset,
            "bytes": self.source.bytes,
        }
