"""Owns the sweep: the feature network pruned and tuned again at several edge budgets, from the same connectors."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from circuitlogic.errors import ConfigError
from circuitlogic.json_files import write_json
from circuitlogic.progress import Progress
from circuitlogic.render.matrices import Curve, pareto_curve
from circuitlogic.stages.captured import load_activations, load_labels
from circuitlogic.stages.connecting import artefact as connector_artefact
from circuitlogic.stages.feature_network import (
    load_feature_network,
    measure_chain,
    true_map_of,
)
from circuitlogic.stages.network_metrics import NetworkMetrics, load_metrics, save_metrics
from circuitlogic.stages.seeds import seed_for
from circuitlogic.stages.subject import Subject, load_card
from circuitlogic.study import Study
from circuitlogic.substitute.tuning import tune_feature_network
from circuitlogic.verify.faithfulness import original_accuracy

SWEEP = "sweep"
SUMMARY = "sweep/curve"
PICTURE, NUMBERS = "curve.png", "sweep.json"
BUDGETS = (115, 229, 458, 916, 1832)
SCHEMA = "circuitlogic/sweep/1"


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One budget."""

    budget: int
    """Edges allowed per connector; what thresholding leaves may be fewer."""
    metrics: NetworkMetrics


def artefact(budget: int) -> str:
    """Name of one budget's metrics."""
    return f"{SWEEP}/{budget}"


def make_sweep(
    study: Study, subject: Subject, budgets: Sequence[int], progress: Progress
) -> tuple[SweepPoint, ...]:
    """Measure every budget on the held-out samples (those that are done are read back), and draw the curve.

    Raises:
        ConfigError: no budget, or one below 1; a study that is not tuned.
    """
    if not budgets or min(budgets) < 1:
        raise ConfigError(f"budgets {list(budgets)} are not allowed: give positive numbers of edges")
    if subject.text is not None:
        raise ConfigError("a language model's connectors are not pruned to a budget: sweep an image study")
    if study.config.tune.epochs == 0:
        raise ConfigError(
            "tune.epochs is 0: without tuning there is no budget to keep; train with tune.epochs > 0"
        )
    points = tuple(SweepPoint(b, _measured(study, subject, b, progress)) for b in sorted(set(budgets)))
    _summarise(study, points)
    return points


def _measured(study: Study, subject: Subject, budget: int, progress: Progress) -> NetworkMetrics:
    config = study.config
    tune, threshold = replace(config.tune, edges=budget), config.extract.threshold
    solved = load_feature_network(study, subject, tuned=False)
    made_from = [study.entry(connector_artefact(c.source, c.target)).content for c in solved.connectors]
    key = study.key(SWEEP, tune, config.extract, config.seed, made_from, subject.identity)
    if not study.is_done(artefact(budget), key):
        progress.note(f"{budget:,} edges per connector")
        tuned = tune_feature_network(
            solved,
            load_activations(study, "train"),
            tune,
            threshold,
            seed_for(config.seed, "feature_network"),
            progress,
            true_map_of(subject),
            config.extract.firing,
        )
        heldout = load_activations(study, "heldout"), load_labels(study, "heldout")
        save_metrics(
            measure_chain(solved, tuned, threshold, *heldout, "heldout"), study, artefact(budget), key
        )
    return load_metrics(study, artefact(budget))


def _summarise(study: Study, points: Sequence[SweepPoint]) -> None:
    """Write the curve as picture and JSON."""
    key = study.key(SUMMARY, [study.entry(artefact(p.budget)).content for p in points])
    if study.is_done(SUMMARY, key):
        return
    cut = [p.metrics.variants[-1] for p in points]
    original = original_of(study)
    series = [
        Curve("accuracy", tuple((sum(v.edges) / len(v.edges), v.accuracy) for v in cut)),
        Curve("same answer as the original", tuple((sum(v.edges) / len(v.edges), v.agreement) for v in cut)),
    ]
    with study.making(SUMMARY, key) as folder:
        pareto_curve(series, folder / PICTURE, original)
        document = {
            "$schema": SCHEMA,
            "sites": list(load_card(study).sites),
            "original_accuracy": original,
            "points": [asdict(p) for p in points],
        }
        write_json(folder / NUMBERS, document)


def original_of(study: Study) -> float:
    """Held-out accuracy of the original network."""
    return original_accuracy(load_activations(study, "heldout"), load_labels(study, "heldout"))


def load_sweep(study: Study) -> tuple[SweepPoint, ...]:
    """Every budget that has been measured, fewest edges first."""
    names = [name for name in study.artefacts() if name.startswith(f"{SWEEP}/") and name != SUMMARY]
    budgets = sorted(int(name.rpartition("/")[2]) for name in names)
    return tuple(SweepPoint(b, load_metrics(study, artefact(b))) for b in budgets)
