"""Owns the tokens beside activations: windows of token ids, and which of them are kept as rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from circuitlogic.errors import DataError, StudyError
from circuitlogic.tensor_files import read_tensors, write_tensors

TOKENS_FILE = "tokens.safetensors"
_NAMES = ("ids", "starts", "documents", "kept")


@dataclass(frozen=True, slots=True, eq=False)
class TokenWindows:
    """Windows of token ids, longest first, so that neighbours make batches without padding."""

    ids: Int[np.ndarray, " tokens"]
    """Of all windows, one after the other."""
    starts: Int[np.ndarray, " ends"]
    """Where each window begins; the last entry is the number of tokens."""
    documents: Int[np.ndarray, " windows"]
    """Number of the document each window is from."""
    kept: Bool[np.ndarray, " tokens"]
    """Whether the token's activations are a row."""

    @classmethod
    def of(
        cls, windows: Sequence[Sequence[int]], documents: Sequence[int], kept: Sequence[Sequence[bool]]
    ) -> "TokenWindows":
        """Put windows in order, longest first, equals as given.

        Raises:
            DataError: nothing is kept.
        """
        order = sorted(range(len(windows)), key=lambda i: -len(windows[i]))
        ids = np.array([token for i in order for token in windows[i]], dtype=np.int32)
        starts = np.cumsum([0, *(len(windows[i]) for i in order)], dtype=np.int64)
        flags = np.array([flag for i in order for flag in kept[i]], dtype=np.bool_)
        if not flags.any():
            raise DataError("the text is too short: not one token is left to study")
        return cls(ids, starts, np.array([documents[i] for i in order], dtype=np.int32), flags)

    @property
    def rows(self) -> Int[np.ndarray, " rows"]:
        """Of each row of activations its place in `ids`."""
        return np.flatnonzero(self.kept)

    @property
    def row_tokens(self) -> Int[np.ndarray, " rows"]:
        """Of each row its token."""
        return self.ids[self.rows]

    @property
    def row_places(self) -> Int[np.ndarray, " rows"]:
        """Of each row how many tokens stand before it in its window."""
        return self.rows - self.starts[self.windows_at(self.rows)]

    def windows_at(self, places: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """The window that each place in `ids` is in."""
        return np.searchsorted(self.starts, places, side="right") - 1

    @property
    def row_documents(self) -> Int[np.ndarray, " rows"]:
        """Of each row its document."""
        return self.documents[self.windows_at(self.rows)]

    def around(self, place: int, before: int, after: int) -> tuple[int, int]:
        """First and last place (exclusive) of the context of a place, within its window."""
        window = int(self.windows_at(np.array([place]))[0])
        start, end = int(self.starts[window]), int(self.starts[window + 1])
        return max(start, place - before), min(end, place + after + 1)

    def batches(self, tokens: int = 4096) -> Iterator[tuple[slice, Int[Tensor, "windows length"]]]:
        """All windows in order, in batches of one length and about `tokens` tokens, with their place in `ids`."""
        lengths = np.diff(self.starts)
        first = 0
        while first < len(lengths):
            length = int(lengths[first])
            most = first + max(1, tokens // length)
            last = first
            while last < min(most, len(lengths)) and lengths[last] == length:
                last += 1
            where = slice(int(self.starts[first]), int(self.starts[last]))
            block = self.ids[where].astype(np.int64).reshape(last - first, length)
            yield where, torch.from_numpy(block)
            first = last

    def first(self, tokens: int) -> "TokenWindows":
        """Every n-th window, so that about `tokens` tokens remain."""
        count = len(self.documents)
        average = max(1.0, len(self.ids) / count)
        wanted = min(count, max(1, round(tokens / average)))
        return self.only(np.arange(wanted) * count // wanted)

    def only(self, windows: Int[np.ndarray, " n"]) -> "TokenWindows":
        """These windows, in ascending order."""
        spans = [(int(self.starts[w]), int(self.starts[w + 1])) for w in windows]
        places = np.concatenate([np.arange(a, b) for a, b in spans])
        starts = np.cumsum([0, *(b - a for a, b in spans)], dtype=np.int64)
        return TokenWindows(self.ids[places], starts, self.documents[windows], self.kept[places])

    def save(self, folder: Path) -> None:
        """Write `tokens.safetensors`."""
        tensors = {name: torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in _NAMES}
        write_tensors(folder / TOKENS_FILE, tensors)

    @classmethod
    def load(cls, folder: Path) -> "TokenWindows":
        """Read what `save` wrote.

        Raises:
            StudyError: missing or damaged.
        """
        path = folder / TOKENS_FILE
        ids, starts, documents, kept = (t.numpy() for t in read_tensors(path, _NAMES).values())
        whole = ids.shape == kept.shape and len(starts) == len(documents) + 1 and kept.dtype == np.bool_
        if not whole or starts[0] != 0 or starts[-1] != len(ids) or any(b <= a for a, b in pairwise(starts)):
            raise StudyError(f"{path} is damaged: its windows do not fit together")
        return cls(ids, starts, documents, kept)
