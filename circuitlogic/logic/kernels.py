"""Owns the stages of a reading that dominate its cost, in the plain NumPy forms that define them."""

from collections.abc import Callable
from dataclasses import dataclass

from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.columns import Columns
from circuitlogic.logic.search import Answer, Question, search
from circuitlogic.logic.tallies import Flags, Overlap, Tally, overlap, tally
from circuitlogic.logic.verdicts import Trial, Verdict, judge


@dataclass(frozen=True, slots=True, eq=False)
class Kernels:
    """Stages of a reading; every set of them gives the same answers."""

    overlap: Callable[[Columns, FloatArray, BoolArray, BoolArray], Overlap]
    tally: Callable[[Columns, FloatArray, IntArray, BoolArray, Flags], Tally]
    search: Callable[[Question], Answer]
    judge: Callable[[Trial], Verdict]


PLAIN = Kernels(overlap, tally, search, judge)
