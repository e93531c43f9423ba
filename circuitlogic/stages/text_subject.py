"""A language model and its text as a subject: made from a config, and taken up again from a study."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np
from torch import Tensor

from circuitlogic.activations.sites import Site, find_sites
from circuitlogic.activations.windows import TokenWindows
from circuitlogic.config import StudyConfig, TextConfig
from circuitlogic.datasets.text import Document, fingerprint, measured, text_sources
from circuitlogic.errors import ConfigError, StudyError
from circuitlogic.json_files import read_json, write_json
from circuitlogic.networks.hf import LanguageModel, expanded_sites, has_pattern, load_language_model
from circuitlogic.networks.hf_tokens import shown_vocabulary, tokenised
from circuitlogic.networks.next_token import predicts_tokens
from circuitlogic.progress import Progress
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject import (
    CARD_FILE,
    NETWORK,
    NetworkCard,
    Samples,
    Subject,
    SubjectText,
    at_least_two,
)
from circuitlogic.stages.text_sites import in_order, say_if_senseless, tried_sites
from circuitlogic.stages.token_rows import check_budget, load_windows
from circuitlogic.study import Study

KIND = "language-model"
_VOCABULARY = "vocabulary.json"
_DOCUMENTS = "documents.json"
_TRIED = 8
"""Windows."""


def prepare_text(config: StudyConfig, progress: Progress) -> "PreparedText":
    """Load the model and cut the text into windows; nothing is written yet.

    Raises:
        ConfigError, DataError, MissingDependencyError: the model, the text or the sites do not work.
    """
    if not config.text.files:
        raise ConfigError("text.files is not set: name the text that the language model reads")
    model = load_language_model(config.network, seed_for(config.seed, "random-weights"))
    found = at_least_two(find_sites(model.network, expanded_sites(model.network, config.sites or ())))
    train, heldout, sources = _documents(config)
    longest = getattr(model.network.config, "max_position_embeddings", None)
    windows = [
        tokenised(model.tokenizer, documents, tokens, config.text, longest)
        for documents, tokens in ((train, config.text.tokens), (heldout, config.text.heldout_tokens))
    ]
    own, other = (f"{len(part.ids):,} tokens" for part in windows)
    books = f"{len(train)} document{'' if len(train) == 1 else 's'}"
    progress.note(f"text: {books}, {own}, to train on; {len(heldout)}, {other}, held out")
    sites, components = _tried(model, found, windows[0], config, progress)
    check_budget(windows[0], windows[1], components, config.text)
    names = tuple(
        tuple(f"{d.source.rsplit('/', 1)[-1]}#{d.number}" for d in part) for part in (train, heldout)
    )
    return PreparedText(model, sites, windows[0], windows[1], names, fingerprint(sources))


def _tried(
    model: LanguageModel,
    found: Sequence[Site],
    windows: TokenWindows,
    config: StudyConfig,
    progress: Progress,
) -> tuple[tuple[str, ...], int]:
    """The sites in the order of their study, and the components of all together, from running a few windows.

    Raises:
        ConfigError, DataError: the model does not run on them, or not as the config asks.
    """
    ids = next(iter(windows.batches()))[1][:_TRIED]
    ran = tried_sites(model.network, found, ids)
    sites = in_order(found, ran, by_pattern=has_pattern(config.sites or ()))
    if config.tune.splice > 0 and not predicts_tokens(model.network, ids):
        raise ConfigError(
            f"tune.splice = {config.tune.splice:g}: {type(model.network).__name__} predicts no next tokens to tune "
            "on: leave it 0"
        )
    if not config.network.random_weights:
        say_if_senseless(model.network, ids, model.vocabulary, progress)
    return sites, sum(ran.values())


def _documents(config: StudyConfig) -> tuple[list[Document], list[Document], tuple[str, ...]]:
    """Training and held-out documents, and all sources.

    Raises:
        ConfigError: nothing is held out, or nothing is left to train on.
    """
    text = config.text
    own, other = text_sources(text.files), text_sources(text.heldout)
    shared = sorted(set(own) & set(other))
    if shared:
        raise ConfigError(
            f"{shared[0]} is in text.files and in text.heldout: use text.heldout_documents instead"
        )
    if not other and text.heldout_documents == 0:
        raise ConfigError("nothing is held out: set text.heldout or text.heldout_documents")
    found = measured(own, text.separator)
    if text.heldout_documents >= len(found):
        raise ConfigError(
            f"text.heldout_documents = {text.heldout_documents} of {len(found)} documents leaves none to train on"
        )
    order = np.random.default_rng(seed_for(config.seed, "documents")).permutation(len(found))
    out = {int(place) for place in order[: text.heldout_documents]}
    train = [d for place, d in enumerate(found) if place not in out]
    heldout = [*(measured(other, text.separator) if other else ()), *(found[place] for place in sorted(out))]
    return train, heldout, (*own, *other)


class PreparedText:
    """A loaded model with its windows, ready to become a study's subject."""

    def __init__(
        self,
        model: LanguageModel,
        sites: tuple[str, ...],
        train: TokenWindows,
        heldout: TokenWindows,
        documents: tuple[tuple[str, ...], ...],
        fingerprints: list[str],
    ) -> None:
        self._model, self._sites, self._train, self._heldout = model, sites, train, heldout
        self._documents, self._fingerprints = documents, fingerprints

    def make(self, study: Study, progress: Progress) -> Subject:  # noqa: ARG002
        """Enter the network's card into the study; the weights stay where they are."""
        names = find_sites(self._model.network, self._sites)
        key = study.key(
            KIND, self._model.identity, self._sites, self._fingerprints, _shaping(study.config.text)
        )
        vocabulary = shown_vocabulary(self._model.tokenizer, self._model.vocabulary)
        if not study.is_done(NETWORK, key):
            card = NetworkCard(
                kind=KIND,
                sites=tuple(site.name for site in names),
                image_shape=None,
                classes=self._model.vocabulary,
                hidden=(),
                parameters=sum(p.numel() for p in self._model.network.parameters()),
                scores=(),
            )
            with study.making(NETWORK, key) as folder:
                identity = {
                    "identity": self._model.identity,
                    "site_texts": list(self._sites),
                    "made_from": key,
                }
                write_json(folder / CARD_FILE, {**asdict(card), **identity})
                write_json(folder / _VOCABULARY, {"tokens": vocabulary})
                documents = dict(zip(("train", "heldout"), map(list, self._documents), strict=True))
                write_json(folder / _DOCUMENTS, documents)
        return _subject(study, self._model, self._sites, self._train, self._heldout, tuple(vocabulary))


