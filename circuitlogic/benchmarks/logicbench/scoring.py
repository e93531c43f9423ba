"""Owns the score of one reading against what was planted."""

import time
from dataclasses import dataclass

import numpy as np

from circuitlogic.benchmarks.logicbench.arms import Arm, Reading
from circuitlogic.benchmarks.logicbench.cases import Case
from circuitlogic.benchmarks.logicbench.planting import FIRING, NO_GATE_F1
from circuitlogic.logic.activity import BoolArray
from circuitlogic.logic.canonical import canonical
from circuitlogic.logic.formula import Const, Formula, Literal, Not, evaluate, literals_of
from circuitlogic.logic.kinds import kind_of_canonical
from circuitlogic.logic.scores import count
from circuitlogic.logic.states import samples_above
from circuitlogic.logic.training import measure

SAME_FIRING = 0.97
NO_KIND = "none"
_MOST_LITERALS = 16


@dataclass(frozen=True, slots=True)
class Score:
    """What one arm made of one case."""

    seed: int
    condition: str
    leak: float
    """Noise floor: weak activations per true firing."""
    kind: str
    """Planted kind."""
    arm: str
    support: int
    """Training samples on which the output fires."""
    claimed: bool
    """Whether a formula is claimed."""
    strict: bool
    """The formula is the planted Boolean function, on all assignments; for no gate: none is claimed."""
    functional: bool
    """It fires on the same held-out samples as the planted one: Jaccard >= .97; for no gate: none is claimed."""
    planted_class: str
    """Kind of the planted formula; `none` where there is no gate."""
    read_class: str
    """Kind of the formula that was read; `none` where none is claimed."""
    named: str | None
    """The arm's own name for the kind."""
    f1: float
    """Held-out F1 of the formula, claimed or not, against the true output; 0 for no formula."""
    length: float | None
    """Literals of the formula per literal planted; None where either has none."""
    milliseconds: float
    """CPU time of the reading."""


def score_case(case: Case, arm: Arm, seed: int) -> Score:
    """Read `case` with `arm`, and judge it."""
    started = time.process_time()
    reading = arm.read(case.row, case.train, case.heldout)
    milliseconds = 1000 * (time.process_time() - started)
    return judge(case, arm, reading, seed, milliseconds)


def judge(case: Case, arm: Arm, reading: Reading, seed: int, milliseconds: float = 0.0) -> Score:
    """Compare `reading` with what was planted.

    An arm that does not verify itself claims a formula only where its held-out F1 is at least .8; constants are
    claimed as they are.
    """
    said, true = _heldout(case, reading.formula)
    f1 = count(said, true).f1 if reading.formula is not None else 0.0
    formula = None if reading.formula is None else canonical(reading.formula)
    if formula is not None and not arm.verifies and f1 < NO_GATE_F1:
        formula = formula if isinstance(formula, Const) else None
    truth = None if case.formula is None else canonical(case.formula)
    same = formula is not None and case.formula is not None and same_function(formula, case.formula)
    alike = formula is not None and case.formula is not None and jaccard(said, case.says) >= SAME_FIRING
    nothing = formula is None and case.formula is None
    return Score(
        seed=seed,
        condition=case.condition,
        leak=case.leak,
        kind=case.kind,
        arm=arm.name,
        support=case.support,
        claimed=formula is not None,
        strict=same or nothing,
        functional=alike or nothing,
        planted_class=NO_KIND if truth is None else kind_of_canonical(truth),
        read_class=NO_KIND if formula is None else kind_of_canonical(formula),
        named=reading.kind,
        f1=f1,
        length=_length_ratio(formula, truth),
        milliseconds=milliseconds,
    )


def jaccard(one: BoolArray, other: BoolArray) -> float:
    """Shared firings per firing of either; 1 where neither fires."""
    either = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / either if either else 1.0


def same_function(one: Formula, other: Formula) -> bool:
    """Whether two formulas agree on all assignments; False also where more than 16 literals forbid to check."""
    literals = tuple(dict.fromkeys((*literals_of(one), *literals_of(other))))
    if len(literals) > _MOST_LITERALS:
        return False
    numbers = np.arange(1 << len(literals))
    on = {lit: (numbers >> i & 1).astype(np.bool_) for i, lit in enumerate(literals)}
    return bool((evaluate(one, on, numbers.size) == evaluate(other, on, numbers.size)).all())


def formula_length(formula: Formula) -> int:
    """Literals as they are written, with repetitions."""
    match formula:
        case Literal():
            return 1
        case Const():
            return 0
        case Not(operand):
            return formula_length(operand)
        case _:
            return sum(formula_length(operand) for operand in formula.operands)


def _length_ratio(read: Formula | None, planted: Formula | None) -> float | None:
    if read is None or planted is None:
        return None
    lengths = formula_length(read), formula_length(planted)
    return lengths[0] / lengths[1] if min(lengths) else None


def _heldout(case: Case, formula: Formula | None) -> tuple[BoolArray, BoolArray]:
    """[held-out samples] what `formula` says (nothing, for None), and the true output's firing."""
    training = measure(case.train, case.row, FIRING, 1)
    samples = case.heldout.target.shape[0]
    at = {column.feature: i for i, column in enumerate(training.columns)}
    on: dict[Literal, BoolArray] = {}
    for literal in literals_of(formula) if formula is not None else ():
        column = at[literal.feature]
        on[literal] = np.zeros(samples, dtype=np.bool_)
        on[literal][samples_above(case.heldout.inputs, column, training.columns[column].cuts[0])] = True
    said = evaluate(formula or Const(False), on, samples)
    return said, case.heldout.target > training.threshold
