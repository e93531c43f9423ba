"""`sparsify` (EleutherAI): `cfg.json` + `sae.safetensors` per hookpoint; every one is a top-k sparse coder."""

from pathlib import Path
from typing import Any

from circuitlogic.errors import DataError
from circuitlogic.saes.foreign.checks import flag, one_of, optional_size, size
from circuitlogic.saes.foreign.dictionary import ForeignDictionary, Origin
from circuitlogic.saes.foreign.layout import Layout, Part, Role
from circuitlogic.saes.foreign.sources import json_object, open_safetensors

NAME = "sparsify"
CONFIG = "cfg.json"
WEIGHTS = "sae.safetensors"


def recognises(path: Path) -> bool:
    """Whether the folder (or the weights in it) is one hookpoint of sparsify."""
    return (path / WEIGHTS).exists() or path.name == WEIGHTS


def members(path: Path) -> tuple[Path, ...]:
    """The hookpoints of a run's folder."""
    if not path.is_dir():
        return ()
    return tuple(sorted(p for p in path.iterdir() if (p / WEIGHTS).exists()))


def opened(path: Path) -> ForeignDictionary:
    """One hookpoint.

    Raises:
        DataError: a file is missing or damaged, or describes what is not read.
    """
    folder = path if path.is_dir() else path.parent
    where = folder / CONFIG
    values = json_object(where)
    _refuse_other_activations(values, where)
    d_in = size(values, "d_in", where)
    latents = optional_size(values, "num_latents", where) or d_in * size(values, "expansion_factor", where)
    source = open_safetensors(folder / WEIGHTS)
    transcodes, skips = flag(values, "transcode", where), flag(values, "skip_connection", where)
    parts: dict[Role, Part] = {
        "W_enc": Part("encoder.weight", transposed=True),
        "b_enc": Part("encoder.bias"),
        "W_dec": Part("W_dec"),
        "b_dec": Part("b_dec"),
    }
    if skips:
        parts["W_skip"] = Part("W_skip")
    layout = Layout(
        "topk",
        parts,
        {"k": size(values, "k", where)},
        apply_b_dec_to_input=not transcodes,
        # A skip of the input makes the reconstruction depend on more than the features.
        transcodes=transcodes or skips,
    )
    found = ForeignDictionary(
        NAME,
        "sparsify",
        f"SparseCoder{', transcode' if transcodes else ''}{', skip_connection' if skips else ''}",
        layout,
        source,
        where,
        Origin(site=_hookpoint(folder)),
    )
    if (found.sizes.d_in, found.sizes.d_sae) != (d_in, latents):
        raise DataError(
            f"{where} speaks of {d_in} components and {latents} features, "
            f"{WEIGHTS} holds {found.sizes.d_in} and {found.sizes.d_sae}"
        )
    return found


def _refuse_other_activations(values: dict[str, Any], where: Path) -> None:
    one_of(values, "activation", ("topk",), where, default="topk")
    if flag(values, "signed", where):
        raise DataError(f"{where}: signed is true, but features here are never negative: not read")


def _hookpoint(folder: Path) -> str | None:
    """sparsify names a folder after the module it is of; any other name says nothing."""
    return folder.name if "." in folder.name or folder.name.startswith("embed") else None
