"""Owns what `cfg.json` of a SAELens folder, of version 6 or before, may hold, as far as it is read here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from circuitlogic.errors import DataError
from circuitlogic.saes.foreign.checks import flag, one_of, optional_size, size, table, text
from circuitlogic.saes.foreign.dictionary import Origin
from circuitlogic.saes.foreign.layout import STORED_AS, Layout, Normalisation, Part, Role
from circuitlogic.saes.stored import SaelensName

SCHEMA = "circuitlogic/sae/1"
OWN_KEY = "circuitlogic"
LAYOUT_VERSION = "6.0.0"
"""The version of SAELens whose layout is written."""

_BASES: tuple[SaelensName, ...] = ("standard", "topk", "jumprelu", "gated")
_OURS = {"standard": "relu", "topk": "topk", "jumprelu": "jumprelu", "gated": "gated"}
"""Our architecture for each that SAELens writes."""
_NORMALISATIONS = ("none", "expected_average_only_in", "layer_norm", "constant_norm_rescale")


class OwnPart(BaseModel):
    """`metadata.circuitlogic`: what SAELens has no place for."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)

    schema_version: Literal["circuitlogic/sae/1"] = Field(default=SCHEMA, alias="schema")
    architecture: str
    """Our name of it."""
    settings: dict[str, int | Annotated[float, FiniteFloat]] = Field(default_factory=dict)
    """The architecture's own numbers, e.g. k."""


@dataclass(frozen=True, slots=True)
class SaeFile:
    """What a `cfg.json` says."""

    architecture: str
    """SAELens' name."""
    layout: Layout
    own: OwnPart | None
    """None in files of SAELens itself."""
    d_in: int
    d_sae: int | None
    """None where an old file leaves it to the weights."""
    d_out: int
    written_by: str
    origin: Origin


def saelens_name(base: SaelensName, transcodes: bool, skips: bool) -> str:
    """SAELens' name; it knows the transcoders of `standard` and `jumprelu` only."""
    words = ([] if base == "standard" else [base]) + (["skip"] if skips else []) + ["transcoder"]
    return "_".join(words) if transcodes else base


_NAMES: dict[str, tuple[SaelensName, bool, bool]] = {
    saelens_name(base, transcodes, skips): (base, transcodes, skips)
    for base in _BASES
    for transcodes, skips in ((False, False), (True, False), (True, True))
}


def checked_sae_file(values: Mapping[str, Any], where: Path, tensors: Mapping[str, object]) -> SaeFile:
    """`values`, read from `where`, as a config.

    Args:
        tensors: names in the weights file; some older layouts tell themselves apart only there.

    Raises:
        DataError: it lacks a key, or describes a dictionary that is not read.
    """
    metadata = table(values, "metadata", where) or dict(values)  # before 6 all lay side by side
    own = _own(metadata, where)
    name = one_of(values, "architecture", _NAMES, where, default="standard")
    base, transcodes, skips = _NAMES[name]
    activation = _activation(values, where)
    if base == "standard" and activation == "topk":
        base, name = "topk", "topk"
    d_in = size(values, "d_in", where)
    layout = Layout(
        own.architecture if own else _OURS[base],
        _parts(base, skips, tensors),
        _settings(base, own, values, where),
        apply_b_dec_to_input=flag(values, "apply_b_dec_to_input", where, default=not transcodes),
        transcodes=transcodes,
        normalisation=_normalisation(values, where),
        rescaling="decoder_norm" if flag(values, "rescale_acts_by_decoder_norm", where) else "none",
        feature_scale=next(
            (t for t in ("scaling_factor", "finetuning_scaling_factor") if t in tensors), None
        ),
        logarithmic="log_threshold" in tensors,
    )
    _check_own(own, base, where)
    one_of(values, "reshape_activations", ("none", "hook_z"), where, default="none")
    version = text(metadata, "sae_lens_version")
    return SaeFile(
        name,
        layout,
        own,
        d_in,
        optional_size(values, "d_sae", where),
        size(values, "d_out", where) if transcodes else d_in,
        "circuitlogic" if own else f"sae-lens {version}" if version else "sae-lens before 6",
        _origin(metadata),
    )


def _own(metadata: Mapping[str, Any], where: Path) -> OwnPart | None:
    if metadata.get(OWN_KEY) is None:
        return None
    try:
        return OwnPart.model_validate(metadata[OWN_KEY])
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(("metadata", OWN_KEY, *(str(part) for part in first["loc"])))
        raise DataError(f"{where}: {name}: {first['msg']}") from None


def _check_own(own: OwnPart | None, base: SaelensName, where: Path) -> None:
    if own is not None and STORED_AS.get(own.architecture, base) != base:
        raise DataError(f"{where}: says {base} and {own.architecture}, which differ")


def _activation(values: Mapping[str, Any], where: Path) -> str:
    """Before 6 a top-k autoencoder was a standard one with another activation."""
    given = values.get("activation_fn_str") or values.get("activation_fn")
    return one_of({"activation_fn": given or "relu"}, "activation_fn", ("relu", "topk"), where)


def _settings(
    base: SaelensName, own: OwnPart | None, values: Mapping[str, Any], where: Path
) -> dict[str, int | float]:
    if own is not None:
        return dict(own.settings)
    if base != "topk":
        return {}
    inner = table(values, "activation_fn_kwargs", where)
    k = optional_size(values if values.get("k") else inner, "k", where)
    return {} if k is None else {"k": k}


def _parts(base: SaelensName, skips: bool, tensors: Mapping[str, object]) -> dict[Role, Part]:
    parts: dict[Role, Part] = {
        "W_enc": Part("W_enc"),
        "b_enc": Part("b_gate" if base == "gated" else "b_enc"),
        "W_dec": Part("W_dec"),
        "b_dec": Part("b_dec"),
    }
    if base == "jumprelu":
        parts["threshold"] = Part("log_threshold" if "log_threshold" in tensors else "threshold")
    if base == "gated":
        parts |= {"r_mag": Part("r_mag"), "b_mag": Part("b_mag")}
    if skips:
        parts["W_skip"] = Part("W_skip")
    return parts


def _normalisation(values: Mapping[str, Any], where: Path) -> Normalisation:
    given = values.get("normalize_activations")
    if given is None or isinstance(given, bool):
        return "expected_average_only_in" if given else "none"
    if given == "covariance_whitening":
        raise DataError(
            f"{where}: normalize_activations: covariance_whitening is not folded into the weights, and the file "
            "does not hold the covariance: save it again after fold_activation_whitening()"
        )
    name = one_of(values, "normalize_activations", _NORMALISATIONS, where)
    return cast(Normalisation, name)


def _origin(metadata: Mapping[str, Any]) -> Origin:
    return Origin(
        text(metadata, "model_name"),
        text(metadata, "hook_name") or text(metadata, "hook_point"),
        text(metadata, "hook_name_out"),
        text(metadata, "dataset_path") or text(metadata, "dataset"),
    )
