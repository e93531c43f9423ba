"""Hugging Face models as subjects: sites, windows of tokens, the direct path to the logits, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from text_cases import HOSTILE, WORDS, text_of, tokenizer_of, write_model

from circuitlogic.activations.sites import Site
from circuitlogic.activations.token_capture import capture_windows
from circuitlogic.activations.windows import TokenWindows
from circuitlogic.config import NetworkConfig, TextConfig
from circuitlogic.datasets.text import measured
from circuitlogic.errors import ConfigError, DataError, MissingDependencyError, StudyError, UnknownNameError
from circuitlogic.networks.hf import expanded_sites, load_language_model, logit_weights
from circuitlogic.networks.hf_tokens import frame_of, shown_vocabulary, tokenised
from circuitlogic.networks.model_place import model_place
from circuitlogic.networks.next_token import nats_per_token, next_token_logits, predicts_tokens

transformers: Any = pytest.importorskip("transformers", reason="language models need the extra `hf`")


def config_of(folder: Path) -> NetworkConfig:
    return NetworkConfig(kind="hf", model=str(folder))


@pytest.mark.parametrize(
    ("family", "layer"),
    [
        ("neox", "gpt_neox.layers.1.mlp"),
        ("llama", "model.layers.1.mlp"),
        ("bert", "encoder.layer.1.output.dense"),
    ],
)
def test_every_family_is_captured_token_by_token(family: str, layer: str, tmp_path: Path) -> None:
    """Windows of several lengths, batched without padding, give what each window gives by itself."""
    model = load_language_model(config_of(write_model(tmp_path / "model", family)), 0)
    generator = np.random.default_rng(0)
    windows = [generator.integers(1, len(WORDS), n).tolist() for n in (9, 4, 9, 6)]
    kept = [[i > 0 for i in range(len(w))] for w in windows]
    table = TokenWindows.of(windows, [0, 1, 2, 3], kept)
    store = capture_windows(model.network, [f"{layer}:out"], table, tmp_path / "acts")[f"{layer}.out"]
    seen: list[torch.Tensor] = []
    hook = model.network.get_submodule(layer).register_forward_hook(lambda _m, _i, out: seen.append(out))
    with torch.no_grad():
        for window in sorted(windows, key=lambda w: -len(w)):
            model.network(torch.tensor([window]))
    hook.remove()
    assert np.allclose(store.as_array(), torch.cat([s[0, 1:] for s in seen]).numpy(), atol=1e-5)


def test_patterns_name_sites_in_the_networks_order(tmp_path: Path) -> None:
    model = load_language_model(config_of(write_model(tmp_path / "model")), 0)
    patterns = ["gpt_neox.layers.*.mlp:in", "gpt_neox.layers.*.mlp:out"]
    assert expanded_sites(model.network, patterns) == (
        "gpt_neox.layers.0.mlp:in", "gpt_neox.layers.0.mlp:out",
        "gpt_neox.layers.1.mlp:in", "gpt_neox.layers.1.mlp:out",
    )  # fmt: skip
    plain = ["gpt_neox.layers.1.mlp:out", "gpt_neox.layers.0.mlp:in"]
    assert expanded_sites(model.network, plain) == tuple(plain)
    with pytest.raises(UnknownNameError, match=r"gpt_neox.layers.0.mlp"):
        expanded_sites(model.network, ["gpt_neox.layers.*.mpl"])
    with pytest.raises(ConfigError, match="sites are not set"):
        expanded_sites(model.network, [])


def test_the_untrained_control_has_the_same_architecture_and_other_weights(tmp_path: Path) -> None:
    config = config_of(write_model(tmp_path / "model"))
    trained = load_language_model(config, 0)
    before = torch.get_rng_state()
    control = [load_language_model(replace(config, random_weights=True), seed) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), before)
    shapes = [{n: p.shape for n, p in m.network.named_parameters()} for m in (trained, control[0])]
    assert shapes[0] == shapes[1]
    assert control[0].identity == control[1].identity
    assert len({trained.identity, control[0].identity, control[2].identity}) == 3


def test_documents_become_windows_that_never_cross(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(text_of(5, 0))
    documents = measured([str(tmp_path / "a.txt")], "<|endoftext|>")
    tokenizer = tokenizer_of(transformers)
    assert frame_of(tokenizer).before == (0,)
    config = TextConfig(context=16, skip_first=3)
    table = tokenised(tokenizer, documents, 100_000, config, 64)
    whole = [tokenizer(d, add_special_tokens=False)["input_ids"] for d in _texts(tmp_path / "a.txt")]
    for number, ids in enumerate(whole):
        mine = np.flatnonzero(table.documents == number)
        pieces = [table.ids[table.starts[w] : table.starts[w + 1]].tolist() for w in mine]
        assert all(piece[0] == 0 for piece in pieces)
        assert [t for piece in pieces for t in piece[1:]] == ids
    positions = np.arange(len(table.ids)) - table.starts[table.windows_at(np.arange(len(table.ids)))]
    assert (table.kept == ((positions >= 3) & (table.ids > 1))).all()
    half = tokenised(tokenizer, documents, 100, config, 64)
    assert (
        np.bincount(half.documents, minlength=5).max() - np.bincount(half.documents, minlength=5).min() <= 1
    )
    with_special = tokenised(tokenizer, documents, 100, replace(config, keep_special=True, skip_first=0), 64)
    assert with_special.kept.all()


def _texts(path: Path) -> list[str]:
    return path.read_text().split("<|endoftext|>\n")[:-1]


def test_windows_are_written_and_read_whole(tmp_path: Path) -> None:
    table = TokenWindows.of([[1, 2], [3, 4, 5]], [0, 1], [[False, True], [True, True, False]])
    assert table.ids.tolist() == [3, 4, 5, 1, 2]
    assert table.row_tokens.tolist() == [3, 4, 2]
    assert table.row_documents.tolist() == [1, 1, 0]
    assert table.around(4, 5, 5) == (3, 5)
    table.save(tmp_path)
    again = TokenWindows.load(tmp_path)
    assert [again.ids.tolist(), again.starts.tolist(), again.kept.tolist()] == [
        table.ids.tolist(), table.starts.tolist(), table.kept.tolist(),
    ]  # fmt: skip
    file = tmp_path / "tokens.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(StudyError, match="cannot be read"):
        TokenWindows.load(tmp_path)
    with pytest.raises(DataError, match="too short"):
        TokenWindows.of([[1]], [0], [[False]])


def test_the_direct_path_to_the_logits_is_exact_where_nothing_else_acts(tmp_path: Path) -> None:
    """Of two equal norms after the last block: a small push along a feature moves the logits as said."""
    model = load_language_model(config_of(write_model(tmp_path / "model")), 0)
    directions = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
    network: Any = model.network
    found = logit_weights(network, Site("x", "gpt_neox.layers.1.mlp", "out"), directions)
    assert found is not None
    gain, head = network.gpt_neox.final_layer_norm.weight, network.get_output_embeddings().weight
    expected = (directions * gain) @ head.T
    assert torch.allclose(found, expected - expected.mean(1, keepdim=True), atol=1e-5)
    assert logit_weights(network, Site("x", "gpt_neox.layers.1.mlp", "in"), directions) is None
    assert logit_weights(network, Site("x", "gpt_neox.layers.1.mlp", "out"), directions[:, :5]) is None


def test_what_a_token_looks_like(tmp_path: Path) -> None:
    shown = shown_vocabulary(tokenizer_of(transformers), len(WORDS) + 2)
    assert shown[WORDS.index("said")] == "said"
    assert set(HOSTILE) <= set(shown)
    assert len(shown) == len(WORDS) + 2


def test_broken_models_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_model(tmp_path / "model")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be loaded") as error:
        load_language_model(config_of(folder), 0)
    assert "\n" not in str(error.value)
    weights.unlink()
    torch.save({"not": "read"}, folder / "pytorch_model.bin")
    with pytest.raises(DataError, match="cannot be loaded"):
        load_language_model(config_of(folder), 0)
    weights.write_bytes(whole)
    tokenizer_of(transformers, (*WORDS, "one", "too", "many")).save_pretrained(folder)
    with pytest.raises(DataError, match="do not belong together"):
        load_language_model(config_of(folder), 0)
    (folder / "config.json").write_text(json.dumps({"model_type": "nothing-known"}))
    with pytest.raises(DataError, match="cannot be loaded"):
        load_language_model(config_of(folder), 0)
    monkeypatch.setattr("circuitlogic.networks.hf.import_module", _absent)
    with pytest.raises(MissingDependencyError, match="hf"):
        load_language_model(config_of(folder), 0)


def test_a_hub_that_cannot_be_reached_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def unreachable(url: str, **_: object) -> None:
        asked.append(url)
        raise ConnectionError("Name or service not known\nsecond line")

    hub = SimpleNamespace(
        try_to_load_from_cache=lambda _model, _file: None,
        hf_hub_url=lambda model, file: f"{model}/{file}",
        get_hf_file_metadata=unreachable,
        errors=SimpleNamespace(RepositoryNotFoundError=KeyError),
    )
    monkeypatch.setattr("circuitlogic.networks.model_place.import_module", lambda _name: hub)
    with pytest.raises(
        DataError, match=r"someone/some is no folder here.*not known second line.*give a"
    ) as error:
        load_language_model(NetworkConfig(kind="hf", model="someone/some"), 0)
    assert asked == ["someone/some/config.json"]
    assert "\n" not in str(error.value)
    hub.try_to_load_from_cache = lambda _model, _file: "/where/it/was/fetched"
    assert model_place("someone/some") == "someone/some"
    assert len(asked) == 1


def test_what_is_no_model_or_no_device_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    for place in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(DataError, match=r"holds no config.json: give a model's folder"):
            load_language_model(config_of(place), 0)
    folder = write_model(tmp_path / "model")
    for device in ("nonsense", "meta"):
        with pytest.raises(ConfigError, match=rf"network.device = '{device}' cannot be used here"):
            load_language_model(replace(config_of(folder), device=device), 0)


def test_what_needs_next_tokens_says_who_asked(tmp_path: Path) -> None:
    encoder = load_language_model(config_of(write_model(tmp_path / "model", "bert")), 0).network
    ids = torch.tensor([[3, 4, 5]])
    assert not predicts_tokens(encoder, ids)
    assert nats_per_token(encoder, ids) is None
    with pytest.raises(DataError, match=r"BertModel gives no logits: tune\.splice needs a causal"):
        next_token_logits(encoder, ids, torch.ones(1, 3, dtype=torch.bool), "tune.splice")


def _absent(name: str) -> Any:
    raise ImportError(name)


def test_activations_that_overflow_are_refused(tmp_path: Path) -> None:
    model = load_language_model(config_of(write_model(tmp_path / "model")), 0)
    table = TokenWindows.of([[3, 4, 5]], [0], [[True] * 3])
    layer = model.network.get_submodule("gpt_neox.layers.1.mlp.dense_4h_to_h")
    with torch.no_grad():
        layer.bias.fill_(1e6)
    with pytest.raises(DataError, match="store it as float32"):
        capture_windows(model.network, ["gpt_neox.layers.1.mlp"], table, tmp_path / "a", dtype="float16")
    with torch.no_grad():
        layer.bias.fill_(torch.nan)
    with pytest.raises(DataError, match="not finite"):
        capture_windows(model.network, ["gpt_neox.layers.1.mlp"], table, tmp_path / "b")
    assert not list((tmp_path / "b").rglob("*.npy"))
