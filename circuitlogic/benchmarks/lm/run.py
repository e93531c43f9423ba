"""Runs the language-model experiment: the config's study, its untrained control, and the report of both."""

from dataclasses import replace
from pathlib import Path

from circuitlogic import pipeline
from circuitlogic.benchmarks.lm.figures import stretch_figures
from circuitlogic.benchmarks.lm.report import GALLERIES, write_lm_report
from circuitlogic.config import StudyConfig
from circuitlogic.errors import ConfigError, NothingLeftError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.report.gallery import exhibits, gallery_lines
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

TRAINED, CONTROL = "trained", "control"


def run_lm(
    work: Path, out: Path, config: StudyConfig, control: bool, command: str, progress: Progress = SILENT
) -> Path:
    """Make (or take up) the studies in `work`, report into `out`; the report's main file.

    Args:
        work: Holds `trained` and `control`.
        out: Folder of `README.md` and the galleries.
        config: Of a language model.
        control: Whether the untrained copy is studied too.
        command: What was typed, for the report.
        progress: Told of every stage.

    Raises:
        ConfigError: the config is of another kind of network, or already of a control.
    """
    if config.network.kind != "hf" or config.network.random_weights:
        raise ConfigError("this experiment needs network.kind = 'hf' without random_weights")
    studies = {TRAINED: made(work / TRAINED, config, progress)}
    if control:
        random = replace(config, network=replace(config.network, random_weights=True))
        studies[CONTROL] = made(work / CONTROL, random, progress)
    report = write_lm_report(out, {name: stretch_figures(s) for name, s in studies.items()}, config, command)
    for name, (pattern, least, gain, title) in GALLERIES.items():
        gallery(studies[TRAINED], out / f"{name}.md", pattern, least, gain, title)
    return report


def made(root: Path, config: StudyConfig, progress: Progress) -> Study:
    """One finished study with gates, splice test and interventions."""
    study = pipeline.train(root, config, progress)
    pipeline.extract(study, progress=progress)
    pipeline.verify_gates(study, progress=progress)
    return Study.open(root)


def gallery(
    study: Study, path: Path, pattern: str, least: float, gain: float | None, title: str, most: int = 12
) -> None:
    """Write one gallery; where nothing passes, it says so."""
    try:
        shown = exhibits(study, pattern, least, gain)
    except NothingLeftError as error:
        write_bytes(path, f"# {title}\n\n{error}\n".encode())
        return
    heading = f"{title}: the first {min(most, len(shown))} of {len(shown)}"
    lines = gallery_lines(study, shown[:most], heading)
    write_bytes(path, ("\n".join(lines).rstrip() + "\n").encode())
