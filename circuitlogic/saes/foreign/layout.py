"""Owns the one form into which every foreign format is brought: which tensor of the file plays which part."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from circuitlogic.errors import DataError, UnknownNameError
from circuitlogic.saes.base import SparseAutoencoder, Weights
from circuitlogic.saes.coders import AnyCoder, SampleNormalised, Transcoder
from circuitlogic.saes.foreign.sources import TensorSource, names_of
from circuitlogic.saes.registry import architecture_named
from circuitlogic.saes.stored import Magnitude, SaelensName, StoredForm

Role = Literal["W_enc", "b_enc", "W_dec", "b_dec", "threshold", "r_mag", "b_mag", "W_skip"]
"""The parts: W_enc [d_in, d_sae], W_dec [d_sae, d_out], W_skip [d_out, d_in], b_dec [d_out], else [d_sae]."""
Normalisation = Literal["none", "expected_average_only_in", "layer_norm", "constant_norm_rescale"]
Rescaling = Literal["none", "decoder_norm", "unit_decoder"]

STORED_AS: dict[str, SaelensName] = {
    "relu": "standard",
    "relu_tied": "standard",
    "topk": "topk",
    "batch_topk": "jumprelu",
    "jumprelu": "jumprelu",
    "gated": "gated",
}
"""The architecture of SAELens that computes the same as each of ours."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where a part lies."""

    name: str
    """The file's name of the tensor."""
    transposed: bool = False
    """The file has it the other way round."""
    scalar: bool = False
    """The file has one number for all features."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One dictionary in a foreign file, before its weights are read."""

    kind: str
    """Our architecture."""
    parts: Mapping[Role, Part]
    settings: Mapping[str, int | float] = field(default_factory=dict[str, int | float])
    """Of our architecture, e.g. k."""
    apply_b_dec_to_input: bool = True
    transcodes: bool = False
    """It predicts another place than the one it encodes."""
    normalisation: Normalisation = "none"
    rescaling: Rescaling = "none"
    """`decoder_norm`: features are in units of their decoder rows' norms; `unit_decoder`: given out so as well, if
    any row is not of norm 1 (dictionary_learning's AutoEncoder normalises when it loads)."""
    activation_scale: float = 1.0
    """Biases and thresholds in the file are for activations divided by it."""
    feature_scale: str | None = None
    """Tensor by which features are multiplied before they are decoded (SAELens before 6)."""
    logarithmic: bool = False
    """The file holds the logarithm of the threshold."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Dimensions of a dictionary."""

    d_in: int
    d_sae: int
    d_out: int


def sizes_of(layout: Layout, source: TensorSource) -> Sizes:
    """Check that every part is there with a shape that fits the others.

    Raises:
        DataError: one is missing or does not fit.
    """
    for part in layout.parts.values():
        if part.name not in source.shapes:
            raise DataError(
                f"{source.path}: holds {names_of(source.shapes)}, but {layout.kind} needs "
                f"{names_of({p.name: None for p in layout.parts.values()})}"
            )
    encoder, decoder = (_matrix(layout.parts[role], source) for role in ("W_enc", "W_dec"))
    sizes = Sizes(encoder[0], encoder[1], decoder[1])
    wanted: dict[Role, tuple[int, ...]] = {
        "W_enc": (sizes.d_in, sizes.d_sae),
        "W_dec": (sizes.d_sae, sizes.d_out),
        "b_dec": (sizes.d_out,),
        "W_skip": (sizes.d_out, sizes.d_in),
    }
    for role, part in layout.parts.items():
        shape = wanted.get(role, (sizes.d_sae,))
        shape = shape[::-1] if part.transposed else () if part.scalar else shape
        if source.shapes[part.name] != shape and not (part.scalar and source.shapes[part.name] == (1,)):
            raise DataError(
                f"{source.path}: {part.name} has shape {source.shapes[part.name]} instead of {shape}"
            )
    if not layout.transcodes and sizes.d_out != sizes.d_in:
        raise DataError(
            f"{source.path}: encodes {sizes.d_in} components and decodes {sizes.d_out}, "
            "as only a transcoder does"
        )
    return sizes


