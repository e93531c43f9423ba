"""Owns `circuitlogic bench unwrap`: every part over every seed, the answer first, then the report."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from circuitlogic.benchmarks.figures import Figure
from circuitlogic.benchmarks.unwrap.experiment import PARTS, Part, UnwrapExperiment
from circuitlogic.benchmarks.unwrap.report import write_unwrap_report
from circuitlogic.config import DataConfig, StudyConfig
from circuitlogic.errors import StudyError, unknown_name
from circuitlogic.progress import SILENT, Progress
from circuitlogic.study import Study


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


def report_finished(
    work: Path,
    out: Path,
    config: StudyConfig,
    seeds: Sequence[int],
    command: str,
    progress: Progress = SILENT,
) -> Path:
    """Write the report from the arms that an unfinished run has left in `work`.

    An arm counts only if this version, with these settings, would make it from the same studies; others are noted.

    Raises:
        StudyError: no arm is left.
    """
    figures: list[Figure] = []
    for seed in seeds:
        folder = work / f"unwrap-{seed}"
        own = replace(config, seed=seed, data=_data_of(folder, config))
        experiment = UnwrapExperiment(folder, own, progress, only_finished=True)
        figures += [figure for part in PARTS for figure in experiment.part(part)]
    if not figures:
        raise StudyError(f"{work} holds no finished arm: run `circuitlogic bench unwrap` first")
    return write_unwrap_report(figures, out, command)


def _data_of(folder: Path, config: StudyConfig) -> DataConfig:
    """Where the images of an unfinished run lay."""
    made = folder / "matched"
    return Study.open(made).config.data if made.exists() else config.data


def _part(name: str) -> Part:
    known: dict[str, Part] = {part: part for part in PARTS}
    if name not in known:
        raise unknown_name("part", name, PARTS)
    return known[name]
