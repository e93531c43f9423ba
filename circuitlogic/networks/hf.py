"""Hugging Face models as subjects: loading them safely, naming their sites, what features write to the logits.

`transformers` is optional and untyped here; nothing in a model folder is run as code, and no pickle is read.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from circuitlogic.activations.sites import Site
from circuitlogic.config import NetworkConfig
from circuitlogic.errors import ConfigError, DataError, MissingDependencyError, reason_of, unknown_name
from circuitlogic.networks.model_place import model_place

_SIDES = (":in", ":out")
_FINAL_NORMS = ("final_layer_norm", "norm", "ln_f", "final_norm")


@dataclass(frozen=True, slots=True, eq=False)
class LanguageModel:
    """A model with its tokenizer."""

    network: nn.Module
    tokenizer: Any
    """A `transformers` tokenizer."""
    identity: str
    """Changes when the weights, the tokenizer or the dtype do."""
    vocabulary: int
    """Tokens that the model knows."""


def load_language_model(config: NetworkConfig, seed: int) -> LanguageModel:
    """The model that the config names, in eval mode.

    Raises:
        ConfigError: no model is named, or the device does not exist.
        DataError: it cannot be found, is damaged, or the tokenizer knows more tokens than the model.
        MissingDependencyError: `transformers` is not installed.
    """
    if config.model is None:
        raise ConfigError("network.model is not set: give the folder or the hub id of a model")
    transformers = _transformers()
    device = _usable_device(config.device)
    where = model_place(config.model)
    torch_dtype = getattr(torch, config.model_dtype)
    try:
        network = _loaded(transformers, where, config.random_weights, seed)
        network = network.to(device=device, dtype=torch_dtype).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, trust_remote_code=False)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # the library raises anything, from OSError to SafetensorError
        raise DataError(f"{config.model}: cannot be loaded as a model: {reason_of(error)}") from None
    vocabulary = int(network.get_input_embeddings().weight.shape[0])
    if len(tokenizer) > vocabulary:
        raise DataError(
            f"{config.model}: the tokenizer knows {len(tokenizer)} tokens, the model {vocabulary}: they do "
            "not belong together"
        )
    return LanguageModel(network, tokenizer, _identity(network, tokenizer, config), vocabulary)


def _transformers() -> Any:
    try:
        transformers: Any = import_module("transformers")
    except ImportError:
        raise MissingDependencyError("language models need `pip install 'circuitlogic[hf]'`") from None
    for library in ("transformers", "huggingface_hub"):
        import_module(f"{library}.utils.logging").set_verbosity_error()
    import_module("transformers.utils.logging").disable_progress_bar()
    return transformers


def _usable_device(name: str) -> torch.device:
    """The device that `network.device` names.

    Raises:
        ConfigError: this machine, or this torch, has none of that name.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"network.device = {name!r} cannot be used here ({reason_of(error)}): give another, or `cpu`"
        ) from None
    return device


def _loaded(transformers: Any, where: str, random_weights: bool, seed: int) -> Any:
    """With its language-model head where it has one, else the bare model (encoders)."""
    settings = transformers.AutoConfig.from_pretrained(where, trust_remote_code=False)
    causal = type(settings) in transformers.MODEL_FOR_CAUSAL_LM_MAPPING and not _is_encoder(settings)
    kind = transformers.AutoModelForCausalLM if causal else transformers.AutoModel
    if not random_weights:
        return kind.from_pretrained(where, trust_remote_code=False, use_safetensors=True, dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return kind.from_config(settings, trust_remote_code=False).float()


def _is_encoder(settings: Any) -> bool:
    """BERT and its like, which have a causal class too, but were trained to look both ways."""
    names = getattr(settings, "architectures", None) or []
    return bool(names) and not any("CausalLM" in name or "LMHead" in name for name in names)


def _identity(network: nn.Module, tokenizer: Any, config: NetworkConfig) -> str:
    digest = hashlib.sha256(f"{config.model_dtype} {type(network).__name__}".encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    for token, number in sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1]):
        digest.update(f"{number} {token}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def expanded_sites(network: nn.Module, patterns: Sequence[str]) -> tuple[str, ...]:
    """The sites that patterns with `*` mean, in the network's order; those of one module keep the order given.

    Raises:
        UnknownNameError: a pattern that no module matches; suggests near names.
        ConfigError: none given.
    """
    if not patterns:
        raise ConfigError("sites are not set: name modules, for example gpt_neox.layers.*.mlp:in and ...:out")
    modules = [name for name, _ in network.named_modules(remove_duplicate=False) if name]
    found: list[tuple[int, int, str]] = []
    for rank, pattern in enumerate(patterns):
        side = next((s for s in _SIDES if pattern.endswith(s)), "")
        stem = pattern.removesuffix(side)
        if "*" not in stem and "?" not in stem:
            place = modules.index(stem) if stem in modules else len(modules)
            found.append((place, rank, pattern))
            continue
        hits = [(place, rank, f"{name}{side}") for place, name in enumerate(modules) if _fits(name, stem)]
        if not hits:
            raise unknown_name("site", pattern, modules)
        found += hits
    return tuple(dict.fromkeys(text for *_, text in (sorted(found) if has_pattern(patterns) else found)))


def has_pattern(sites: Sequence[str]) -> bool:
    """Whether some site stands for any that fit."""
    return any("*" in site or "?" in site for site in sites)


def _fits(name: str, pattern: str) -> bool:
    """Part by part, so that `layers.*.mlp` does not reach into `layers.0.mlp.act`."""
    parts, wanted = name.split("."), pattern.split(".")
    return len(parts) == len(wanted) and all(
        fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=True)
    )


def logit_weights(network: nn.Module, site: Site, decoder: Float[Tensor, "m d"]) -> Tensor | None:
    """What a unit of each feature adds to the logits [m, vocabulary], attention and later layers passed over.

    The direct path: through the final norm's gain and the unembedding, centred over the vocabulary. None where
    the site does not write into the residual stream: an input, another width, or a model without a head.
    """
    model: Any = network
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    if site.side != "out" or head is None or head.weight.shape[1] != decoder.shape[1]:
        return None
    base = getattr(model, "base_model", model)
    inner = getattr(base, "decoder", base)
    norm = next((getattr(inner, name) for name in _FINAL_NORMS if hasattr(inner, name)), None)
    gain = getattr(norm, "weight", None)
    directions = decoder.float().cpu()
    if gain is not None and gain.shape == directions.shape[1:]:
        directions = directions * gain.detach().float().cpu()
    weights = directions @ head.weight.detach().float().cpu().T
    return weights - weights.mean(1, keepdim=True)
