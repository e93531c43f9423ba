"""Owns `circuitlogic bench unwrap`: every part over every seed, the answer first, then the report."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from circuitlogic.benchmarks.figures import Figure, load_figures
from circuitlogic.benchmarks.unwrap.experiment import PARTS, Part, UnwrapExperiment
from circuitlogic.benchmarks.unwrap.report import write_unwrap_report
from circuitlogic.config import StudyConfig
from circuitlogic.errors import StudyError, unknown_name
from circuitlogic.progress import SILENT, Progress


def unwrap(
    work: Path,
    out: Path,
    config: StudyConfig,
    seeds: Sequence[int],
    command: str,
    parts: Sequence[str] = PARTS,
    progress: Progress = SILENT,
) -> Path:
    """Run `parts` for all seeds in `work`, where finished arms are read back, and write `out` (a `.md` file).

    Raises:
        UnknownNameError: a part that there is not.
    """
    chosen: list[Part] = [_part(name) for name in parts]
    experiments = [
        UnwrapExperiment(work / f"unwrap-{seed}", replace(config, seed=seed), progress) for seed in seeds
    ]
    figures: list[Figure] = []
    try:
        for part in chosen:
            for experiment in experiments:
                figures += experiment.part(part)
    finally:
        for experiment in experiments:
            experiment.close()
    return write_unwrap_report(figures, out, command)


def report_finished(work: Path, out: Path, seeds: Sequence[int], command: str) -> Path:
    """Write the report from the arms that an unfinished run has left in `work`, as they are.

    Raises:
        StudyError: none is there, or one is damaged.
    """
    paths = [p for seed in seeds for p in sorted((work / f"unwrap-{seed}" / "arms").glob("*.json"))]
    if not paths:
        raise StudyError(f"{work} holds no finished arm: run `circuitlogic bench unwrap` first")
    return write_unwrap_report([f for path in paths for f in load_figures(path)], out, command)


def _part(name: str) -> Part:
    known: dict[str, Part] = {part: part for part in PARTS}
    if name not in known:
        raise unknown_name("part", name, PARTS)
    return known[name]
