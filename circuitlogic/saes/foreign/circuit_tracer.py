"""`circuit_tracer`: `config.yaml` beside one file per layer, of per-layer or cross-layer transcoders.

Its top-k and its JumpReLU with a threshold below 0 let negative values through; features here are never negative.
"""

import re
from pathlib import Path

import torch
from torch import Tensor

from circuitlogic.errors import DataError
from circuitlogic.saes.foreign.checks import one_of, size, text
from circuitlogic.saes.foreign.dictionary import ForeignDictionary, Origin
from circuitlogic.saes.foreign.flat_yaml import Value, parse_flat_yaml
from circuitlogic.saes.foreign.layout import Layout, Part, Role
from circuitlogic.saes.foreign.sources import TensorSource, open_safetensors, read_text

NAME = "circuit_tracer"
CONFIG = "config.yaml"
KINDS = ("transcoder_set", "cross_layer_transcoder")
_PER_LAYER = re.compile(r"layer_(\d+)\.safetensors", re.ASCII)
_CROSS_LAYER = re.compile(r"W_enc_(\d+)\.safetensors", re.ASCII)
_THRESHOLD = "activation_function.threshold"


def recognises(path: Path) -> bool:
    """Whether the path is one layer's file."""
    return bool(_PER_LAYER.fullmatch(path.name) or _CROSS_LAYER.fullmatch(path.name)) and not path.is_dir()


def members(path: Path) -> tuple[Path, ...]:
    """The layers of a set, in order."""
    if not path.is_dir():
        return ()
    found = [p for p in path.iterdir() if recognises(p)]
    return tuple(sorted(found, key=lambda p: (len(p.name), p.name)))


def opened(path: Path) -> ForeignDictionary:
    """One layer of a set.

    Raises:
        DataError: a file is missing or damaged, or describes what is not read.
    """
    where = path.parent / CONFIG
    values = parse_flat_yaml(read_text(where), where)
    kind = one_of(values, "model_kind", KINDS, where)
    match = (_PER_LAYER if kind == "transcoder_set" else _CROSS_LAYER).fullmatch(path.name)
    if match is None:
        raise DataError(f"{where} speaks of a {kind}, which {path.name!r} does not belong to")
    layer, source, across = int(match[1]), open_safetensors(path), kind != "transcoder_set"
    if across:
        source = _side_by_side(layer, source, open_safetensors(path.with_name(f"W_dec_{layer}.safetensors")))
    layout = _cross_layer(layer, source) if across else _per_layer(source, values, where)
    origin = Origin(text(values, "model_name"), *(_hook(values, side, layer) for side in ("input", "output")))
    return ForeignDictionary(
        NAME, "circuit-tracer", kind, layout, source, where, origin, (_ACROSS,) if across else ()
    )


_ACROSS = (
    "one layer of a cross-layer transcoder: predicts its own share of the outputs of this and all later layers, "
    "side by side; the shares of all layers add up to the whole"
)


def _hook(values: dict[str, Value], side: str, layer: int) -> str | None:
    name = text(values, f"feature_{side}_hook")
    return None if name is None else f"blocks.{layer}.{name}"


def _per_layer(source: TensorSource, values: dict[str, Value], where: Path) -> Layout:
    parts: dict[Role, Part] = {
        "W_enc": Part("W_enc", transposed=True),
        "b_enc": Part("b_enc"),
        "W_dec": Part("W_dec"),
        "b_dec": Part("b_dec"),
    }
    if "W_skip" in source.shapes:
        parts["W_skip"] = Part("W_skip")
    held = "topk" if "k" in source.shapes else "jump_relu" if _THRESHOLD in source.shapes else "relu"
    activation = held
    if values.get("activation") is not None:
        activation = one_of(values, "activation", ("topk", "relu", "jump_relu"), where)
    if activation == "topk":
        k = size(values, "k", where) if values.get("k") is not None else int(source.number("k"))
        return Layout("topk", parts, {"k": k}, apply_b_dec_to_input=False, transcodes=True)
    if activation == "jump_relu":
        parts["threshold"] = Part(_THRESHOLD)
    kind = "jumprelu" if activation == "jump_relu" else "relu"
    return Layout(kind, parts, apply_b_dec_to_input=False, transcodes=True)


def _cross_layer(layer: int, source: TensorSource) -> Layout:
    threshold = f"threshold_{layer}"
    parts: dict[Role, Part] = {
        "W_enc": Part(f"W_enc_{layer}", transposed=True),
        "b_enc": Part(f"b_enc_{layer}"),
        "W_dec": Part(f"W_dec_{layer}"),
        "b_dec": Part(f"b_dec_{layer}"),
    }
    if threshold in source.shapes:
        parts["threshold"] = Part(threshold)
    kind = "jumprelu" if threshold in source.shapes else "relu"
    return Layout(kind, parts, apply_b_dec_to_input=False, transcodes=True)


def _side_by_side(layer: int, encoder: TensorSource, decoder: TensorSource) -> TensorSource:
    """Both files of a layer: decoders [f, outputs, d] laid side by side; b_dec belongs to the first output."""
    written, bias = f"W_dec_{layer}", f"b_dec_{layer}"
    shape, d = decoder.shapes.get(written, ()), encoder.shapes.get(bias, ())
    if len(shape) != 3 or 0 in shape or d != shape[2:]:
        raise DataError(
            f"{decoder.path}: {written} has shape {shape}, [features, outputs, components] is needed"
        )
    width = shape[1] * shape[2]

    def fetch(name: str) -> Tensor:
        if name == written:
            return decoder.fetch(name).reshape(shape[0], width)
        tensor = encoder.fetch(name)
        return torch.nn.functional.pad(tensor, (0, width - shape[2])) if name == bias else tensor

    return TensorSource(
        (*encoder.paths, *decoder.paths),
        {**encoder.shapes, written: (shape[0], width), bias: (width,)},
        {**encoder.dtypes, **decoder.dtypes},
        fetch,
    )
