"""Runs the command line in this process and tells what came out."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from circuitlogic.cli.entry import main


@dataclass(frozen=True, slots=True)
class Ran:
    """One finished command."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Stdout as exactly one JSON document without NaN."""
        return json.loads(self.out, parse_constant=pytest.fail)


class Cli:
    """Calls `main` with captured streams."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Ran:
        self._capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        streams = self._capsys.readouterr()
        return Ran(code, streams.out, streams.err)
