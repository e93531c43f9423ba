"""Runs a gate's interventions in the original network: edit the source site, run the real layers, encode again.

The control adds a random direction of the same norm. After Wang et al. 2023 (path patching) and the noising /
denoising rule of Heimersheim & Nanda 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from circuitlogic.logic.formula import Literal
from circuitlogic.logic.gate import Gate
from circuitlogic.verify.intervention import (
    MIN_SAMPLES,
    NO_TRIAL,
    GateIntervention,
    IdleTrial,
    LiteralIntervention,
    StateIntervention,
    Trial,
)
from circuitlogic.verify.joint_experiment import switch_together
from circuitlogic.verify.literal_states import (
    BoolArray,
    FloatArray,
    IntArray,
    LiteralStates,
    distinct_rows,
    literal_states,
)
from circuitlogic.verify.setting import MAX_SAMPLES, Edit, Setting, as_long, share, spread

MAX_STATES = 16
MAX_TOGETHER = 4
"""Edges of a gate without formula that are taken away and brought in."""


def intervene(gate: Gate, setting: Setting, generator: torch.Generator) -> GateIntervention | None:
    """Switch every literal of the gate's formula, and its helping inputs together.

    None for a gate without a formula, unless it is `graded`: of such a gate only the helping inputs are switched.

    Args:
        gate: Its inputs give the literals' thresholds.
        setting: The network from the gate's inputs to its output.
        generator: Of the control's directions.
    """
    literals: tuple[LiteralIntervention, ...] = ()
    states: tuple[StateIntervention, ...] = ()
    if gate.formula is not None:
        read = literal_states(gate, gate.formula, setting.inputs)
        if not read.literals:
            return None
        experiment = _Experiment(gate, read, setting, generator)
        literals = tuple(experiment.literal(literal) for literal in read.literals)
        states = experiment.table()
        helping = [one.feature for one in literals if one.sign > 0]
    elif gate.kind == "graded":
        helping = [i.feature for i in gate.inputs if i.weight > 0][:MAX_TOGETHER]
    else:
        return None
    joint = switch_together(gate, tuple(dict.fromkeys(helping)), setting, generator)
    return GateIntervention(gate.feature, gate.kind, setting.split, literals, states, joint)


class _Experiment:
    """One gate in one setting."""

    def __init__(
        self, gate: Gate, states: LiteralStates, setting: Setting, generator: torch.Generator
    ) -> None:
        self._states, self._setting, self._generator = states, setting, generator
        self._output, self._threshold = gate.feature.index, gate.threshold
        self._before = setting.outputs[:, [self._output]].toarray()[:, 0].astype(np.float64)
        self._fired: BoolArray = self._before > gate.threshold
        self._said = states.holds(states.counts)
        self._distinct, self._codes, self._sizes = distinct_rows(states.counts)

    def literal(self, literal: Literal) -> LiteralIntervention:
        """Both directions, pivotal and idle."""
        moves = [self._move(literal, insert) for insert in (False, True)]
        after = self._after([pair for move in moves for pair in self._edits(move)])
        removal, insertion = (
            (self._trial(move, *ys[:2]), self._idle_trial(move, ys[2]))
            for move, ys in zip(moves, (after[:3], after[3:]), strict=True)
        )
        signs = {1 if says else -1 for says in moves[1].outcomes} | {
            -1 if says else 1 for says in moves[0].outcomes
        }
        sign = signs.pop() if len(signs) == 1 else 0
        return LiteralIntervention(
            feature=literal.feature,
            level=literal.level,
            sign=sign,
            removal=removal[0],
            insertion=insertion[0],
            idle_removal=removal[1],
            idle_insertion=insertion[1],
            kappa=self._kappa(literal) if sign < 0 else None,
        )

    def _move(self, literal: Literal, insert: bool) -> "_Move":
        counts = self._states.moved(literal, insert)
        says = self._states.holds(counts)
        changed = (counts != self._states.counts).any(1)
        usable = changed & self._states.settable(counts) & (self._fired == self._said)
        pivotal = np.flatnonzero(usable & (says != self._said))
        idle = np.flatnonzero(usable & (says == self._said))
        outcomes = frozenset(says[changed & (says != self._said)].tolist())
        return _Move(counts, says, len(pivotal), spread(pivotal), _balanced(idle, self._codes), outcomes)

    def _edits(self, move: "_Move") -> tuple[Edit, Edit, Edit]:
        """Pivotal, its control, idle."""
        pivotal, idle = (self._edit(rows, move.counts[rows]) for rows in (move.pivotal, move.idle))
        directions = torch.randn(pivotal.shape, generator=self._generator)
        return (move.pivotal, pivotal), (move.pivotal, as_long(directions, pivotal)), (move.idle, idle)

    def _trial(self, move: "_Move", after: FloatArray, control: FloatArray) -> Trial:
        rows = move.pivotal
        if not len(rows):
            return NO_TRIAL
        wanted = move.says[rows]
        expected = np.where(wanted, 1.0, -1.0)
        flips = [(y > self._threshold) == wanted for y in (after, control)]
        changes = [y - self._before[rows] for y in (after, control)]
        moved = [f | (expected * c > self._threshold) for f, c in zip(flips, changes, strict=True)]
        return Trial(
            pivotal=move.found,
            samples=len(rows),
            flips=share(flips[0]),
            control_flips=share(flips[1]),
            moved=share(moved[0]),
            control_moved=share(moved[1]),
            change=float(changes[0].mean()),
            control_change=float(changes[1].mean()),
            switched_on=int(wanted.sum()),
            flips_on=share(flips[0][wanted]),
            flips_off=share(flips[0][~wanted]),
        )

    def _idle_trial(self, move: "_Move", after: FloatArray) -> IdleTrial:
        return IdleTrial(len(move.idle), share((after > self._threshold) != self._fired[move.idle]))

    def table(self) -> tuple[StateIntervention, ...]:
        """The most frequent states, ties by state."""
        numbers: IntArray = np.argsort(-self._sizes, kind="stable")[:MAX_STATES]
        samples = [_balanced(np.flatnonzero(self._codes != n), self._codes) for n in numbers]
        wanted = [
            np.repeat(self._distinct[[n]], len(rows), axis=0)
            for n, rows in zip(numbers, samples, strict=True)
        ]
        edits = [(rows, self._edit(rows, counts)) for rows, counts in zip(samples, wanted, strict=True)]
        after = self._after(edits)
        return tuple(self._state(int(n), y) for n, y in zip(numbers, after, strict=True))

    def _state(self, number: int, after: FloatArray) -> StateIntervention:
        counts, inside = self._distinct[[number]], self._codes == number
        return StateIntervention(
            state=tuple(self._states.states(counts)[0].tolist()),
            predicted=bool(self._states.holds(counts)[0]),
            observed_samples=int(inside.sum()),
            observed=share(self._fired[inside]),
            intervened_samples=len(after),
            intervened=share(after > self._threshold) if len(after) else None,
        )

    def _kappa(self, literal: Literal) -> float | None:
        """Observed kill rate where the literal decides; None with too few samples on either side."""
        on, off = (self._states.holds(self._states.moved(literal, insert)) for insert in (True, False))
        column, rank = self._states.place[literal]
        has = self._states.counts[:, column] > rank
        decides = off & ~on
        with_it, without = self._fired[decides & has], self._fired[decides & ~has]
        if min(len(with_it), len(without)) < MIN_SAMPLES or not without.any():
            return None
        return 1.0 - float(with_it.mean()) / float(without.mean())

    def _after(self, edits: Sequence[Edit]) -> list[FloatArray]:
        return self._setting.outputs_after(edits, self._output)

    def _edit(self, rows: IntArray, counts: IntArray) -> Tensor:
        """[n, d] what to add to the source activation."""
        deltas = torch.from_numpy(self._states.deltas(rows, counts)).float()
        return deltas @ self._setting.decoder[torch.from_numpy(self._states.features)]


@dataclass(frozen=True, slots=True, eq=False)
class _Move:
    """One literal switched in one direction, on all samples."""

    counts: IntArray
    """[samples, k] afterwards."""
    says: BoolArray
    """[samples] the formula afterwards."""
    found: int
    """Pivotal samples."""
    pivotal: IntArray
    """Those to run."""
    idle: IntArray
    outcomes: frozenset[bool]
    """What the formula says after pivotal moves, right or wrong beforehand."""


def _balanced(rows: IntArray, codes: IntArray) -> IntArray:
    """At most `MAX_SAMPLES` of `rows`, as many of each state as can be, ascending."""
    states = codes[rows]
    order = np.argsort(states, kind="stable")
    starts = np.searchsorted(states[order], states[order], side="left")
    turn = np.arange(len(rows)) - starts
    chosen = order[np.lexsort((states[order], turn))][:MAX_SAMPLES]
    return np.sort(rows[chosen])
