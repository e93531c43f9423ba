"""Language models so small that a whole study takes seconds, with tokenizer and text; nothing is downloaded."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

HOSTILE = ("[/INST]", "<script>", "{{7*7}}", "a\u202eb", "c\x07d", '"\\')
"""Tokens that must do no harm wherever they are shown."""
WORDS = (
    *(
        "<s>",
        "<unk>",
        "\n",
        ".",
        ",",
        '"',
        "the",
        "a",
        "old",
        "young",
        "man",
        "dog",
        "said",
        "cried",
        "ran",
        "he",
    ),
    *("she", "they", "not", "then", "house", "tree", "saw", "and", "or", "was", "is", "never", *HOSTILE),
)
FAMILIES = ("neox", "llama", "bert")


def sentences(count: int, seed: int) -> str:
    """Lines of random words, every fifth with speech in it."""
    generator = np.random.default_rng(seed)
    plain = [word for word in WORDS[3:] if word not in HOSTILE]
    lines: list[str] = []
    for number in range(count):
        words = [str(w) for w in generator.choice(plain, 9)]
        if number % 5 == 0:
            words[3:6] = ['"', "said", str(generator.choice(["he", "she"]))]
        if number % 11 == 0:
            words[6] = HOSTILE[int(generator.integers(len(HOSTILE)))]
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def text_of(documents: int, seed: int, lines: int = 12) -> str:
    """Documents parted as the data's README says."""
    return "".join(f"{sentences(lines, seed + i)}<|endoftext|>\n" for i in range(documents))


def write_model(folder: Path, family: str = "neox", seed: int = 0) -> Path:
    """A model folder as `save_pretrained` writes it."""
    transformers: Any = pytest.importorskip("transformers", reason="language models need the extra `hf`")
    config, kind = _config(transformers, family)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
    # larger than a fresh model's weights: its layers then do something
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "embed" not in name:
                parameter.mul_(6.0)
    model.save_pretrained(folder)
    tokenizer_of(transformers).save_pretrained(folder)
    return folder


def _config(transformers: Any, family: str) -> tuple[Any, Any]:
    sizes = {"vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 2, "intermediate_size": 32}
    sizes |= {"num_attention_heads": 2, "max_position_embeddings": 64}
    if family == "neox":
        return transformers.GPTNeoXConfig(**sizes), transformers.GPTNeoXForCausalLM
    if family == "llama":
        return transformers.LlamaConfig(**sizes, num_key_value_heads=1), transformers.LlamaForCausalLM
    return transformers.BertConfig(**sizes, architectures=["BertModel"]), transformers.BertModel


def tokenizer_of(transformers: Any, words: tuple[str, ...] = WORDS) -> Any:
    """One token per word; every text begins with `<s>`."""
    tokenizers: Any = pytest.importorskip("tokenizers")
    vocabulary = {word: number for number, word in enumerate(words)}
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Split(" ", "removed")
    inner.normalizer = tokenizers.normalizers.Replace("\n", " \n ")
    inner.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", unk_token="<unk>")


@cache
def tiny_settings(folder: Path) -> dict[str, Any]:
    """A config of a study of the model and the text below `folder`, which `write_subject` made."""
    return {
        "sites": ["gpt_neox.layers.1.mlp:in", "gpt_neox.layers.1.mlp:out"],
        "network": {"kind": "hf", "model": str(folder / "model")},
        "text": {
            "files": [str(folder / "train.txt")],
            "heldout": [str(folder / "heldout.txt")],
            "tokens": 6000,
            "heldout_tokens": 3000,
            "splice_tokens": 1500,
            "context": 32,
            "skip_first": 2,
        },
        "saes": {"expansion": 2.0, "expansion_in": 3.0, "k": 4, "epochs": 6, "batch_size": 128, "lr": 3e-3},
        "connectors": {"epochs": 12, "batch_size": 128, "lr": 1e-2},
        "extract": {"threshold": 0.02, "bootstrap": 5, "min_firings": 10},
    }


def write_subject(folder: Path) -> Path:
    """Model and text."""
    write_model(folder / "model")
    (folder / "train.txt").write_text(text_of(60, 0), encoding="utf-8")
    (folder / "heldout.txt").write_text(text_of(32, 1000), encoding="utf-8")
    return folder
