"""`true`: the true features are given, and a row with noise or a trained one; only the reading is tested."""

from collections import Counter

from circuitlogic.benchmarks.logicbench.arms import arms_named
from circuitlogic.benchmarks.logicbench.cases import Case, draw_cases
from circuitlogic.benchmarks.logicbench.conditions import conditions_named
from circuitlogic.benchmarks.logicbench.outcome import Outcome
from circuitlogic.benchmarks.logicbench.planted_kinds import kinds_named
from circuitlogic.benchmarks.logicbench.score import Score
from circuitlogic.benchmarks.logicbench.scoring import ground_of, score_case
from circuitlogic.benchmarks.logicbench.settings import Settings
from circuitlogic.benchmarks.logicbench.tiers.registry import Tier, Unit, register


def _run(unit: Unit, settings: Settings) -> Outcome:
    (condition,) = conditions_named((unit.setting,))
    condition = settings.knobs.turned(condition)
    kinds = kinds_named(settings.kinds)
    cases = draw_cases(condition, kinds, settings.sizes, unit.seed, unit.leak)
    planted = Counter(case.kind for case in cases)
    wanted = [kind.name for kind in kinds if kind.by_row or condition.trained]
    short = {name: settings.sizes.per_kind - planted[name] for name in wanted}
    missing = tuple((name, unit.setting, number) for name, number in short.items() if number)
    return Outcome(scores=scores_of(cases, unit, settings), missing=missing)


def scores_of(cases: list[Case], unit: Unit, settings: Settings) -> tuple[Score, ...]:
    """Every case read by every arm."""
    arms = arms_named(settings.arms)
    return tuple(
        score_case(case, arm, unit.seed, unit.tier, ground)
        for case in cases
        for ground in (ground_of(case),)
        for arm in arms
    )


def _conditions(settings: Settings) -> tuple[str, ...]:
    return tuple(condition.name for condition in conditions_named(settings.conditions))


register(Tier("true", "True features are given, with a noisy or a trained connector row.", _conditions, _run))
