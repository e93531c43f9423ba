"""`dictionary_learning`: `ae.pt` (a state dict) beside `config.json`; one file per trainer and checkpoint."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from circuitlogic.errors import DataError
from circuitlogic.saes.foreign.checks import one_of, table, text
from circuitlogic.saes.foreign.dictionary import ForeignDictionary, Origin
from circuitlogic.saes.foreign.layout import Layout, Part, Role
from circuitlogic.saes.foreign.sources import TensorSource, json_object, open_checkpoint, source_of

NAME = "dictionary_learning"
CONFIG = "config.json"
WEIGHTS = "ae.pt"

_LINEAR: dict[Role, Part] = {
    "W_enc": Part("encoder.weight", transposed=True),
    "b_enc": Part("encoder.bias"),
    "W_dec": Part("decoder.weight", transposed=True),
}
_MATRICES: dict[Role, Part] = {name: Part(name) for name in ("W_enc", "b_enc", "W_dec", "b_dec")}
_FOR_ALL = Part("threshold", scalar=True)

_CLASSES: dict[str, Layout] = {
    "AutoEncoder": Layout("relu", {**_LINEAR, "b_dec": Part("bias")}, rescaling="unit_decoder"),
    "AutoEncoderNew": Layout("relu", {**_LINEAR, "b_dec": Part("decoder.bias")}, apply_b_dec_to_input=False),
    "GatedAutoEncoder": Layout(
        "gated",
        {
            **_LINEAR,
            "b_enc": Part("gate_bias"),
            "b_dec": Part("decoder_bias"),
            "r_mag": Part("r_mag"),
            "b_mag": Part("mag_bias"),
        },
    ),
    "AutoEncoderTopK": Layout("topk", {**_LINEAR, "b_dec": Part("b_dec")}),
    "BatchTopKSAE": Layout("batch_topk", {**_LINEAR, "b_dec": Part("b_dec"), "threshold": _FOR_ALL}),
    "MatryoshkaBatchTopKSAE": Layout("batch_topk", {**_MATRICES, "threshold": _FOR_ALL}),
    "JumpReluAutoEncoder": Layout(
        "jumprelu", {**_MATRICES, "threshold": Part("threshold")}, apply_b_dec_to_input=False
    ),
}


def recognises(path: Path) -> bool:
    """Whether the path is a `.pt` file, or a trainer's folder."""
    return path.suffix == ".pt" or (path / WEIGHTS).exists()


def members(path: Path) -> tuple[Path, ...]:
    """The trainers of a run's folder."""
    if not path.is_dir():
        return ()
    return tuple(sorted(p for p in path.iterdir() if (p / WEIGHTS).exists()))


def opened(path: Path) -> ForeignDictionary:
    """A trainer's folder, or one checkpoint file below it.

    Raises:
        DataError: a file is missing or damaged, holds more than tensors, or describes what is not read.
    """
    weights = path / WEIGHTS if path.is_dir() else path
    where = next((f / CONFIG for f in (weights.parent, weights.parent.parent) if (f / CONFIG).exists()), None)
    if where is None:
        raise DataError(f"{weights} has no {CONFIG} beside it, which says what kind of dictionary it is")
    config = json_object(where)
    trainer, buffer = table(config, "trainer", where), table(config, "buffer", where)
    held, source = open_checkpoint(weights)
    source, scale, notes = _finished(held, source)
    name = one_of(trainer, "dict_class", _CLASSES, where)
    layout = replace(
        _CLASSES[name],
        settings=_settings(name, source),
        activation_scale=scale,
        transcodes=buffer.get("io") == "in_and_out",
    )
    return ForeignDictionary(
        NAME, "dictionary_learning", name, layout, source, where, _origin(trainer, buffer), notes
    )


def _finished(
    held: Mapping[str, object], source: TensorSource
) -> tuple[TensorSource, float, tuple[str, ...]]:
    """The weights; those of a backup made while training lie one level deeper, in the units of training."""
    if not isinstance(held.get("ae"), Mapping):
        return source, 1.0, ()
    inner = {str(k): v for k, v in cast("Mapping[object, object]", held["ae"]).items()}
    factor = held.get("norm_factor")
    scale = float(factor) if isinstance(factor, int | float) else 1.0
    if not (math.isfinite(scale) and scale > 0.0):
        raise DataError(f"{source.path}: norm_factor = {scale} is no scale: a number above 0 is needed")
    note = f"a backup of step {held.get('step')!r:.20}, not the end of training"
    return source_of(source.path, inner), scale, (note,)


def _settings(name: str, source: TensorSource) -> dict[str, int | float]:
    return {"k": int(source.number("k"))} if "TopK" in name else {}


def _origin(trainer: Mapping[str, Any], buffer: Mapping[str, Any]) -> Origin:
    place, layer = text(trainer, "submodule_name"), trainer.get("layer")
    if place is not None and isinstance(layer, int):
        place = f"{place} of layer {layer}"
    io = text(buffer, "io")
    site = place if place is None or io is None else f"{place}, {io.replace('_and_out', '')}"
    return Origin(text(trainer, "lm_name"), site, f"{place}, out" if io == "in_and_out" else None)
