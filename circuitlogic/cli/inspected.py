"""Owns the form of an answer to `inspect`: what a path is, for programs and for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a folder is."""

    what: str
    """`study`, `sparse autoencoder`, `transcoder`, `connector`, `dictionaries` or `tensors`."""
    content: Mapping[str, Any]
    """For `--json`."""
    lines: tuple[tuple[str, str], ...]
    """Name and value, for people."""


def tensor_lines(tensors: Mapping[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """A line per tensor; a numbered series of one type and shape, `epoch_0000` and so on, shares one."""
    lines: list[tuple[str, str]] = []
    for (_, look), run in groupby(
        tensors.items(), lambda entry: (entry[0].rstrip("0123456789"), _look(entry[1]))
    ):
        names = [name for name, _ in run]
        numbered = len(names) > 1
        shown = f"tensors {names[0]} … {names[-1]}" if numbered else f"tensor {names[0]}"
        lines.append((shown, f"{len(names)} × {look}" if numbered else look))
    return lines


def _look(tensor: Mapping[str, Any]) -> str:
    return f"{tensor['dtype']} {tensor['shape']}"
