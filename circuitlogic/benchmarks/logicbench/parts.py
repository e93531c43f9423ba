"""Owns the finished parts of a long run on disk: a run that is started again takes them from there."""

import hashlib
import json
from dataclasses import asdict, replace
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers import Unit
from circuitlogic.errors import StudyError
from circuitlogic.json_files import SCHEMA_KEY, read_document, write_json

SCHEMA = "circuitlogic/logicbench-part/1"
_OUTCOME = TypeAdapter(Outcome)


class Parts:
    """A folder of outcomes, one file per unit; each is written whole, and named by all that it depends on."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """`settings`: of the run. Which units are run is none of a unit's business."""
        self.folder = folder
        kept = replace(settings, seeds=(0,), leaks=(0.0,), tiers=("true",), conditions=())
        self._made_by = json.dumps([asdict(kept), _sources()], sort_keys=True)

    def path(self, unit: Unit) -> Path:
        """The file of a unit."""
        text = json.dumps([asdict(unit), self._made_by])
        return self.folder / f"{unit.tier}-{hashlib.sha256(text.encode()).hexdigest()[:20]}.json"

    def load(self, unit: Unit) -> Outcome | None:
        """What the unit found out, if it is there.

        Raises:
            StudyError: its file is damaged.
        """
        path = self.path(unit)
        if not path.exists():
            return None
        document = read_document(path, SCHEMA)
        try:
            return _OUTCOME.validate_python(document["outcome"])
        except (KeyError, ValidationError):
            raise StudyError(f"{path} is damaged: delete it, and the part is run again") from None

    def save(self, unit: Unit, outcome: Outcome) -> None:
        """Keep what a unit found out."""
        self.folder.mkdir(parents=True, exist_ok=True)
        value = {SCHEMA_KEY: SCHEMA, "unit": asdict(unit), "outcome": asdict(outcome)}
        write_json(self.path(unit), value)


@lru_cache(maxsize=1)
def _sources() -> str:
    """Hash of the package's source text: parts that other code made are never taken."""
    digest = hashlib.sha256()
    for name, content in sorted(_python_files(files("circuitlogic"), "")):
        digest.update(f"{name}\0".encode() + content + b"\0")
    return digest.hexdigest()


def _python_files(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{prefix}/{entry.name}"
        if entry.is_dir():
            found += _python_files(entry, name)
        elif entry.name.endswith(".py"):
            found.append((name, entry.read_bytes()))
    return found