def _shaping(text: TextConfig) -> dict[str, object]:
    """The settings of the text that decide which tokens are rows."""
    shaping = asdict(replace(text, files=(), heldout=(), splice_tokens=1, disk_budget=None))
    del shaping["families"]
    return shaping


def stored_text_subject(study: Study, progress: Progress) -> Subject:  # noqa: ARG001
    """The study's model from where it lies, with the study's own tokens; the text is not needed again.

    Raises:
        StudyError: the model is not the one that the study was made from.
    """
    model = load_language_model(study.config.network, seed_for(study.config.seed, "random-weights"))
    card = read_json(study.folder(NETWORK) / CARD_FILE)
    if card.get("identity") != model.identity:
        raise StudyError(
            f"{study.config.network.model} is not the model that {study.root} was made from: "
            f"bring it back, or run `circuitlogic train --out {study.root}`"
        )
    sites = tuple(str(text) for text in card.get("site_texts", ()))
    train, heldout = (load_windows(study, split) for split in ("train", "heldout"))
    return _subject(study, model, sites, train, heldout, load_vocabulary(study))


def _subject(
    study: Study,
    model: LanguageModel,
    sites: tuple[str, ...],
    train: TokenWindows,
    heldout: TokenWindows,
    vocabulary: tuple[str, ...],
) -> Subject:
    return Subject(
        model.network,
        find_sites(model.network, sites),
        Samples(_batches(train), None),
        Samples(_batches(heldout), None),
        study.entry(NETWORK).content,
        text=SubjectText(train, heldout, vocabulary),
    )


def _batches(windows: TokenWindows):
    def fresh() -> "list[Tensor]":
        return [block for _, block in windows.batches()]

    return fresh


def load_vocabulary(study: Study) -> tuple[str, ...]:
    """Every token as people read it; foreign text.

    Raises:
        StudyError: the study is of no language model, or damaged.
    """
    path = study.folder(NETWORK) / _VOCABULARY
    tokens = read_json(path).get("tokens") if path.is_file() else None
    if not isinstance(tokens, list):
        raise StudyError(f"{study.root} has no tokens: it is not the study of a language model")
    return tuple(str(token) for token in tokens)


def load_document_names(study: Study, split: str) -> tuple[str, ...]:
    """What the documents of a split are called, by their numbers.

    Raises:
        StudyError: damaged.
    """
    names = read_json(study.folder(NETWORK) / _DOCUMENTS).get(split)
    if not isinstance(names, list):
        raise StudyError(f"{study.root / NETWORK / _DOCUMENTS} is damaged: it lists no documents")
    return tuple(str(name) for name in names)
