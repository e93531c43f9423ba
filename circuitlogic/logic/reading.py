"""Owns the reading of one connector row as a gate: decide on training data, verify held out, then name.

`read_gate` is the way in. Method ("PDV"): propose from weights,
decide on the states in which the *true* output feature was seen to fire, verify on held-out samples.
"""

from dataclasses import replace

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic import canonical, truth
from circuitlogic.logic.activity import Activity, IntArray, ReadingOptions, Row, check
from circuitlogic.logic.decision import decide
from circuitlogic.logic.evidence import Proof, prove, truth_table
from circuitlogic.logic.flags import OtherCauses
from circuitlogic.logic.formula import Const, Formula, Literal, literals_of
from circuitlogic.logic.gate import Evidence, Gate, GateInput, RunnerUp, TableRow, ThresholdReading
from circuitlogic.logic.inhibition import Inhibition
from circuitlogic.logic.kinds import kind_of_canonical
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.naming import Held, has_other_causes, name_of
from circuitlogic.logic.other_thresholds import with_other_thresholds
from circuitlogic.logic.relations import relations, rests_on_weights
from circuitlogic.logic.states import Silent, count_states, state_codes
from circuitlogic.logic.training import Training, measure

__all__ = ["Activity", "ReadingOptions", "Row", "read_gate"]

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
    evidence, formula = proof.evidence, decision.formula
    name = name_of(row, train, training, formula, Held(proof.counts, evidence.r2), options)
    others: tuple[ThresholdReading, ...] = ()
    if options.check_thresholds:
        own = ThresholdReading(options.firing_quantile_fraction, name.kind, name.formula, evidence.f1, True)
        others = with_other_thresholds(own, row, (train, heldout), (training, decision), options, excluded)
    if name.formula is None:
        rejected = decision.runner_up
        if not isinstance(formula, Const):
            rejected = RunnerUp(formula, kind_of_canonical(formula), evidence.train_f1)
        return _gate(row, training, name.kind, None, evidence, runner_up=rejected, at_thresholds=others)
    if isinstance(name.formula, Const):
        return _gate(row, training, name.kind, name.formula, evidence, at_thresholds=others)
    rows = training.literal_rows(literals_of(formula))
    flags = name.flags + _relation_flags(formula, name.brakes, training)
    flags += _caveats(formula, rows, training, proof)
    if any(other.kind != name.kind for other in others):
        flags += ("unstable-threshold",)
    table = truth_table(formula, rows, train, training.fired)
    return _gate(row, training, name.kind, formula, evidence, table, flags, decision.runner_up, others)


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
    if has_other_causes(proof.unprompted, proof.evidence.support):
        flags.append(str(OtherCauses(proof.unprompted / proof.evidence.support)))
    return tuple(flags)


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
    at_thresholds: tuple[ThresholdReading, ...] = (),
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
        at_thresholds=at_thresholds,
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
