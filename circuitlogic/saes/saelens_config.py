"""Owns what `cfg.json` of a SAELens 6 folder may hold, as far as this package reads it."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from circuitlogic.errors import StudyError

SCHEMA = "circuitlogic/sae/1"
OWN_KEY = "circuitlogic"
FOREIGN = ("standard", "topk", "jumprelu")
"""SAELens' names of the architectures that are read."""

_Size = Annotated[int, Field(ge=1)]
_Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Own(BaseModel):
    """`metadata.circuitlogic`: what SAELens has no place for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_version: Literal["circuitlogic/sae/1"] = Field(default=SCHEMA, alias="schema")
    architecture: Literal["relu_tied", "relu", "topk", "batch_topk", "jumprelu"]
    k: _Size | None = None
    """Of `topk` and `batch_topk`."""
    sparsity: _Weight | None = None
    """Weight of the sparsity term: l1 of `relu_tied` and `relu`, l0 of `jumprelu`."""
    width: _Weight | None = None
    """Width of `jumprelu`'s kernel."""


class Metadata(BaseModel):
    """`metadata`, of which only our own part is read."""

    model_config = ConfigDict(extra="allow", frozen=True)

    circuitlogic: Own | None = None


class SaeFile(BaseModel):
    """`cfg.json`; keys of other versions of SAELens are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    architecture: Literal["standard", "topk", "jumprelu"]
    d_in: _Size
    d_sae: _Size
    apply_b_dec_to_input: bool = True
    normalize_activations: Literal["none"] = "none"
    reshape_activations: Literal["none"] = "none"
    k: _Size | None = None
    """Of `topk`."""
    rescale_acts_by_decoder_norm: bool = False
    """Of `topk`: features are selected and given out in units of their decoder rows' norms."""
    metadata: Metadata = Field(default_factory=Metadata)


def sae_file_from_json(content: bytes, path: Path) -> SaeFile:
    """Check `content`, read from `path`.

    Raises:
        StudyError: it is not JSON, lacks a key, or describes an autoencoder that is not read.
    """
    try:
        return SaeFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        given = "" if isinstance(first["input"], dict | bytes) else f", not {first['input']!r}"
        raise StudyError(f"{path}: {where}: {first['msg']}{given}") from None
