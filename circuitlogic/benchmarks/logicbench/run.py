"""Owns one run of the benchmark: its units on one or more processes, and their outcomes in a fixed order."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch

from circuitlogic.benchmarks.logicbench import data_arms, weight_arms
from circuitlogic.benchmarks.logicbench.outcome import Chain, Live, Measure, Outcome
from circuitlogic.benchmarks.logicbench.parts import Parts
from circuitlogic.benchmarks.logicbench.score import Score
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers import Unit, run_unit, tiers_named, units_of
from circuitlogic.progress import SILENT, Progress

__all__ = ["LogicBench", "Settings", "data_arms", "run_logicbench", "weight_arms"]


@dataclass(frozen=True, slots=True)
class LogicBench:
    """A finished run."""

    settings: Settings
    scores: tuple[Score, ...]
    """Arm by arm for each case, unit by unit."""
    live: tuple[Live, ...]
    chains: tuple[Chain, ...]
    measures: tuple[Measure, ...]
    missing: tuple[tuple[str, str, int], ...]
    """Kind, condition, and how many of the wanted cases no draw could plant identifiably."""


def run_logicbench(
    settings: Settings, progress: Progress = SILENT, jobs: int = 1, parts: Path | None = None
) -> LogicBench:
    """Draw, read, score; the number of processes changes nothing but the time.

    Args:
        settings: What to run.
        progress: Told of every unit.
        jobs: Processes.
        parts: Folder in which finished units are kept, and from which they are taken if the same code made them.

    Raises:
        StudyError: a kept part is damaged.
        UnknownNameError: there is no tier of such a name.
        DataError: a case that no arm can be given (a fault of the generator).
    """
    tiers_named(settings.tiers)
    units = units_of(settings)
    kept = None if parts is None else Parts(parts, settings)
    found = dict(progress.track(_all(units, settings, progress, jobs, kept), "LogicBench", total=len(units)))
    outcomes = [found[unit] for unit in units]
    missing: Counter[tuple[str, str]] = Counter()
    for outcome in outcomes:
        missing.update({(kind, where): number for kind, where, number in outcome.missing})
    return LogicBench(
        settings=settings,
        scores=tuple(score for outcome in outcomes for score in outcome.scores),
        live=tuple(live for outcome in outcomes for live in outcome.live),
        chains=tuple(chain for outcome in outcomes for chain in outcome.chains),
        measures=tuple(measure for outcome in outcomes for measure in outcome.measures),
        missing=tuple((*where, number) for where, number in missing.items()),
    )


def _all(
    units: tuple[Unit, ...], settings: Settings, progress: Progress, jobs: int, parts: Parts | None
) -> Iterator[tuple[Unit, Outcome]]:
    """Units that are kept, then the others as they finish, which are kept at once."""
    left: list[Unit] = []
    for unit in units:
        known = None if parts is None else parts.load(unit)
        if known is None:
            left.append(unit)
        else:
            yield unit, known
            progress.note(f"{unit.label}: kept from an earlier run")
    for unit, outcome in _finished(tuple(left), settings, progress, jobs):
        if parts is not None:
            parts.save(unit, outcome)
        yield unit, outcome


def _finished(
    units: tuple[Unit, ...], settings: Settings, progress: Progress, jobs: int
) -> Iterator[tuple[Unit, Outcome]]:
    """Units with their outcomes, in the order in which they finish."""
    if jobs == 1:
        for unit in units:
            yield unit, _alone(unit, settings)
            progress.note(unit.label)
        return
    context = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
        waiting: dict[Future[Outcome], Unit] = {pool.submit(_alone, unit, settings): unit for unit in units}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
                progress.note(waiting[done].label)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _alone(unit: Unit, settings: Settings) -> Outcome:
    """One unit on one thread: sums in another order would differ in their last bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return run_unit(unit, settings)
    finally:
        torch.set_num_threads(threads)
