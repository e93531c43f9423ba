"""Damaged and hostile dictionaries: one clear line each, nothing executed, nothing loaded that a header claims."""

import io
import json
import os
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_cases import CASES, CODER, LINEAR, SET, D, M, write_layer, write_pt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from circuitlogic.errors import DataError
from circuitlogic.saes.foreign.flat_yaml import parse_flat_yaml
from circuitlogic.saes.foreign.registry import open_dictionary
from circuitlogic.saes.foreign.sources import MOST_JSON

ONE_EACH = {
    "saelens": ("saelens 6", "sae_weights.safetensors", "cfg.json"),
    "sparsify": ("sparsify", "sae.safetensors", "cfg.json"),
    "dictionary_learning": ("AutoEncoderTopK", "ae.pt", "config.json"),
    "circuit_tracer": ("circuit-tracer relu", "layer_2.safetensors", "config.yaml"),
}


def refused(path: Path) -> str:
    """The one line that opening and reading `path` ends with."""
    with pytest.raises(DataError) as caught:
        open_dictionary(path).load()
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 900
    return line


def written(tmp_path: Path, form: str) -> tuple[Path, Path, Path]:
    """(what to open, weights, configuration) of a healthy dictionary."""
    name, weights, config = ONE_EACH[form]
    path = CASES[name].write(tmp_path / "it")
    folder = path if path.is_dir() else path.parent
    return path, folder / weights, folder / config


def edit(config: Path, **changes: Any) -> None:
    config.write_text(json.dumps({**json.loads(config.read_text()), **changes}))


@pytest.mark.parametrize("form", ONE_EACH)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.98])
def test_cut_weights(form: str, share: float, tmp_path: Path) -> None:
    path, weights, _ = written(tmp_path, form)
    content = weights.read_bytes()
    weights.write_bytes(content[: int(share * len(content))])
    line = refused(path)
    assert weights.name in line
    assert "cannot be read as safetensors" in line or "cut off" in line


@pytest.mark.parametrize("form", ONE_EACH)
def test_missing_files_folders_and_pipes_in_their_place(form: str, tmp_path: Path) -> None:
    path, weights, config = written(tmp_path, form)
    kept = config.read_bytes()
    config.unlink()
    assert config.name in refused(path)
    config.mkdir()
    assert "no regular file" in refused(path)
    config.rmdir()
    os.mkfifo(config)
    assert "no regular file" in refused(path)
    config.unlink()
    config.symlink_to(tmp_path / "nowhere")
    assert config.name in refused(path)
    config.unlink()
    config.write_bytes(kept)
    weights.unlink()
    os.mkfifo(weights)
    assert "no regular file" in refused(path)


@pytest.mark.parametrize("form", ONE_EACH)
def test_links_to_files_are_followed(form: str, tmp_path: Path) -> None:
    """Download caches are made of links."""
    path, weights, config = written(tmp_path, form)
    for file in (weights, config):
        file.rename(tmp_path / file.name)
        file.symlink_to(tmp_path / file.name)
    assert open_dictionary(path).load().d_sae == M


@pytest.mark.parametrize("form", ["saelens", "sparsify", "dictionary_learning"])
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null", b"[" * 100_000, b'{"a": 1'])
def test_configurations_that_are_no_json_objects(form: str, content: bytes, tmp_path: Path) -> None:
    path, _, config = written(tmp_path, form)
    config.write_bytes(content)
    assert config.name in refused(path)


def test_a_huge_configuration_is_not_read(tmp_path: Path) -> None:
    path, _, config = written(tmp_path, "saelens")
    with config.open("wb") as file:
        file.truncate(MOST_JSON + 1)
    assert "a configuration has at most" in refused(path)


@pytest.mark.parametrize(
    "header",
    [
        struct.pack("<Q", 1 << 62),
        struct.pack("<Q", 99_000_000) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 20) + b'{"a": "not a tensor"}',
        *(
            struct.pack("<Q", len(claim)) + claim
            for claim in (
                b'{"W_enc":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}',
                b'{"W_enc":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}}',
                b'{"W_enc":{"dtype":"F32","shape":[2,2],"data_offsets":[8,0]}}',
                b'{"W_enc":{"dtype":"F99","shape":[0],"data_offsets":[0,0]}}',
            )
        ),
    ],
)
def test_headers_that_claim_more_than_there_is(header: bytes, tmp_path: Path) -> None:
    path, weights, _ = written(tmp_path, "saelens")
    weights.write_bytes(header)
    assert weights.name in refused(path)


