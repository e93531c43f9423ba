"""Every solver on the embedded digits: the same network and dictionaries, each connector scored held out."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from circuitlogic.config import Solver, demo_config
from circuitlogic.connectors.feature_pairs import FeaturePairs
from circuitlogic.connectors.training import train_connector
from circuitlogic.progress import SILENT, Progress
from circuitlogic.stages.captured import load_activations, make_activations
from circuitlogic.stages.connecting import connector_fidelity
from circuitlogic.stages.dictionaries import load_ends, make_dictionaries
from circuitlogic.stages.subject import load_data, make_classifier
from circuitlogic.study import Study

THRESHOLD = 0.1


@dataclass(frozen=True, slots=True)
class OnDigits:
    """One connector by one solver, cut at 0.1, on held-out samples."""

    solver: str
    seed: int
    connector: str
    """Its two sites."""
    edges: int
    """Above the threshold."""
    fvu: float
    """Of the thresholded connector, true features in."""
    firing_f1: float
    """Median over live features."""
    seconds: float
    """CPU, from features to refit."""


def on_digits(seed: int, progress: Progress = SILENT) -> list[OnDigits]:
    """Train the demo's network and dictionaries once, then every connector with every solver."""
    with TemporaryDirectory() as folder:
        config = demo_config(seed)
        study = Study.create(Path(folder) / "study", config)
        subject = make_classifier(study, load_data(config, progress), progress)
        make_activations(study, subject, progress)
        make_dictionaries(study, progress)
        return [row for solver in get_args(Solver) for row in _solved(study, solver, seed)]


def _solved(study: Study, solver: Solver, seed: int) -> list[OnDigits]:
    train, heldout = load_activations(study, "train"), load_activations(study, "heldout")
    config = replace(study.config.connectors, solver=solver)
    rows: list[OnDigits] = []
    for source, target in load_ends(study):
        start = time.process_time()
        made = train_connector(FeaturePairs(source, target, train), None, config, seed).connector
        seconds = time.process_time() - start
        cut = made.thresholded(THRESHOLD)
        fidelity = connector_fidelity(cut, source, target, heldout, "heldout")
        edges, name = int(cut.weight.count_nonzero()), f"{source.site} → {target.site}"
        rows.append(OnDigits(solver, seed, name, edges, fidelity.fvu, fidelity.firing_f1_median, seconds))
    return rows
