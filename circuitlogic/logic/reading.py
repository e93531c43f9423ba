"""Owns the reading of one connector row as a gate: decide on training data, verify held out, then name.

`read_gate` is the way in. Method ("PDV"): propose from weights,
decide on the states in which the *true* output feature was seen to fire, verify on held-out samples.
"""

from dataclasses import replace

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic import canonical, truth
from circuitlogic.logic.activity import Activity, IntArray, ReadingOptions, Row, check
from circuitlogic.logic.decision import Decision, decide
from circuitlogic.logic.evidence import Proof, masks, prove, truth_table
from circuitlogic.logic.formula import Const, Formula, Literal, literals_of
from circuitlogic.logic.gate import Evidence, Gate, GateInput, RunnerUp, TableRow
from circuitlogic.logic.inhibition import Inhibition, inhibitions
from circuitlogic.logic.kinds import kind_of_canonical
from circuitlogic.logic.kinds.shape import shape_of
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.relations import relations, rests_on_weights
from circuitlogic.logic.states import Silent, count_states, state_codes
from circuitlogic.logic.training import Training, measure

__all__ = ["Activity", "ReadingOptions", "Row", "read_gate"]

_OTHER_THRESHOLDS = (0.5, 2.0)
_DISAGREES = 0.8
_MAX_RELATED = 9


def read_gate(
    row: Row,
    train: Activity,
    heldout: Activity,
    options: ReadingOptions | None = None,
    excluded: frozenset[FeatureId] = frozenset(),
) -> Gate:
    """What the output feature of `row` computes from its inputs.

    The formula is chosen on `train` alone; `heldout` decides only whether it is claimed. Inputs in `excluded`
    stay edges of the gate, and no formula uses them.

    Raises:
        DataError: activations do not fit the row.
    """
    options = options or ReadingOptions()
    check(row, train, "training")
    check(row, heldout, "held-out")
    order = sorted(range(len(row.sources)), key=lambda i: (row.sources[i].site, row.sources[i].index))
    row, train, heldout = (
        _sorted_row(row, order),
        _sorted_columns(train, order),
        _sorted_columns(heldout, order),
    )
    loops = kernels(options.compiled)
    training = measure(train, row, options.firing_quantile_fraction, options.levels, loops)
    firings = int(np.count_nonzero(training.fired))
    if firings == 0:
        return _gate(row, training, "dead", Const(False))
    if firings < options.min_firings or not (heldout.target > training.threshold).any():
        return _gate(row, training, "insufficient", None)
    return _read(row, train, heldout, training, options, excluded)


def _read(
    row: Row,
    train: Activity,
    heldout: Activity,
    training: Training,
    options: ReadingOptions,
    excluded: frozenset[FeatureId],
) -> Gate:
    decision = decide(row, training, options, excluded)
    proof = prove(row, heldout, training, decision, options)
    if not _claimed(proof, training, decision.formula, options):
        return _unclaimed(row, training, decision, proof, options)
    formula = decision.formula
    rows = training.literal_rows(literals_of(formula))
    brakes = inhibitions(row, train, training, formula, masks(rows, training.fired.size))
    kind, flags = _kind(formula, brakes)
    flags += _relation_flags(formula, brakes, training)
    flags += _caveats(formula, rows, training, proof)
    if options.check_thresholds and _unstable(row, train, kind_of_canonical(formula), options, excluded):
        flags += ("unstable-threshold",)
    table = truth_table(formula, rows, train, training.fired)
    return _gate(row, training, kind, formula, proof.evidence, table, flags, decision.runner_up)


def _claimed(proof: Proof, training: Training, formula: Formula, options: ReadingOptions) -> bool:
    if isinstance(formula, Const):
        return False
    f1 = min(proof.counts.f1, proof.counts.off_f1) if training.inverted else proof.counts.f1
    return f1 >= options.min_f1


def _unclaimed(
    row: Row, training: Training, decision: Decision, proof: Proof, options: ReadingOptions
) -> Gate:
    """No Boolean reading: constant, graded or unexplained; the rejected formula is kept as the runner-up."""
    evidence = proof.evidence
    if np.count_nonzero(training.fired) / training.samples > options.constant_rate:
        return _gate(row, training, "constant", Const(True), evidence)
    kind = "graded" if evidence.r2 >= options.min_r2 and row.sources else "unexplained"
    rejected = decision.runner_up
    if not isinstance(decision.formula, Const):
        rejected = RunnerUp(decision.formula, kind_of_canonical(decision.formula), evidence.train_f1)
    return _gate(row, training, kind, None, evidence, runner_up=rejected)


