"""Owns the stages of a reading that dominate its cost, in the plain NumPy forms that define them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.braking import Braking, Suspects, braked
from circuitlogic.logic.columns import Columns
from circuitlogic.logic.search import Answer, Question, search
from circuitlogic.logic.surveys import Ground, Survey, survey
from circuitlogic.logic.tallies import Flags, Tally, tally, totals
from circuitlogic.logic.verdicts import Trial, Verdict, judge


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """Stages of a reading; every set of them gives the same answers."""

    survey: Callable[[Ground], Survey]
    tally: Callable[[Columns, FloatArray, IntArray, BoolArray, Flags], Tally]
    totals: Callable[[IntArray, Sequence[int], FloatArray], FloatArray]
    search: Callable[[Question], Answer]
    judge: Callable[[Trial], Verdict]
    braked: Callable[[Suspects], list[Braking]]


PLAIN = Kernels(survey, tally, totals, search, judge, braked)
