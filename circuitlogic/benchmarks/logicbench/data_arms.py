"""Owns the baselines that search a formula on data: beam search over formulas by IoU, and a decision tree."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from circuitlogic.benchmarks.logicbench.arms import Arm, Reading, register
from circuitlogic.benchmarks.logicbench.planting import FIRING
from circuitlogic.logic.activity import Activity, BoolArray, FloatArray, IntArray, Row
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or
from circuitlogic.logic.states import count_states, state_codes
from circuitlogic.logic.training import Training, measure
from circuitlogic.logic.truth import cells

_BEAM, _LENGTH, _INPUTS, _SLACK, _LEAVES = 10, 5, 10, 0.01, 8
_OPERATIONS = ("and", "or", "and not")


@dataclass(frozen=True, slots=True, eq=False)
class _Beam:
    """The formulas of one length, best first."""

    tables: BoolArray
    """[formulas, cells]"""
    scores: FloatArray
    """[formulas] IoU."""
    formulas: tuple[Formula, ...]


def beam_search(row: Row, train: Activity, heldout: Activity) -> Reading:  # noqa: ARG001
    """Compositional explanations (Mu & Andreas 2020): formulas grown by one `op literal` at a time, 10 kept.

    Beam 10, length 5, over the 10 inputs of the strongest effect; the shortest within .01 IoU of the best.
    """
    training = measure(train, row, FIRING, 1)
    effects = row.raw_weights * np.array([column.means[0] for column in training.columns])
    used = np.argsort(-np.abs(effects), kind="stable")[:_INPUTS].tolist()
    if not used or not training.fired.any():
        return Reading(Const(False))
    samples, firing = _cell_counts(training, used)
    literals = tuple(training.columns[i].literal(0) for i in used)
    inputs = cells(len(used)).T > 0.5
    beam = _kept(inputs, samples, firing, literals)
    beams = [beam]
    for _ in range(_LENGTH - 1):
        beam = _grown(beam, inputs, literals, samples, firing)
        beams.append(beam)
    best = max(float(b.scores[0]) for b in beams)
    shortest = next(b for b in beams if b.scores[0] >= best - _SLACK)
    return Reading(shortest.formulas[0])


def _cell_counts(training: Training, used: list[int]) -> tuple[FloatArray, FloatArray]:
    rows = [training.columns[i].rows[0] for i in used]
    states = count_states(state_codes(rows, training.fired.size), training.fired, len(used))
    samples, firing = np.zeros(1 << len(used)), np.zeros(1 << len(used))
    samples[states.codes], firing[states.codes] = states.samples, states.firing
    return samples, firing


def _grown(
    beam: _Beam, inputs: BoolArray, literals: tuple[Literal, ...], samples: FloatArray, firing: FloatArray
) -> _Beam:
    tables: list[BoolArray] = []
    formulas: list[Formula] = []
    for table, formula in zip(beam.tables, beam.formulas, strict=True):
        for operation in _OPERATIONS:
            tables.append(_joined(operation, table, inputs))
            formulas += [_formula(operation, formula, literal) for literal in literals]
    return _kept(np.concatenate(tables), samples, firing, tuple(formulas))


def _joined(operation: str, table: BoolArray, inputs: BoolArray) -> BoolArray:
    if operation == "or":
        return table | inputs
    return table & (inputs if operation == "and" else ~inputs)


def _formula(operation: str, formula: Formula, literal: Literal) -> Formula:
    if operation == "or":
        return Or((formula, literal))
    return And((formula, literal if operation == "and" else Not(literal)))


def _kept(tables: BoolArray, samples: FloatArray, firing: FloatArray, formulas: tuple[Formula, ...]) -> _Beam:
    """The best formulas of different meaning."""
    said, hits = tables @ samples, tables @ firing
    iou = hits / np.maximum(said + firing.sum() - hits, 1)
    kept: list[int] = []
    seen: set[bytes] = set()
    for at in np.argsort(-iou, kind="stable").tolist():
        key = np.packbits(tables[at]).tobytes()
        if key not in seen:
            seen.add(key)
            kept.append(at)
        if len(kept) == _BEAM:
            break
    return _Beam(tables[kept], iou[kept], tuple(formulas[i] for i in kept))


def decision_tree(row: Row, train: Activity, heldout: Activity) -> Reading:  # noqa: ARG001
    """scikit-learn's tree with 8 leaves on all inputs of the row; the paths to leaves that mostly fire."""
    training = measure(train, row, FIRING, 1)
    if not training.columns or not training.fired.any():
        return Reading(Const(False))
    on = np.zeros((training.fired.size, len(training.columns)), dtype=np.float32)
    for at, column in enumerate(training.columns):
        on[column.rows[0], at] = 1.0
    active = np.flatnonzero(on.any(axis=1))
    silent = np.setdiff1d(np.arange(on.shape[0]), active)
    fires = int(np.count_nonzero(training.fired[silent]))
    x = np.concatenate((on[active], np.zeros((2, on.shape[1]), dtype=np.float32)))
    y = np.concatenate((training.fired[active], [False, True]))
    weights = np.concatenate((np.ones(active.size), [silent.size - fires, fires]))
    tree = DecisionTreeClassifier(max_leaf_nodes=_LEAVES, random_state=0)
    tree.fit(x[weights > 0], y[weights > 0], sample_weight=weights[weights > 0])
    literals = tuple(column.literal(0) for column in training.columns)
    return Reading(_paths(tree, literals))


def _paths(tree: DecisionTreeClassifier, literals: tuple[Literal, ...]) -> Formula:
    grown = tree.tree_
    left, right = (cast("IntArray", v) for v in (grown.children_left, grown.children_right))
    split, values = cast("IntArray", grown.feature), cast("FloatArray", grown.value)
    classes = [bool(c) for c in tree.classes_]

    def fires(node: int) -> bool:
        return classes[int(np.argmax(values[node, 0]))]

    def below(node: int, path: tuple[Formula, ...]) -> list[tuple[Formula, ...]]:
        if left[node] < 0:
            return [path] if fires(node) else []
        literal = literals[int(split[node])]
        return [*below(int(left[node]), (*path, Not(literal))), *below(int(right[node]), (*path, literal))]

    paths = below(0, ())
    if not paths or paths == [()]:
        return Const(bool(paths))
    terms = [path[0] if len(path) == 1 else And(path) for path in paths]
    return terms[0] if len(terms) == 1 else Or(tuple(terms))


register(Arm("beam", "Beam search over AND, OR, AND NOT by IoU (Mu & Andreas 2020).", beam_search))
register(Arm("tree", "scikit-learn's decision tree with 8 leaves.", decision_tree))