def _kind(formula: Formula, brakes: tuple[Inhibition, ...]) -> tuple[str, tuple[str, ...]]:
    """The kind of the formula, changed where an input was measured to weaken or half block;
    and flags saying so."""
    kind = kind_of_canonical(formula)
    flags = tuple(f"damped:{b.feature}={b.keep:.2f}" for b in brakes if b.damps and not b.in_formula)
    partly = [b for b in brakes if b.blocks_partly]
    flags += tuple(f"partial:{b.feature}={b.kill:.2f}" for b in partly)
    if kind == "copy" and flags:
        return ("partial-inhibition" if partly else "damped-copy"), flags
    vetoes = {f.feature for f in shape_of(formula).vetoes if isinstance(f, Literal)}
    if kind == "and-not" and vetoes <= {b.feature for b in partly}:
        return "partial-inhibition", flags
    return kind, flags


def _relation_flags(formula: Formula, brakes: tuple[Inhibition, ...], training: Training) -> tuple[str, ...]:
    wanted = {lit.feature for lit in literals_of(formula)[:_MAX_RELATED]}
    wanted |= {brake.feature for brake in brakes if brake.damps or brake.blocks_partly}
    columns = [column for column in training.columns if column.feature in wanted]
    return relations(
        tuple(c.feature for c in columns),
        tuple(c.rows[0] for c in columns),
        training.fired.size,
        training.samples,
    )


def _caveats(
    formula: Formula, rows: dict[Literal, IntArray], training: Training, proof: Proof
) -> tuple[str, ...]:
    flags: list[str] = []
    if proof.evidence.f1_interval.low < 0.8:
        flags.append("weak")
    literals = literals_of(formula)
    if len(literals) <= truth.MAX_INPUTS:
        codes = state_codes([rows[lit] for lit in literals], training.fired.size)
        states = count_states(codes, training.fired, len(literals), Silent(training.unlisted))
        possible = truth.possible_cells(canonical.nested_pairs(literals), len(literals))
        if rests_on_weights(states, possible, len(literals)):
            flags.append("by-weights")
    if proof.agreement < _DISAGREES:
        flags.append("connector-disagrees")
    return tuple(flags)


def _unstable(
    row: Row, train: Activity, kind: str, options: ReadingOptions, excluded: frozenset[FeatureId]
) -> bool:
    """Whether half or twice the firing threshold gives the formula another kind."""
    for factor in _OTHER_THRESHOLDS:
        fraction = min(options.firing_quantile_fraction * factor, 0.99)
        training = measure(train, row, fraction, options.levels, kernels(options.compiled))
        other = decide(row, training, options, excluded)
        if kind_of_canonical(other.formula) != kind:
            return True
    return False


def _sorted_row(row: Row, order: list[int]) -> Row:
    return replace(
        row,
        sources=tuple(row.sources[i] for i in order),
        weights=row.weights[order],
        raw_weights=row.raw_weights[order],
        source_scales=row.source_scales[order],
    )


def _sorted_columns(activity: Activity, order: list[int]) -> Activity:
    if order == list(range(len(order))):
        return activity
    levels = None if activity.levels is None else (activity.levels[0], activity.levels[1][order])
    return replace(activity, inputs=activity.inputs[:, order], levels=levels)


def _gate(
    row: Row,
    training: Training,
    kind: str,
    formula: Formula | None,
    evidence: Evidence | None = None,
    table: tuple[TableRow, ...] = (),
    flags: tuple[str, ...] = (),
    runner_up: RunnerUp | None = None,
) -> Gate:
    scale = row.scale if row.scale > 0 else 1.0
    strongest = np.argsort(-np.abs(row.weights), kind="stable").tolist()
    return Gate(
        feature=row.feature,
        kind=kind,
        formula=formula,
        inputs=tuple(_input(row, training, i) for i in strongest),
        bias=row.bias / scale,
        threshold=training.threshold,
        scale=row.scale,
        evidence=evidence,
        table=table,
        flags=flags,
        runner_up=runner_up,
    )


def _input(row: Row, training: Training, at: int) -> GateInput:
    column = training.columns[at]
    return GateInput(
        feature=column.feature,
        weight=float(row.weights[at]),
        raw_weight=float(row.raw_weights[at]),
        threshold=column.cuts[0],
        firing_rate=column.rows[0].size / max(training.samples, 1),
        level_thresholds=column.cuts[1:],
    )
