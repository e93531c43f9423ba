"""Runs the language-model experiment: a study per layer of the config, untrained controls, the report of all."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch

from circuitlogic import pipeline
from circuitlogic.benchmarks.lm.families import family_figures
from circuitlogic.benchmarks.lm.figures import GOOD
from circuitlogic.benchmarks.lm.report import CONTROL, GALLERIES, REPORT_FILE, TRAINED, LmReport, gallery_file
from circuitlogic.config import StudyConfig
from circuitlogic.errors import ConfigError, NothingLeftError
from circuitlogic.features import FeatureId
from circuitlogic.networks.hf import expanded_sites, load_language_model
from circuitlogic.networks.next_token import predicts_tokens
from circuitlogic.progress import SILENT, Progress
from circuitlogic.report.gallery import exhibits, gallery_lines
from circuitlogic.report.rows import GAIN
from circuitlogic.stages.context_baselines import make_context_baselines
from circuitlogic.stages.firing_ladder import make_firing_ladder
from circuitlogic.stages.linear_share import make_linearity
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject_kinds import stored_subject
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

FIRINGS = (0.1, 0.2, 0.3)
"""Firing thresholds at which formulas are counted beside the study's own."""


def run_lm(
    work: Path,
    out: Path,
    configs: Sequence[StudyConfig],
    control: str | None,
    command: str,
    progress: Progress = SILENT,
) -> Path:
    """Make (or take up) a study per layer in `work`, report into `out` after each; the report's main file.

    Args:
        work: Holds `trained/LAYER` and `control/LAYER`.
        out: Folder of `README.md` and the galleries.
        configs: Of one language model; their sites are the inputs and outputs of modules. One with
            `random_weights` is of a control.
        control: Layers whose name contains this are studied untrained too, with the same settings; None: none is.
        command: What was typed, for the report.
        progress: Told of every stage.

    Raises:
        ConfigError: a config is of another kind of network or of an encoder, two are of different models, or all
            are of controls.
    """
    if any(config.network.kind != "hf" for config in configs) or not any(map(_trained, configs)):
        raise ConfigError("this experiment needs network.kind = 'hf', and one config without random_weights")
    models = sorted({str(config.network.model) for config in configs})
    if len(models) > 1:
        raise ConfigError(f"{models[0]} and {models[1]} in one report: give each model a folder of its own")
    report = LmReport(configs, command)
    for config in configs:
        for name, one in layer_configs(config).items():
            role = TRAINED if _trained(config) else CONTROL
            study = made(work / role / name, one, progress)
            report.add(role, study)
            if role == TRAINED:
                galleries(study, out, name)
            report.write(out)
            if role == TRAINED and control is not None and control in name:
                random = replace(one, network=replace(one.network, random_weights=True))
                report.add(CONTROL, made(work / CONTROL / name, random, progress))
                report.write(out)
    return out / REPORT_FILE


def _trained(config: StudyConfig) -> bool:
    return not config.network.random_weights


def layer_configs(config: StudyConfig) -> dict[str, StudyConfig]:
    """One config per module whose input and output are among the sites; the whole config where there is none.

    Raises:
        ConfigError: the model predicts no next tokens, so that nothing is recovered.
    """
    model = load_language_model(config.network, seed_for(config.seed, "random-weights"))
    if not predicts_tokens(model.network, torch.zeros((1, 2), dtype=torch.long)):
        raise ConfigError(
            f"{config.network.model}: {type(model.network).__name__} predicts no next tokens, which this "
            "experiment measures: give a causal model, or study it with `circuitlogic train`"
        )
    sites = expanded_sites(model.network, config.sites or ())
    pairs = [(a, b) for a, b in pairwise(sites) if a.endswith(":in") and b == f"{a.removesuffix(':in')}:out"]
    if not pairs:
        return {"all": config}
    return {a.removesuffix(":in"): replace(config, sites=(a, b)) for a, b in pairs}


def made(root: Path, config: StudyConfig, progress: Progress) -> Study:
    """One finished study: linear shares, gates, splice test, interventions on gates that say more than a token."""
    study = pipeline.train(root, config, progress)
    make_linearity(study, progress)
    pipeline.extract(study, progress=progress)
    make_context_baselines(study, progress)
    pipeline.verify_gates(study, progress=progress, only=_telling(study))
    subject = stored_subject(study, progress)
    with subject.at_rest():
        make_firing_ladder(study, subject, FIRINGS, GOOD, GAIN, progress)
    return Study.open(root)


def _telling(study: Study) -> frozenset[FeatureId]:
    """Gates that are intervened on: those that beat the current token alone, and those that stand for a family."""
    found = [one.exhibit for one in family_figures(study)]
    with suppress(NothingLeftError):
        found += exhibits(study, min_f1=GOOD, min_gain=GAIN)
    return frozenset(one.row.gate.feature for one in found)


def galleries(study: Study, out: Path, layer: str) -> None:
    """One file per pattern."""
    for name, (pattern, least, gain, title) in GALLERIES.items():
        gallery(study, out / gallery_file(layer, name), pattern, least, gain, f"{layer}: {title}")


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