class Runs:
    """Unpickling this would make a folder."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self._target),)


@pytest.mark.parametrize("place", ["alone", "beside", "backup"])
def test_pickled_code_is_refused_and_not_run(place: str, tmp_path: Path) -> None:
    bad, target = Runs(tmp_path / "made"), tmp_path / "made"
    good = {**LINEAR, "bias": torch.zeros(D)}
    held = {"alone": bad, "beside": {**good, "more": bad}, "backup": {"ae": good, "optimizer": bad}}[place]
    line = refused(write_pt(tmp_path / "it", "AutoEncoder", held))
    assert "is refused: it holds pickled objects" in line
    assert not target.exists()


def test_old_pickles_and_packed_archives_are_refused(tmp_path: Path) -> None:
    folder = write_pt(tmp_path / "it", "AutoEncoder", {})
    torch.save({"bias": torch.zeros(3)}, folder / "ae.pt", _use_new_zipfile_serialization=False)
    assert "no file of torch.save" in refused(folder)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000_000)
    (folder / "ae.pt").write_bytes(packed.getvalue())
    assert "claim more than the file holds" in refused(folder)


def test_tensors_that_claim_more_than_is_stored_of_them(tmp_path: Path) -> None:
    wide = torch.zeros(1).expand(1 << 20, 1 << 20)
    held = {**LINEAR, "encoder.weight": wide, "bias": torch.zeros(D)}
    assert "more than is stored of it" in refused(write_pt(tmp_path / "it", "AutoEncoder", held))
    sparse = {**LINEAR, "encoder.weight": torch.eye(3).to_sparse(), "bias": torch.zeros(D)}
    assert "not stored plainly" in refused(write_pt(tmp_path / "other", "AutoEncoder", sparse))
    assert "instead of named tensors" in refused(write_pt(tmp_path / "third", "AutoEncoder", torch.zeros(3)))


@pytest.mark.parametrize("form", ["saelens", "sparsify", "circuit_tracer"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.tensor(torch.nan), "holds NaN or infinity"),
        (torch.tensor(7e4).half(), "a float16 ends at 65504"),
        (torch.tensor(1e300, dtype=torch.float64), "infinity as float32"),
        (torch.tensor(3), "holds torch.int64"),
    ],
)
def test_numbers_that_are_none(form: str, value: torch.Tensor, words: str, tmp_path: Path) -> None:
    path, weights, _ = written(tmp_path, form)
    tensors = load_file(weights)
    name = next(name for name in tensors if name in ("W_enc", "encoder.weight"))
    save_file({**tensors, name: value.expand(tensors[name].shape).contiguous()}, weights)
    line = refused(path)
    assert words in line
    assert name in line


@pytest.mark.parametrize("form", ["saelens", "sparsify", "circuit_tracer"])
@pytest.mark.parametrize("shape", [(), (0,), (M,), (D, D), (0, M), (D, M, 1)])
def test_shapes_that_do_not_fit(form: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    path, weights, _ = written(tmp_path, form)
    for name, tensor in load_file(weights).items():
        save_file({**load_file(weights), name: torch.zeros(shape)}, weights)
        if tensor.shape != shape:
            refused(path)
        save_file({**load_file(weights), name: tensor}, weights)
    assert open_dictionary(path).load()


@pytest.mark.parametrize("form", ONE_EACH)
def test_a_tensor_that_is_not_there(form: str, tmp_path: Path) -> None:
    path, weights, _ = written(tmp_path, form)
    if weights.suffix == ".pt":
        torch.save({"encoder.weight": torch.zeros(M, D), "k": torch.tensor(2)}, weights)
    else:
        save_file({"W_enc": torch.zeros(D, M), "\x1b[31m\n": torch.zeros(2)}, weights)
    assert "but" in refused(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "temporal"}, "'temporal' is not read; known: standard, transcoder"),
        ({"architecture": "x\n\x1b[2J" * 100}, "is not read"),
        ({"architecture": ["standard"]}, "is not read"),
        ({"d_in": D + 1}, f"instead of \\({D + 1}, {M}\\)"),
        ({"d_in": 1 << 40}, "a whole number of 1 or more"),
        ({"d_in": True}, "a whole number of 1 or more"),
        ({"d_sae": -3}, "a whole number of 1 or more"),
        ({"apply_b_dec_to_input": "yes"}, "true or false is needed"),
        ({"metadata": []}, "an object is needed"),
        ({"normalize_activations": "covariance_whitening"}, "save it again after"),
        ({"architecture": "transcoder"}, "d_out = None"),
        ({"architecture": "jumprelu"}, "but jumprelu needs .*'threshold'"),
    ],
)
def test_saelens_configurations(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    path, _, config = written(tmp_path, "saelens")
    edit(config, **changes)
    line = refused(path)
    assert re.search(words, line), line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"activation": "groupmax"}, "activation: 'groupmax' is not read; known: topk"),
        ({"signed": True}, "never negative"),
        ({"k": 0}, "k = 0"),
        ({"k": M + 1}, f"k = {M + 1} does not fit {M} features"),
        ({"num_latents": 7}, f"speaks of {D} components and 7 features"),
        ({"d_in": None}, "d_in = None"),
        ({"transcode": 1}, "true or false is needed"),
        ({"skip_connection": True}, "'W_skip'"),
    ],
)
def test_sparsify_configurations(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    path, _, config = written(tmp_path, "sparsify")
    edit(config, **{**CODER, **changes})
    assert words in refused(path)


@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        ({"dict_class": "CrossCoder"}, "'CrossCoder' is not read; known: AutoEncoder, AutoEncoderNew"),
        ({}, "dict_class: None is not read"),
        ([], "an object is needed"),
        ({"dict_class": "GatedAutoEncoder"}, "but gated needs"),
    ],
)
def test_dictionary_learning_configurations(trainer: object, words: str, tmp_path: Path) -> None:
    path, _, config = written(tmp_path, "dictionary_learning")
    config.write_text(json.dumps({"trainer": trainer}))
    assert words in refused(path)


@pytest.mark.parametrize(("factor", "words"), [(0.0, "norm_factor"), (float("inf"), "norm_factor")])
def test_backups_with_a_scale_that_is_none(factor: float, words: str, tmp_path: Path) -> None:
    held = {"ae": {**LINEAR, "bias": torch.zeros(D)}, "norm_factor": factor}
    assert words in refused(write_pt(tmp_path / "it", "AutoEncoder", held))


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("model_kind: skip_set", "'skip_set' is not read; known: transcoder_set"),
        ("", "None is not read"),
        (SET + "activation: groupmax", "'groupmax' is not read"),
        (SET + "activation: topk", "k must be one number"),
        (SET + "activation: jump_relu", "activation_function.threshold"),
        (SET + "a: &x [1]\nb: *x", "is more than `name: value`"),
        (SET + "a: !!python/object:os.system x", "is more than `name: value`"),
        (SET + "a:\n  b: 1", "is more than `name: value`"),
        (SET + "model_kind: transcoder_set", "a second time"),
        (SET.replace("transcoder_set", "cross_layer_transcoder"), "does not belong to"),
    ],
)
def test_circuit_tracer_configurations(yaml: str, words: str, tmp_path: Path) -> None:
    path, _, config = written(tmp_path, "circuit_tracer")
    config.write_text(yaml)
    assert words in refused(path)


def test_half_a_cross_layer_transcoder(tmp_path: Path) -> None:
    path = CASES["circuit-tracer across"].write(tmp_path / "it")
    save_file({"W_dec_1": torch.zeros(M, D)}, path.with_name("W_dec_1.safetensors"))
    assert "[features, outputs, components] is needed" in refused(path)
    path.with_name("W_dec_1.safetensors").unlink()
    assert "W_dec_1.safetensors is missing" in refused(path)


def test_what_is_no_dictionary_or_several(tmp_path: Path) -> None:
    assert "is in no known format; known: saelens (cfg.json + sae_weights" in refused(tmp_path)
    assert "does not exist" in refused(tmp_path / "none")
    for name in ("layers.0", "layers.1", "a\x1b[2Jb\nc"):
        CASES["sparsify"].write(tmp_path / name)
    line = refused(tmp_path)
    assert "holds 3 dictionaries, give one" in line
    assert "\x1b" not in line
    write_layer(tmp_path / "set", SET, layer_0={"W_enc": torch.zeros(2, 2)}, layer_10={"a": torch.zeros(1)})
    assert "'layer_0.safetensors', 'layer_10.safetensors'" in refused(tmp_path / "set")


_LINES = st.lists(
    st.text(max_size=20) | st.sampled_from(["a: 1", "- x", "a:", "k: [1, 'b']", "# c"]), max_size=5
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(_LINES)
def test_any_text_is_flat_yaml_or_one_line(lines: list[str]) -> None:
    line = ""
    try:
        found = parse_flat_yaml("\n".join(lines), Path("config.yaml"))
    except DataError as error:
        found, line = {}, str(error)
    assert "\n" not in line
    assert all(isinstance(name, str) for name in found)


def test_flat_yaml() -> None:
    text = "# a set\n---\na: 1\nb: 'x # y' # no\nc: [1, 2.5, \"t\", null]\nd:\n- u: v\n- true\ne: hf://a/b?c=d#e\nf:\n"
    assert parse_flat_yaml(text, Path("c")) == {
        "a": 1,
        "b": "x # y",
        "c": [1, 2.5, "t", None],
        "d": ["u: v", True],
        "e": "hf://a/b?c=d#e",
        "f": None,
    }
