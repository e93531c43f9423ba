"""The whole reproduction: MNIST and digits over several seeds, then the report."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from circuitlogic import pipeline
from circuitlogic.benchmarks.figures import Figure, cached, rows
from circuitlogic.benchmarks.seed_experiment import STUDY, SeedExperiment, chain_rows
from circuitlogic.benchmarks.seed_report import write_seed_report
from circuitlogic.config import StudyConfig, demo_config
from circuitlogic.networks.training import score_classifier
from circuitlogic.progress import SILENT, Progress
from circuitlogic.report.write import write_report
from circuitlogic.stages.dictionaries import load_sae_metrics
from circuitlogic.stages.subject import load_card, load_classifier, load_data
from circuitlogic.study import Study


def reproduce(
    work: Path,
    out: Path,
    config: StudyConfig,
    seeds: Sequence[int],
    command: str,
    progress: Progress = SILENT,
) -> Path:
    """Run every experiment for every seed in `work` (finished ones are read back) and report into `out`.

    The first seed's study is reported beside the figures (`out/study`), and its digits demo (`out/digits`).
    """
    figures: list[Figure] = []
    for seed in seeds:
        seeded = replace(config, seed=seed)
        experiment = SeedExperiment(work / f"mnist-{seed}", seeded, progress)
        figures += experiment.run()
        figures += digits(work / f"digits-{seed}", seed, progress)
    report = write_seed_report(figures, out, command)
    for name, root in (
        ("study", work / f"mnist-{seeds[0]}" / STUDY),
        ("digits", work / f"digits-{seeds[0]}"),
    ):
        shutil.rmtree(out / name, ignore_errors=True)
        write_report(Study.open(root), out / name, ("html", "md"), progress)
    return report


def digits(folder: Path, seed: int, progress: Progress) -> list[Figure]:
    """The demo on the embedded digits: feature network held out and on its test part, autoencoders."""
    config = demo_config(seed)
    study = pipeline.train(folder, config, progress)
    pipeline.extract(study, progress=progress)
    key = study.key("digits", config, [study.entry(a).content for a in study.artefacts()])
    return cached(folder / "figures.json", key, lambda: _digits_figures(study, seed, progress))


def _digits_figures(study: Study, seed: int, progress: Progress) -> Iterator[Figure]:
    data = load_data(study.config, progress)
    network = load_classifier(study)
    for split, part in (("heldout", data.heldout), ("test", data.test)):
        scores = score_classifier(network, part, split)
        name = "original accuracy" if split == "heldout" else f"original accuracy ({split})"
        yield from rows("digits", "demo", seed, split, scores.samples, {name: scores.accuracy})
        yield from chain_rows("digits", "demo", seed, pipeline.verify(study, split, progress=progress))
    for site in load_card(study).sites:
        metrics = load_sae_metrics(study, site)
        values = {name: v for name, v in asdict(metrics).items() if isinstance(v, float)}
        yield from rows("digits saes", site, seed, metrics.split, metrics.samples, values)