def _matrix(part: Part, source: TensorSource) -> tuple[int, int]:
    shape = source.shapes[part.name]
    if len(shape) != 2 or 0 in shape:
        raise DataError(f"{source.path}: {part.name} has shape {shape}, a matrix is needed")
    return (shape[1], shape[0]) if part.transposed else (shape[0], shape[1])


def assembled(layout: Layout, source: TensorSource) -> AnyCoder:
    """Read the weights and build the dictionary, in evaluation mode on the CPU.

    Raises:
        DataError: a tensor does not fit, is not finite, or the parts make no such dictionary.
    """
    sizes = sizes_of(layout, source)
    parts: dict[Role, Tensor] = {role: _read(part, source, sizes) for role, part in layout.parts.items()}
    if layout.logarithmic:
        parts["threshold"] = parts["threshold"].exp()
    if layout.activation_scale != 1.0:
        parts = _scaled_back(parts, layout.activation_scale)
    if layout.feature_scale is not None:
        parts["W_dec"] = parts["W_dec"] * source.get(layout.feature_scale).reshape(-1, 1)
    if layout.rescaling != "none":
        parts = _in_decoder_norms(parts, layout.rescaling, source)
    for role, tensor in parts.items():
        if not bool(torch.isfinite(tensor).all()):
            raise DataError(f"{source.path}: {role} overflows when its scales are multiplied in")
    return _coder(layout, parts, source).eval()


def _read(part: Part, source: TensorSource, sizes: Sizes) -> Tensor:
    tensor = source.get(part.name)
    if part.scalar:
        return tensor.reshape(()).expand(sizes.d_sae).clone()
    return tensor.T.contiguous() if part.transposed else tensor


def _scaled_back(parts: Mapping[Role, Tensor], scale: float) -> dict[Role, Tensor]:
    """Biases and thresholds for activations as they are; a threshold below 0 stands for none."""
    scaled: dict[Role, Tensor] = {}
    for role, tensor in parts.items():
        if role == "threshold":
            scaled[role] = torch.where(tensor >= 0, tensor * scale, tensor)
        else:
            scaled[role] = tensor * scale if role in ("b_enc", "b_dec", "b_mag") else tensor
    return scaled


def _in_decoder_norms(
    parts: Mapping[Role, Tensor], rescaling: Rescaling, source: TensorSource
) -> dict[Role, Tensor]:
    """The same reconstructions, the decoder rows' norms moved into the encoder."""
    norms = parts["W_dec"].norm(dim=1)
    if rescaling == "unit_decoder" and torch.allclose(norms, torch.ones_like(norms)):
        return dict(parts)
    if not bool((norms > 0).all()):
        row = int((norms == 0).nonzero()[0])
        raise DataError(f"{source.path}: decoder row {row} is zero, so it cannot be rescaled by its norm")
    return {
        **parts,
        "W_enc": parts["W_enc"] * norms,
        "b_enc": parts["b_enc"] * norms,
        "W_dec": parts["W_dec"] / norms[:, None],
    }


def _coder(layout: Layout, parts: Mapping[Role, Tensor], source: TensorSource) -> AnyCoder:
    weights = Weights(parts["W_enc"], parts["b_enc"], parts["W_dec"], parts["b_dec"])
    magnitude = Magnitude(parts["r_mag"], parts["b_mag"]) if "r_mag" in parts else None
    try:
        kind = architecture_named(layout.kind)
        form = StoredForm(STORED_AS[layout.kind], layout.settings, parts.get("threshold"), magnitude)
        code: SparseAutoencoder = kind.restored(weights, form, layout.apply_b_dec_to_input)
    except (ValueError, UnknownNameError) as error:
        raise DataError(f"{source.path}: {error}") from None
    if layout.transcodes:
        return Transcoder(code, parts.get("W_skip"))
    if layout.normalisation in ("layer_norm", "constant_norm_rescale"):
        return SampleNormalised(code, layout.normalisation)
    return code
