"""Owns the arms of one seed on disk: a run adds what is missing, a report on an unfinished run only reads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from circuitlogic.benchmarks.figures import Figure, cached, stored
from circuitlogic.errors import StudyError
from circuitlogic.progress import Progress


@dataclass(frozen=True, slots=True)
class Arms:
    """A folder of figures, one file per arm, each with the key of all it was made from."""

    folder: Path
    only_finished: bool
    """Nothing is made; arms that this version would not make just so are named and left out."""
    progress: Progress

    def figures(
        self, name: str, key: Callable[[], str], compute: Callable[[], Iterable[Figure]]
    ) -> list[Figure]:
        """The arm's figures; none, where only finished arms are wanted and this is not one."""
        path = self.folder / f"{name}.json"
        if not self.only_finished:
            return cached(path, key(), compute)
        if not path.exists():
            return []
        try:
            found = stored(path, key())
        except StudyError as error:
            self.progress.note(f"{path}: left out, since it cannot be checked: {error}")
            return []
        if found is None:
            self.progress.note(f"{path}: left out, since it was made with other settings")
        return found or []
