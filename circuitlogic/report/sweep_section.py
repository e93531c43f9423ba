"""Owns the section on accuracy against edges in `report.md`, for studies that were swept."""

from collections.abc import Iterator
from pathlib import Path

from circuitlogic.report.markdown_text import table, term
from circuitlogic.report.numbers import count, score, share, small, split_title
from circuitlogic.stages.sweep import PICTURE, SUMMARY, SweepPoint, load_sweep
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

_IMAGE = "sweep.png"


def sweep_section(study: Study, folder: Path, images: str) -> Iterator[str]:
    """Picture and table of every budget measured; nothing where `circuitlogic sweep` has not run.

    Raises:
        StudyError: the sweep is damaged.
    """
    if not study.has(SUMMARY):
        return
    write_bytes(folder / images / _IMAGE, (study.folder(SUMMARY) / PICTURE).read_bytes())
    points = load_sweep(study)
    final = points[0].metrics.variants[-1]
    yield from ("## Accuracy against edges", "", f"![Accuracy against edges]({images}/{_IMAGE})", "")
    yield f"{split_title(final.split)}, {count(final.samples)} samples, after thresholding. Each budget is"
    yield "pruned and tuned from the same connectors; R², firing F1, live and copies are of each connector."
    yield ""
    heads = ("budget per connector", term("edges", "edges"), term("accuracy", "accuracy"))
    heads += (term("agreement", "agreement"), term("kl", "KL"), "R²", "firing F1", "live", "copies")
    yield from table(heads, [_row(point) for point in points], left=1)


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
