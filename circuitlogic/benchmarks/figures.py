"""Measured figures as tidy rows, one number each with all it needs to be quoted; cached, summarised over seeds."""

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from circuitlogic.errors import StudyError
from circuitlogic.json_files import read_json, write_json

_SCHEMA = "circuitlogic/figures/1"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number."""

    experiment: str
    """Which table it belongs to."""
    arm: str
    """The row of that table."""
    metric: str
    """The column."""
    value: float
    seed: int
    split: str
    """`heldout`, `test` or `train`; empty for counts of weights."""
    samples: int
    """0 for counts of weights."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A figure over seeds."""

    mean: float
    low: float
    high: float
    seeds: int

    def text(self, digits: int, percent: bool = False) -> str:
        """`mean (low to high)`."""
        scale, unit = (100.0, " %") if percent else (1.0, "")
        mean, low, high = (f"{scale * v:,.{digits}f}" for v in (self.mean, self.low, self.high))
        return f"{mean}{unit}" if self.seeds == 1 else f"{mean}{unit} ({low} to {high})"


def rows(
    experiment: str, arm: str, seed: int, split: str, samples: int, values: Mapping[str, float | int]
) -> list[Figure]:
    """One figure per metric of `values`."""
    return [Figure(experiment, arm, name, float(v), seed, split, samples) for name, v in values.items()]


def stored(path: Path, key: str) -> list[Figure] | None:
    """The figures at `path`; None where there are none, or they were computed with another key."""
    if not path.exists():
        return None
    found = read_json(path)
    return load_figures(path) if (found.get("$schema"), found.get("key")) == (_SCHEMA, key) else None


def cached(path: Path, key: str, compute: Callable[[], Iterable[Figure]]) -> list[Figure]:
    """The figures stored at `path` if they were computed with this key, else computed now and stored."""
    known = stored(path, key)
    if known is not None:
        return known
    found = list(compute())
    write_json(path, {"$schema": _SCHEMA, "key": key, "figures": [asdict(f) for f in found]})
    return found


def save_figures(path: Path, figures: Iterable[Figure]) -> None:
    """Store the figures of a report, for `load_figures`."""
    write_json(path, {"figures": [asdict(f) for f in figures]})


def load_figures(path: Path) -> list[Figure]:
    """Read stored figures.

    Raises:
        StudyError: missing or damaged.
    """
    try:
        return [Figure(**value) for value in read_json(path)["figures"]]
    except (KeyError, TypeError):
        raise StudyError(f"{path} is damaged: it does not hold figures") from None


class Table:
    """Figures of one experiment, asked for by arm and metric."""

    def __init__(self, figures: Iterable[Figure], experiment: str) -> None:
        self._cells: dict[tuple[str, str], list[Figure]] = {}
        for figure in figures:
            if figure.experiment == experiment:
                self._cells.setdefault((figure.arm, figure.metric), []).append(figure)
        self.arms = tuple(dict.fromkeys(arm for arm, _ in self._cells))

    def cell(self, arm: str, metric: str) -> Summary | None:
        """Mean and range over seeds; None if it was not measured."""
        found = self._cells.get((arm, metric))
        if not found:
            return None
        values = [f.value for f in found]
        return Summary(statistics.fmean(values), min(values), max(values), len(values))

    def renamed(self, arm: str, name: str) -> "Table":
        """Only `arm`, called `name`."""
        found = Table((), "")
        found._cells = {(name, metric): v for (a, metric), v in self._cells.items() if a == arm}
        found.arms = (name,)
        return found

    def text(self, arm: str, metric: str, digits: int = 3, percent: bool = False) -> str:
        """The cell as text; a dash if it was not measured."""
        cell = self.cell(arm, metric)
        return "-" if cell is None else cell.text(digits, percent)

    def both(self, arm: str, metric: str, digits: int, percent: bool = False) -> str:
        """Means of a metric of two connectors, numbered from 1: `a + b`."""
        cells = [self.cell(arm, f"{metric} {number}") for number in (1, 2)]
        scale, unit = (100.0, " %") if percent else (1.0, "")
        return " + ".join("-" if c is None else f"{scale * c.mean:,.{digits}f}" for c in cells) + unit
