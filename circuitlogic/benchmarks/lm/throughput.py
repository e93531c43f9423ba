"""Tokens per second and peak memory of capture, dictionaries and connectors, on a new study of a language model."""

import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

from circuitlogic.benchmarks.markdown_table import markdown_table
from circuitlogic.config import StudyConfig, config_to_toml
from circuitlogic.errors import ConfigError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.report.numbers import count
from circuitlogic.stages.captured import load_activations, make_activations
from circuitlogic.stages.connecting import make_connectors
from circuitlogic.stages.dictionaries import load_sae_metrics, make_dictionaries
from circuitlogic.stages.subject import load_card
from circuitlogic.stages.subject_kinds import subject_kind
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes


@dataclass(frozen=True, slots=True)
class StageSpeed:
    """What one stage cost."""

    name: str
    tokens: int
    """Passed over: once by the capture, once per epoch and dictionary in training."""
    cpu: float
    """Seconds of CPU time of this process."""
    wall: float
    peak: int
    """Bytes of the process that were in memory at most, from its start to the stage's end."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """A whole run."""

    train_tokens: int
    """Rows kept and trained on."""
    heldout_tokens: int
    disk: int
    """Bytes that the activations take."""
    stages: tuple[StageSpeed, ...]
    fvus: dict[str, float]
    """Held-out unexplained share by site."""


def measure_throughput(root: Path, config: StudyConfig, progress: Progress = SILENT) -> Throughput:
    """Make a new study in `root` up to its connectors, and say what each stage cost.

    Raises:
        ConfigError: `root` exists, or the config is not of a language model.
    """
    if config.network.kind != "hf":
        raise ConfigError("this measures language models: set network.kind = 'hf'")
    if root.exists():
        raise ConfigError(f"{root} exists: stages that are done cannot be timed; name a new folder")
    make = subject_kind(config.network.kind).prepare(config, progress)
    study = Study.create(root, config)
    subject = make(study, progress)
    with subject.at_rest():
        stages = [_timed("capture", lambda: make_activations(study, subject, progress))]
        train, heldout = len(load_activations(study, "train")), len(load_activations(study, "heldout"))
        sites = load_card(study).sites
        stages += [
            _timed("dictionaries", lambda: make_dictionaries(study, progress)),
            _timed("connectors", lambda: make_connectors(study, subject, progress)),
        ]
    passed = (train + heldout, train * config.saes.epochs * len(sites), train)
    return Throughput(
        train,
        heldout,
        sum(path.stat().st_size for path in (root / "activations").rglob("*") if path.is_file()),
        tuple(
            StageSpeed(name, tokens, cpu, wall, peak)
            for (name, cpu, wall, peak), tokens in zip(stages, passed, strict=True)
        ),
        {site: load_sae_metrics(study, site).fvu for site in sites},
    )


def _timed(name: str, stage: Callable[[], None]) -> tuple[str, float, float, int]:
    cpu, wall = process_time(), perf_counter()
    stage()
    return name, process_time() - cpu, perf_counter() - wall, peak_bytes()


def peak_bytes() -> int:
    """Memory that this process held at most so far."""
    kilo = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo


def write_throughput(found: Throughput, config: StudyConfig, command: str, path: Path) -> None:
    """The measurement as Markdown."""
    write_bytes(path, ("\n".join(_lines(found, config, command)).rstrip() + "\n").encode())


def _lines(found: Throughput, config: StudyConfig, command: str) -> Iterator[str]:
    name = str(config.network.model).rstrip("/").rsplit("/", 1)[-1]
    yield from (f"# Tokens per second and peak memory: {name}", "")
    yield f"{count(found.train_tokens)} training and {count(found.heldout_tokens)} held-out tokens of"
    yield f"{', '.join(Path(file).name for file in config.text.files)}, kept as {config.text.dtype}:"
    yield f"{found.disk / 1e9:.2f} GB on disk. One process; CPU time counts, wall time depends on what else runs."
    yield ""
    heads = (
        "stage",
        "tokens passed",
        "CPU seconds",
        "tokens per CPU second",
        "wall seconds",
        "peak memory, GB",
    )
    yield markdown_table(heads, [_row(stage) for stage in found.stages])
    fvus = ", ".join(f"`{site}` {fvu:.3f}" for site, fvu in found.fvus.items())
    yield from ("", f"Held-out unexplained variance of the dictionaries: {fvus}.", "")
    yield from ("```sh", command, "```", "", "```toml", config_to_toml(config).rstrip(), "```")


def _row(one: StageSpeed) -> list[str]:
    return [
        one.name,
        count(one.tokens),
        f"{one.cpu:.0f}",
        count(round(one.tokens / max(one.cpu, 1e-9))),
        f"{one.wall:.0f}",
        f"{one.peak / 1e9:.2f}",
    ]
