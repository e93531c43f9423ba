"""Owns what `cfg.json` of a SAELens 6 folder may hold, as far as this package reads it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from circuitlogic.errors import StudyError

SCHEMA = "circuitlogic/sae/1"
OWN_KEY = "circuitlogic"

_Size = Annotated[int, Field(ge=1)]


class OwnPart(BaseModel):
    """`metadata.circuitlogic`: what SAELens has no place for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)

    schema_version: Literal["circuitlogic/sae/1"] = Field(default=SCHEMA, alias="schema")
    architecture: str
    """Our name of it."""
    settings: dict[str, int | FiniteFloat] = Field(default_factory=dict)
    """The architecture's own numbers, e.g. k."""


class Metadata(BaseModel):
    """`metadata`, of which only our own part is read."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    circuitlogic: OwnPart | None = None


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


def checked_sae_file(values: dict[str, Any], path: Path) -> SaeFile:
    """`values`, read from `path`, as a config.

    Raises:
        StudyError: it lacks a key, or describes an autoencoder that is not read.
    """
    try:
        return SaeFile.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        given = f", not {first['input']!r:.60}" if isinstance(first["input"], str | int | float) else ""
        raise StudyError(f"{path}: {where}: {first['msg']}{given}") from None
