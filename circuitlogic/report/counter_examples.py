"""Owns counter-examples in words: on which held-out samples a formula is wrong, and how."""

from dataclasses import dataclass

from circuitlogic.extract.gate_on_samples import CounterExamples
from circuitlogic.report.numbers import count


@dataclass(frozen=True, slots=True)
class CounterSort:
    """One of the two ways to be wrong, with samples."""

    title: str
    rows: tuple[int, ...]
    """Numbers of the first samples."""
    total: int

    @property
    def text(self) -> str:
        """How many, and which: `12 samples: 3, 17, …`."""
        noun = "sample" if self.total == 1 else "samples"
        more = ", …" if self.total > len(self.rows) else ""
        return f"{count(self.total)} {noun}: {', '.join(map(str, self.rows))}{more}"


def counter_sorts(found: CounterExamples | None) -> tuple[CounterSort, ...]:
    """The ways in which the formula is wrong on any sample; none where none is claimed."""
    if found is None:
        return ()
    sorts = (
        CounterSort("says so, but silent", found.silent, found.silent_total),
        CounterSort("fires, not said", found.missed, found.missed_total),
    )
    return tuple(sort for sort in sorts if sort.total)
