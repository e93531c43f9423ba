"""Owns a dictionary's folder: `cfg.json` + `sae_weights.safetensors` in the layout of SAELens 6."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import JsonValue
from torch import Tensor

from circuitlogic.errors import DataError, StudyError
from circuitlogic.json_files import write_json
from circuitlogic.saes.base import SparseAutoencoder
from circuitlogic.saes.coders import AnyCoder, SampleNormalised, Transcoder
from circuitlogic.saes.foreign.dictionary import ForeignDictionary
from circuitlogic.saes.foreign.layout import Normalisation
from circuitlogic.saes.foreign.sources import json_object, names_of, open_safetensors
from circuitlogic.saes.saelens_config import LAYOUT_VERSION, OWN_KEY, OwnPart, checked_sae_file, saelens_name
from circuitlogic.saes.stored import StoredForm
from circuitlogic.tensor_files import write_tensors

NAME = "saelens"
CONFIG_FILE = "cfg.json"
WEIGHTS_FILE = "sae_weights.safetensors"
_TRANSCODERS_THERE = ("transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder")


def save_sae(
    coder: AnyCoder,
    folder: Path,
    metadata: Mapping[str, JsonValue] | None = None,
    normalisation: Normalisation = "none",
) -> None:
    """Write a dictionary so that SAELens and `load_coder` read it; a folder with a `cfg.json` is complete.

    Args:
        metadata: goes into `cfg.json`, e.g. `model_name`, `hook_name`.
        normalisation: what the weights expect of activations, beyond what `coder` itself does to them.

    Raises:
        StudyError: the folder cannot be written.
    """
    code = coder if isinstance(coder, SparseAutoencoder) else coder.code
    form = code.stored_form()
    try:
        (folder / CONFIG_FILE).unlink(missing_ok=True)
        write_tensors(folder / WEIGHTS_FILE, _tensors(coder, code, form))
        write_json(folder / CONFIG_FILE, _config(coder, form, metadata or {}, normalisation))
    except OSError as error:
        raise StudyError(f"{folder}: the SAE cannot be written: {error.strerror or error}") from error


def stored_name(coder: AnyCoder) -> str:
    """The architecture that `save_sae` writes."""
    if isinstance(coder, Transcoder):
        return saelens_name(coder.code.stored_form().saelens, True, coder.skip is not None)
    code = coder.code if isinstance(coder, SampleNormalised) else coder
    return code.stored_form().saelens


def what_saelens_lacks(coder: AnyCoder) -> str | None:
    """Why the library itself could not load what `save_sae` writes; None if it can."""
    if not isinstance(coder, Transcoder):
        return None
    name = stored_name(coder)
    if name not in _TRANSCODERS_THERE:
        return f"SAELens has no {name}; of transcoders it knows {', '.join(_TRANSCODERS_THERE)}"
    if coder.code.apply_b_dec_to_input:
        return "SAELens' transcoders do not subtract b_dec from the input, this one does"
    return None


def _config(
    coder: AnyCoder, form: StoredForm, metadata: Mapping[str, JsonValue], normalisation: Normalisation
) -> dict[str, JsonValue]:
    code = coder if isinstance(coder, SparseAutoencoder) else coder.code
    own = OwnPart(architecture=code.architecture, settings=dict(form.settings))
    given = {**metadata, "sae_lens_version": LAYOUT_VERSION}
    config: dict[str, JsonValue] = {
        "d_in": coder.d_in,
        "d_sae": coder.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": code.apply_b_dec_to_input,
        "normalize_activations": coder.norm if isinstance(coder, SampleNormalised) else normalisation,
        "reshape_activations": "none",
        "metadata": {**given, OWN_KEY: own.model_dump(mode="json", by_alias=True)},
        "architecture": stored_name(coder),
    }
    if isinstance(coder, Transcoder):
        config["d_out"] = coder.d_out
    if form.saelens == "topk":
        config |= {"k": form.settings["k"], "rescale_acts_by_decoder_norm": False}
    return config


def _tensors(coder: AnyCoder, code: SparseAutoencoder, form: StoredForm) -> dict[str, Tensor]:
    weights = code.weights()
    bias = "b_gate" if form.magnitude else "b_enc"
    tensors = {"W_enc": weights.W_enc, bias: weights.b_enc, "W_dec": weights.W_dec, "b_dec": weights.b_dec}
    if form.threshold is not None:
        tensors["threshold"] = form.threshold
    if form.magnitude is not None:
        tensors |= {"r_mag": form.magnitude.r, "b_mag": form.magnitude.b}
    if isinstance(coder, Transcoder) and coder.skip is not None:
        tensors["W_skip"] = coder.skip
    return {name: tensor.detach().cpu().float().contiguous() for name, tensor in tensors.items()}


def recognises(path: Path) -> bool:
    """Whether the folder (or the weights in it) is in the layout of SAELens."""
    return (path / WEIGHTS_FILE).exists() or path.name == WEIGHTS_FILE


def members(path: Path) -> tuple[Path, ...]:
    """The dictionaries of a folder of folders."""
    if not path.is_dir():
        return ()
    return tuple(sorted(p for p in path.iterdir() if (p / WEIGHTS_FILE).exists()))


def opened(path: Path) -> ForeignDictionary:
    """What is in a folder, of SAELens or ours, without its weights.

    Raises:
        DataError: a file is missing or damaged, or describes what is not read.
    """
    folder = path if path.is_dir() else path.parent
    where = folder / CONFIG_FILE
    values = json_object(where)
    source = open_safetensors(folder / WEIGHTS_FILE)
    file = checked_sae_file(values, where, source.shapes)
    layout = file.layout
    names = {part.name for part in layout.parts.values()}
    if set(source.shapes) - {layout.feature_scale} != names:
        raise DataError(
            f"{source.path}: holds {names_of(source.shapes)}, but {file.architecture} needs "
            f"{names_of(dict.fromkeys(names))}"
        )
    found = ForeignDictionary(
        NAME,
        file.written_by,
        file.architecture,
        layout,
        source,
        where,
        file.origin,
        _notes(file.layout.normalisation),
    )
    wanted = {"W_enc": (file.d_in, file.d_sae or found.sizes.d_sae), "b_dec": (file.d_out,)}
    for name, shape in wanted.items():
        if source.shapes[name] != shape:
            raise DataError(f"{source.path}: {name} has shape {source.shapes[name]} instead of {shape}")
    return found


def _notes(normalisation: str) -> tuple[str, ...]:
    if normalisation != "expected_average_only_in":
        return ()
    return (
        "made for activations scaled to a mean length of sqrt(d_in), which neither SAELens nor this does",
    )


def load_coder(folder: Path) -> AnyCoder:
    """The dictionary in `folder`, in evaluation mode on the CPU: ours, or of SAELens.

    Raises:
        StudyError: a file is missing or damaged, or the dictionary is of a kind that is not read.
    """
    try:
        return opened(folder).load()
    except DataError as error:
        raise StudyError(str(error)) from None


def load_sae(folder: Path) -> SparseAutoencoder:
    """As `load_coder`, where nothing but an autoencoder will do.

    Raises:
        StudyError: as there, or it is a transcoder.
    """
    coder = load_coder(folder)
    if not isinstance(coder, SparseAutoencoder):
        raise StudyError(f"{folder} holds a {coder.architecture}, an autoencoder is needed")
    return coder
