"""Owns the score of one reading against what was planted."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from circuitlogic.benchmarks.logicbench.arms import Arm, Reading
from circuitlogic.benchmarks.logicbench.cases import Case
from circuitlogic.benchmarks.logicbench.equivalence import (
    polarities,
    renamed,
    same_function,
    same_where_seen,
)
from circuitlogic.benchmarks.logicbench.identified import NO_GATE_F1
from circuitlogic.benchmarks.logicbench.planted_kinds import MIXTURE, NOISE, OPEN_SUMS
from circuitlogic.benchmarks.logicbench.planting import FIRING
from circuitlogic.benchmarks.logicbench.score import BEATS, NO_KIND, Edges, Score
from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import BoolArray
from circuitlogic.logic.bootstrap import Resampling, f1_interval
from circuitlogic.logic.canonical import canonical
from circuitlogic.logic.columns import samples_above
from circuitlogic.logic.formula import Const, Formula, Literal, Not, evaluate, literals_of, to_text
from circuitlogic.logic.gate import Interval
from circuitlogic.logic.kinds import kind_of_canonical
from circuitlogic.logic.naming import has_other_causes
from circuitlogic.logic.scores import count, unprompted
from circuitlogic.logic.training import Training, measure

SAME_FIRING = 0.97
OPEN_KINDS = ("vote", "mixed-sign", "non-threshold")
"""Kinds that promise no simple story."""
EDGE = 0.1
"""Weights above this, between unit-scale features, are edges."""
_BOOTSTRAP = 200


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What all arms' readings of one case are judged on."""

    training: Training
    fired: BoolArray
    """[held-out samples] the true output fires."""
    baseline: float
    row_edges: Edges
    joint: int | None


def ground_of(case: Case) -> Ground:
    """Measure `case` once."""
    training = measure(case.train, case.row, FIRING, 1)
    fired = case.heldout.target > training.threshold
    weights = {
        f: w for f, w in zip(case.row.sources, case.row.weights.tolist(), strict=True) if abs(w) > EDGE
    }
    signs = {case.aliases.get(feature, feature): 1 if w > 0 else -1 for feature, w in weights.items()}
    return Ground(training, fired, _baseline(case, training, fired), _edges(case, signs), _joint(case))


def score_case(case: Case, arm: Arm, seed: int, tier: str = "true", ground: Ground | None = None) -> Score:
    """Read `case` with `arm`, and judge it."""
    started = time.process_time()
    reading = arm.read(case.row, case.train, case.heldout)
    milliseconds = 1000 * (time.process_time() - started)
    return judge(case, arm, reading, seed, milliseconds, tier, ground)


def judge(
    case: Case,
    arm: Arm,
    reading: Reading,
    seed: int,
    milliseconds: float = 0.0,
    tier: str = "true",
    ground: Ground | None = None,
) -> Score:
    """Compare `reading` with what was planted.

    An arm that does not verify itself claims a formula only where its held-out F1 is at least .8; constants are
    claimed as they are.
    """
    ground = ground or ground_of(case)
    claim = _claim(case, arm, reading, ground, seed)
    formula = claim.formula
    truth = None if case.formula is None else canonical(case.formula)
    same = formula is not None and truth is not None and same_function(formula, truth)
    alike = formula is not None and truth is not None and jaccard(claim.said, case.says) >= SAME_FIRING
    nothing = truth is None and not _named_falsely(case, claim)
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
        f1=claim.f1,
        f1_low=claim.interval.low,
        f1_high=claim.interval.high,
        length=_length_ratio(formula, truth),
        milliseconds=milliseconds,
        tier=tier,
        feature=str(case.row.feature),
        seen=nothing or same or _agrees(case, formula, truth, ground.training),
        asserted=claim.asserted,
        hedged=claim.hedged,
        baseline=ground.baseline,
        literal_edges=_edges(case, _literal_signs(formula, reading, case)),
        row_edges=ground.row_edges,
        falsely=truth is None and not nothing,
        ceiling=case.ceiling,
        absent=_absent(case),
        joint=ground.joint,
        silenced=case.silenced,
        match=case.match,
        input_match=case.input_match,
        planted="" if truth is None else to_text(truth, _name),
        read="" if reading.formula is None else to_text(canonical(reading.formula), _name),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Claim:
    """What is left of a reading on held-out samples."""

    formula: Formula | None
    """In planted names; None where none is claimed."""
    asserted: bool
    said: BoolArray
    """[held-out samples] by the formula that was read, claimed or not."""
    f1: float
    interval: Interval
    hedged: bool


def _claim(case: Case, arm: Arm, reading: Reading, ground: Ground, seed: int) -> _Claim:
    if reading.formula is None:
        silent = np.zeros(ground.fired.size, dtype=np.bool_)
        return _Claim(None, False, silent, 0.0, Interval(0.0, 0.0), False)
    on = _literals_on(case, reading.formula, ground.training)
    said = evaluate(reading.formula, on, ground.fired.size)
    f1 = count(said, ground.fired).f1
    interval = _f1_interval(case, said, ground, seed)
    formula = canonical(_planted_names(reading.formula, case))
    asserted = not isinstance(formula, Const)
    if asserted and not arm.verifies and f1 < NO_GATE_F1:
        return _Claim(None, True, said, f1, interval, False)
    hedged = f1 >= NO_GATE_F1 and _hedged(on.values(), interval, ground.fired)
    return _Claim(formula, asserted, said, f1, interval, hedged)


