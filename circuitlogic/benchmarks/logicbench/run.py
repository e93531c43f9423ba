"""Owns one run of the benchmark: cases drawn for every seed and condition, read by every arm, scored."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import product

from circuitlogic.benchmarks.logicbench import data_arms, weight_arms
from circuitlogic.benchmarks.logicbench.arms import arms_named
from circuitlogic.benchmarks.logicbench.cases import Case, Sizes, draw_cases
from circuitlogic.benchmarks.logicbench.conditions import Condition, conditions_named
from circuitlogic.benchmarks.logicbench.planted_kinds import kinds_named
from circuitlogic.benchmarks.logicbench.scoring import Score, score_case
from circuitlogic.errors import ConfigError
from circuitlogic.progress import SILENT, Progress

__all__ = ["LogicBench", "Settings", "data_arms", "run_logicbench", "weight_arms"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is run. Equal settings give equal scores, times aside."""

    seeds: tuple[int, ...] = (101,)
    sizes: Sizes = field(default_factory=Sizes)
    leaks: tuple[float, ...] = (0.0,)
    """Noise floors: weak activations per true firing; summaries are of the lowest."""
    kinds: tuple[str, ...] = ()
    """Names; none: all."""
    conditions: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse settings without meaning, and unknown names."""
        kinds_named(self.kinds)
        conditions_named(self.conditions)
        arms_named(self.arms)
        if not self.seeds or min(self.seeds) < 0:
            raise ConfigError(f"seeds {self.seeds}: give at least one, each 0 or more")
        if self.sizes.per_kind < 1 or self.sizes.samples < 1000:
            raise ConfigError(
                f"{self.sizes.per_kind} per kind and {self.sizes.samples} samples: give at least 1 and 1000"
            )
        if not self.leaks or not all(0 <= leak <= 10 for leak in self.leaks):
            raise ConfigError(f"leaks {self.leaks}: give 0 to 10 weak activations per true firing")


@dataclass(frozen=True, slots=True)
class LogicBench:
    """A finished run."""

    settings: Settings
    scores: tuple[Score, ...]
    """Arm by arm for each case."""
    missing: tuple[tuple[str, str, int], ...]
    """Kind, condition, and how many of the wanted cases no draw could plant identifiably."""


def run_logicbench(settings: Settings, progress: Progress = SILENT) -> LogicBench:
    """Draw, read, score.

    Raises:
        DataError: a case that no arm can be given (a fault of the generator).
    """
    kinds, arms = kinds_named(settings.kinds), arms_named(settings.arms)
    scores: list[Score] = []
    missing: Counter[tuple[str, str]] = Counter()
    for leak, seed, condition in product(
        settings.leaks, settings.seeds, conditions_named(settings.conditions)
    ):
        cases = draw_cases(condition, kinds, settings.sizes, seed, leak, progress)
        missing.update(_missing(cases, condition, settings))
        label = f"reading, {condition.name}, floor {leak:g}, seed {seed}"
        steps = progress.track(cases, label, total=len(cases))
        scores += [score_case(case, arm, seed) for case in steps for arm in arms]
    return LogicBench(settings, tuple(scores), tuple((*where, n) for where, n in missing.items()))


def _missing(cases: list[Case], condition: Condition, settings: Settings) -> dict[tuple[str, str], int]:
    planted = Counter(case.kind for case in cases)
    wanted = [kind for kind in kinds_named(settings.kinds) if kind.by_row or condition.trained]
    short = {(kind.name, condition.name): settings.sizes.per_kind - planted[kind.name] for kind in wanted}
    return {where: number for where, number in short.items() if number}
