"""Owns the way from documents to windows of tokens, and what a token looks like to people."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from circuitlogic.activations.windows import TokenWindows
from circuitlogic.config import TextConfig
from circuitlogic.datasets.text import Document, documents_of, window_quotas
from circuitlogic.errors import ConfigError, DataError

_LINES = 64
_SAMPLE = 20_000
"""Characters on which the length of a token is estimated."""
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Frame:
    """Special tokens that the tokenizer puts around every text."""

    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def size(self) -> int:
        """Tokens of a window that are not text."""
        return len(self.before) + len(self.after)


def frame_of(tokenizer: Any) -> Frame:
    """What stands before and after a text of its own, e.g. `<s>` or `[CLS]` ... `[SEP]`."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return Frame(tuple(whole[:start]), tuple(whole[start + len(bare) :]))
    return Frame((), ())


def tokenised(
    tokenizer: Any, documents: Sequence[Document], tokens: int, config: TextConfig, longest: int | None
) -> TokenWindows:
    """About `tokens` tokens, spread evenly over `documents`, whose places are the windows' document numbers.

    Args:
        tokenizer: Of the model.
        documents: Of one split.
        tokens: The budget.
        config: Context, separator, what is dropped.
        longest: Positions that the model has; None: no limit.

    Raises:
        ConfigError: the context is too long for the model, or too short for what is dropped from it.
        DataError: nothing is left, or a source changed while it was read.
    """
    if longest is not None and config.context > longest:
        raise ConfigError(
            f"text.context = {config.context} is more than the model's {longest} positions: lower it"
        )
    frame = frame_of(tokenizer)
    body = config.context - frame.size
    if body < 2 or config.skip_first >= config.context - 1:
        raise ConfigError(
            f"text.context = {config.context} leaves no token of text: raise it or lower text.skip_first"
        )
    characters = max(1, round(body * _token_length(tokenizer, documents, config)))
    lengths = [-(-d.characters // characters) for d in documents]
    windows_wanted = -(-tokens // config.context)
    # lengths are estimates: where all fits, no document may lose its end
    all_fits = sum(lengths) <= windows_wanted
    quotas = [2 * n + 1 for n in lengths] if all_fits else window_quotas(lengths, windows_wanted)
    special = frozenset(tokenizer.all_special_ids)
    windows: list[list[int]] = []
    numbers: list[int] = []
    for place, lines in _chosen(documents, quotas, config.separator):
        for window in _windows(tokenizer, lines, frame, body, quotas[place]):
            windows.append(window)
            numbers.append(place)
    return TokenWindows.of(windows, numbers, [_kept(w, special, config) for w in windows])


def _token_length(tokenizer: Any, documents: Sequence[Document], config: TextConfig) -> float:
    """Characters per token, on the beginning of the first document."""
    if not documents:
        raise DataError("no document is left: give more text or hold out fewer documents")
    for _, lines in _chosen(documents, [1, *([0] * (len(documents) - 1))], config.separator):
        text = "".join(islice(lines, 400))[:_SAMPLE]
        return max(1.0, len(text) / max(1, len(tokenizer(text, add_special_tokens=False)["input_ids"])))
    raise DataError(f"{documents[0].source} changed while it was read")


def _chosen(
    documents: Sequence[Document], quotas: Sequence[int], separator: str
) -> Iterator[tuple[int, Iterator[str]]]:
    """Each document with a quota: its place and its lines; every source is read once."""
    wanted = [(place, d) for place, d in enumerate(documents) if quotas[place] > 0]
    for source, group in groupby(wanted, key=lambda pair: pair[1].source):
        places = {d.number: place for place, d in group}
        for number, lines in enumerate(documents_of(source, separator)):
            if number in places:
                yield places[number], lines
            if number >= max(places):
                break


def _windows(
    tokenizer: Any, lines: Iterator[str], frame: Frame, body: int, quota: int
) -> Iterator[list[int]]:
    """At most `quota` windows of one document, in order; a last one of fewer than 2 tokens is dropped."""
    pending: list[int] = []
    given = 0
    while given < quota and (some := list(islice(lines, _LINES))):
        for ids in tokenizer(some, add_special_tokens=False)["input_ids"]:
            pending += ids
        while len(pending) >= body and given < quota:
            yield [*frame.before, *pending[:body], *frame.after]
            del pending[:body]
            given += 1
    if given < quota and len(pending) >= 2:
        yield [*frame.before, *pending, *frame.after]


def _kept(window: Sequence[int], special: frozenset[int], config: TextConfig) -> list[bool]:
    return [
        place >= config.skip_first and (config.keep_special or token not in special)
        for place, token in enumerate(window)
    ]


def shown_vocabulary(tokenizer: Any, size: int) -> list[str]:
    """Every token as people read it: with its leading space, byte-level pieces as the tokenizer names them."""
    pieces: list[str | None] = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
    decode: Callable[[list[int]], str] = tokenizer.decode
    shown: list[str] = []
    for number, piece in enumerate(pieces):
        raw = piece or f"<{number}>"
        text = decode([number])
        if "\u2581" in raw:
            text = raw.replace("\u2581", " ")
        shown.append(raw if not text or _UNKNOWN in text else text)
    return shown + [f"<{number}>" for number in range(len(shown), size)]
