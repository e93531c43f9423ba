"""Owns the reading of one connector row as a gate: decide on training data, verify held out, then name.

`read_gate` is the way in. Method ("PDV"): propose from weights,
decide on the states in which the *true* output feature was seen to fire, verify on held-out samples.
"""

from dataclasses import replace

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic import canonical, truth
from circuitlogic.logic.activity import Activity, ReadingOptions, Row, check
from circuitlogic.logic.columns import Columns
from circuitlogic.logic.decision import decide
from circuitlogic.logic.evidence import Proof, prove
from circuitlogic.logic.flags import OtherCauses
from circuitlogic.logic.formula import Const, Formula
from circuitlogic.logic.gate import Evidence, Gate, GateInput, RunnerUp, TableRow, ThresholdReading
from circuitlogic.logic.inhibition import Inhibition
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.naming import Held, has_other_causes, name_of
from circuitlogic.logic.other_thresholds import with_other_thresholds
from circuitlogic.logic.own_states import OwnStates, own_states, truth_table
from circuitlogic.logic.relations import relations, rests_on_weights
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
    check(row, train, "training")
    check(row, heldout, "held-out")
    order = sorted(range(len(row.sources)), key=lambda i: (row.sources[i].site, row.sources[i].index))
    if order != list(range(len(order))):
        row = _sorted_row(row, order)
        train, heldout = _sorted_columns(train, order), _sorted_columns(heldout, order)
    return read_checked(row, train, heldout, options or ReadingOptions(), excluded)


def read_checked(
    row: Row,
    train: Activity,
    heldout: Activity,
    options: ReadingOptions,
    excluded: frozenset[FeatureId] = frozenset(),
) -> Gate:
    """The same of a row whose inputs stand in their order and whose activations are known to fit it."""
    training = measure(train, row, options.firing_quantile_fraction, options.levels)
    if training.firings == 0:
        return _gate(row, training, "dead", Const(False))
    if training.firings < options.min_firings or heldout.target.max(initial=0.0) <= training.threshold:
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
    states = own_states(decision, training)
    proof = prove(row, heldout, training, decision, states, options)
    evidence, formula = proof.evidence, decision.formula
    name = name_of(row, train, (training, decision, states), Held(proof.counts, evidence.r2), options)
    others: tuple[ThresholdReading, ...] = ()
    if options.check_thresholds:
        own = ThresholdReading(options.firing_quantile_fraction, name.kind, name.formula, evidence.f1, True)
        others = with_other_thresholds(own, row, (train, heldout), (training, decision), options, excluded)
    if name.formula is None:
        rejected = decision.runner_up
        if not isinstance(formula, Const):
            rejected = RunnerUp(formula, decision.kind, evidence.train_f1)
        return _gate(row, training, name.kind, None, evidence, runner_up=rejected, at_thresholds=others)
    if isinstance(name.formula, Const):
        return _gate(row, training, name.kind, name.formula, evidence, at_thresholds=others)
    flags = name.flags + _relation_flags(states, name.brakes, training) + _caveats(states, proof)
    if any(other.kind != name.kind for other in others):
        flags += ("unstable-threshold",)
    table = truth_table(states, train, kernels(options.compiled))
    return _gate(row, training, name.kind, formula, evidence, table, flags, decision.runner_up, others)


def _relation_flags(own: OwnStates, brakes: tuple[Inhibition, ...], training: Training) -> tuple[str, ...]:
    wanted = {literal.feature for literal in own.literals[:_MAX_RELATED]}
    wanted |= {brake.feature for brake in brakes if brake.damps or brake.blocks_partly}
    if len(wanted) < 2:
        return ()
    features = tuple(sorted(wanted))
    return relations(features, own.together(features, training), training.samples)


def _caveats(own: OwnStates, proof: Proof) -> tuple[str, ...]:
    flags: list[str] = []
    if proof.evidence.f1_interval.low < 0.8:
        flags.append("weak")
    few = len(own.literals) <= truth.MAX_INPUTS
    if few and rests_on_weights(own.states, canonical.nested_pairs(own.literals)):
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
    levels = None if activity.levels is None else (activity.levels[0], activity.levels[1][order])
    return replace(activity, inputs=Columns.of(activity.inputs).picked(order), levels=levels)


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
    levels, samples = training.levels, max(training.samples, 1)
    rates = (levels.sizes[:, 0] / samples).tolist()
    weights, raw_weights, cuts = row.weights.tolist(), row.raw_weights.tolist(), levels.cuts.tolist()
    inputs = tuple(
        GateInput(training.sources[i], weights[i], raw_weights[i], cuts[i][0], rates[i], tuple(cuts[i][1:]))
        for i in strongest
    )
    return Gate(
        feature=row.feature,
        kind=kind,
        formula=formula,
        inputs=inputs,
        bias=row.bias / scale,
        threshold=training.threshold,
        scale=row.scale,
        evidence=evidence,
        table=table,
        flags=flags,
        runner_up=runner_up,
        at_thresholds=at_thresholds,
    )
