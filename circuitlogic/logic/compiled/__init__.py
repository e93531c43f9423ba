"""The compiled forms of the stages of a reading, and their equality to the plain ones that define them.

Sums are of whole numbers, or added in the order in which the plain versions add them: answers are equal to the
last bit. Compiled code is kept on disk where a place for it can be written.
"""

from circuitlogic.logic.compiled.braking import braked
from circuitlogic.logic.compiled.counting import tally, totals
from circuitlogic.logic.compiled.judging import judge
from circuitlogic.logic.compiled.searching import search
from circuitlogic.logic.compiled.surveying import survey
from circuitlogic.logic.kernels import Kernels

__all__ = ["COMPILED"]

COMPILED = Kernels(survey, tally, totals, search, judge, braked)