def _f1_interval(case: Case, said: BoolArray, ground: Ground, seed: int) -> Interval:
    """As the product reckons it."""
    how = Resampling(_BOOTSTRAP, seed, case.row.feature.index)
    return f1_interval(said, ground.fired, case.heldout.groups, how)


def _planted_names(formula: Formula, case: Case) -> Formula:
    """`formula` with every learned feature called by the planted one it stands for."""
    return renamed(formula, {Literal(one): Literal(other) for one, other in case.aliases.items()})


def _hedged(on: Iterable[BoolArray], interval: Interval, fired: BoolArray) -> bool:
    """The product's caveats that a claim is not the whole story, made for every reader alike."""
    return interval.low < NO_GATE_F1 or has_other_causes(unprompted(on, fired), int(np.count_nonzero(fired)))


def _named_falsely(case: Case, claim: _Claim) -> bool:
    """Where there is no gate, whether the claim tells a wrong story.

    Of noise, and of a row of which no function is good enough, any claim does that comes without a caveat; of a
    mixture with unseen causes one that a function of all the inputs outdoes by .05, or that keeps silent about
    causes that the row does not have. Of a dense sum a vote or a mixture of signs is a fair account; a kind with
    a simpler name is false if a function of all the inputs does better by .05.
    """
    if claim.formula is None:
        return False
    if isinstance(claim.formula, Const) or case.kind == NOISE:
        return True
    outdone = (case.ceiling or 0.0) - claim.f1 > BEATS
    if case.kind == MIXTURE:
        return outdone or (case.elsewhere and not claim.hedged)
    if case.kind not in OPEN_SUMS:
        return not claim.hedged
    return outdone and kind_of_canonical(claim.formula) not in OPEN_KINDS


def _name(literal: Literal) -> str:
    return f"{literal.feature.index}" if literal.level == 0 else f"{literal.feature.index}^{literal.level}"


def jaccard(one: BoolArray, other: BoolArray) -> float:
    """Shared firings per firing of either; 1 where neither fires."""
    either = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / either if either else 1.0


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


def said_by(case: Case, formula: Formula | None, training: Training) -> BoolArray:
    """[held-out samples] what `formula` says; nothing, for None."""
    return evaluate(
        formula or Const(False), _literals_on(case, formula, training), case.heldout.target.shape[0]
    )


def _literals_on(case: Case, formula: Formula | None, training: Training) -> dict[Literal, BoolArray]:
    """[held-out samples] where each literal of `formula` is on."""
    samples = case.heldout.target.shape[0]
    at = {column.feature: i for i, column in enumerate(training.columns)}
    on: dict[Literal, BoolArray] = {}
    for literal in literals_of(formula) if formula is not None else ():
        column = at[literal.feature]
        on[literal] = np.zeros(samples, dtype=np.bool_)
        on[literal][samples_above(case.heldout.inputs, column, training.columns[column].cuts[0])] = True
    return on


def _agrees(case: Case, formula: Formula | None, truth: Formula | None, training: Training) -> bool:
    """Whether both say the same in the states that training samples were seen in."""
    if formula is None or truth is None:
        return False
    samples = case.train.target.shape[0]
    on = {Literal(planted.feature): planted.on for planted in case.inputs}
    rows = {column.feature: column.rows[0] for column in training.columns}
    for literal in (*literals_of(formula), *literals_of(truth)):
        if literal not in on:
            on[literal] = np.zeros(samples, dtype=np.bool_)
            on[literal][rows.get(literal.feature, [])] = True
    return same_where_seen(formula, truth, on, samples)


def _baseline(case: Case, training: Training, fired: BoolArray) -> float:
    """Held-out F1 of the input that is best on training samples."""
    total = int(np.count_nonzero(training.fired))
    best, at = 0.0, None
    for i, column in enumerate(training.columns):
        f1 = 2 * int(np.count_nonzero(training.fired[column.rows[0]])) / max(column.rows[0].size + total, 1)
        if f1 > best:
            best, at = f1, i
    if at is None:
        return 0.0
    return count(said_by(case, training.columns[at].literal(0), training), fired).f1


def _literal_signs(formula: Formula | None, reading: Reading, case: Case) -> dict[FeatureId, int]:
    if formula is None:
        return {}
    signs = {literal.feature: sign for literal, sign in polarities(formula).items()}
    brakes = (case.aliases.get(feature, feature) for feature in reading.brakes)
    return {**dict.fromkeys(brakes, -1), **signs}


def _edges(case: Case, signs: dict[FeatureId, int]) -> Edges:
    planted = {p.feature: p.sign for p in case.inputs} if case.formula is not None else {}
    if isinstance(case.formula, Const):
        planted = {}
    hits = planted.keys() & signs.keys()
    signed = [feature for feature in hits if planted[feature]]
    right = sum(planted[feature] == signs[feature] for feature in signed)
    return Edges(len(planted), len(signs), len(hits), len(signed), right)


def _absent(case: Case) -> int:
    """Planted literals without an edge in the row."""
    planted = {literal.feature for literal in literals_of(case.formula or Const(False))}
    return len(planted - {case.aliases.get(source, source) for source in case.row.sources})


def _joint(case: Case) -> int | None:
    """Of gates with one cause and one input of negative sign: training samples on which both fire."""
    if len(case.inputs) != 2 or {planted.sign for planted in case.inputs} != {1, -1}:
        return None
    return int(np.count_nonzero(case.inputs[0].on & case.inputs[1].on))
