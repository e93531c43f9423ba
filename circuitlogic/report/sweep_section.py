"""Owns the section on accuracy against edges, for studies that were swept: what it says, and its Markdown."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from circuitlogic.report.markdown_text import table, term
from circuitlogic.report.numbers import count, score, share, small, split_title
from circuitlogic.stages.sweep import PICTURE, SUMMARY, SweepPoint, load_sweep
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

_IMAGE = "sweep.png"
TITLE = "Accuracy against edges"


@dataclass(frozen=True, slots=True)
class Head:
    """A column's title, with the anchor of its definition where there is one."""

    title: str
    anchor: str = ""


HEADS = (
    Head("budget per connector"),
    Head("edges", "edges"),
    Head("accuracy", "accuracy"),
    Head("agreement", "agreement"),
    Head("KL", "kl"),
    Head("R²"),
    Head("firing F1"),
    Head("live"),
    Head("copies"),
)


@dataclass(frozen=True, slots=True)
class SweepView:
    """What a page shows of a swept study."""

    about: str
    """Which samples, and how it was made."""
    lines: tuple[tuple[str, ...], ...]
    """One row of `HEADS` per budget, fewest edges first."""
    picture: bytes
    """PNG: accuracy and agreement against edges."""


def sweep_view(study: Study) -> SweepView | None:
    """The curve; None where `circuitlogic sweep` has not run.

    Raises:
        StudyError: the sweep is damaged.
    """
    if not study.has(SUMMARY):
        return None
    points = load_sweep(study)
    final = points[0].metrics.variants[-1]
    about = (
        f"{split_title(final.split)}, {count(final.samples)} samples, after thresholding. Each budget is pruned "
        "and tuned from the same connectors; R², firing F1, live and copies are of each connector."
    )
    picture = (study.folder(SUMMARY) / PICTURE).read_bytes()
    return SweepView(about, tuple(_row(point) for point in points), picture)


def sweep_section(study: Study, folder: Path, images: str) -> Iterator[str]:
    """Picture and table of every budget measured, as Markdown; nothing where there is none.

    Raises:
        StudyError: the sweep is damaged.
    """
    view = sweep_view(study)
    if view is None:
        return
    write_bytes(folder / images / _IMAGE, view.picture)
    yield from (f"## {TITLE}", "", f"![{TITLE}]({images}/{_IMAGE})", "", view.about, "")
    heads = tuple(term(head.anchor, head.title) if head.anchor else head.title for head in HEADS)
    yield from table(heads, view.lines, left=1)


def _row(point: SweepPoint) -> tuple[str, ...]:
    cut, fidelity = point.metrics.variants[-1], point.metrics.fidelity
    return (
        count(point.budget),
        " + ".join(count(edges) for edges in cut.edges),
        share(cut.accuracy),
        share(cut.agreement),
        small(cut.kl),
        " + ".join(score(f.r2_median) for f in fidelity),
        " + ".join(score(f.firing_f1_median) for f in fidelity),
        " + ".join(count(f.live) for f in fidelity),
        " + ".join(share(f.copy_rate, 0) for f in fidelity),
    )
