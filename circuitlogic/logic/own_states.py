"""Owns the states of a formula's own literals: what training showed in each, and what the formula says there."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic.activity import Activity, BoolArray, FloatArray, IntArray
from circuitlogic.logic.decision import Decision
from circuitlogic.logic.formula import Formula, Literal, evaluate, literals_of
from circuitlogic.logic.gate import TableRow
from circuitlogic.logic.kernels import Kernels
from circuitlogic.logic.states import Silent, States, count_states, state_codes
from circuitlogic.logic.tallies import FLAGS
from circuitlogic.logic.training import Training

TABLE_ROWS = 64
_MOST = 62


@dataclass(frozen=True, slots=True, eq=False)
class OwnStates:
    """The states of a formula's literals in training."""

    formula: Formula
    literals: tuple[Literal, ...]
    """At most 62 of them."""
    places: Sequence[int] | None
    """Where they stand in the decision's pool; None for a count of many."""
    keys: IntArray
    """[N] each listed sample's key in the decision's tally; its state where `places` is None."""
    states: States
    """Counting firings of the output; every state, seen or not, but where `places` is None."""
    said: BoolArray
    """[states] what the formula says."""

    @property
    def at_rest(self) -> bool:
        """What the formula says where nothing is on."""
        return bool(self.said[0])

    def together(self, features: Sequence[FeatureId], training: Training) -> FloatArray:
        """[features, features] training samples on which both fire."""
        literals, states = [Literal(feature) for feature in features], self.states
        if self.places is not None and all(literal in self.literals for literal in literals):
            at = [self.literals.index(literal) for literal in literals]
        else:
            codes = state_codes([training.rows(literal) for literal in literals], training.fired.size)
            states, at = count_states(codes, training.fired, len(literals)), list(range(len(literals)))
        bits = states.bits[:, at]
        return (bits.T * states.samples) @ bits

    def located(self) -> tuple[IntArray, Sequence[int]]:
        """[N] keys of the samples, and which of their bits number the states."""
        if self.places is not None:
            return self.keys, self.places
        numbers = np.searchsorted(self.states.codes, self.keys)
        return numbers << FLAGS, range(self.states.codes.size.bit_length())

    def without(self, feature: FeatureId) -> BoolArray:
        """[states] what the formula says, were `feature` off."""
        idle = [i for i, literal in enumerate(self.literals) if literal.feature == feature]
        if not idle:
            return self.said
        codes = self.states.codes & ~sum(1 << i for i in idle)
        on = {literal: (codes >> i & 1).astype(np.bool_) for i, literal in enumerate(self.literals)}
        return evaluate(self.formula, on, codes.size)

    def totals(self, values: FloatArray, loops: Kernels) -> FloatArray:
        """[states] the sum of `values` [N] in each."""
        return loops.totals(*self.located(), values)[: self.states.codes.size]

    def shown(self, codes: IntArray) -> BoolArray:
        """Whether training showed states `codes`."""
        at = np.minimum(np.searchsorted(self.states.codes, codes), self.states.codes.size - 1)
        return (self.states.codes[at] == codes) & (self.states.samples[at] > 0)


def own_states(decision: Decision, training: Training) -> OwnStates:
    """What training data say about the literals of the decision's formula."""
    if decision.places is not None:
        literals = tuple(decision.pool.literals[place] for place in decision.places)
        states = decision.states.over(decision.places)
        if training.inverted:
            states = States(states.literals, states.samples, states.samples - states.firing, states.codes)
        return OwnStates(decision.formula, literals, decision.places, decision.keys, states, decision.said)
    literals = literals_of(decision.formula)[:_MOST]
    codes = state_codes([training.rows(literal) for literal in literals], training.fired.size)
    states = count_states(codes, training.fired, len(literals), Silent(training.unlisted))
    on = {literal: (states.codes >> i & 1).astype(np.bool_) for i, literal in enumerate(literals)}
    said = evaluate(decision.formula, on, states.codes.size)
    return OwnStates(decision.formula, literals, None, codes.astype(np.int64), states, said)


def truth_table(own: OwnStates, train: Activity, loops: Kernels) -> tuple[TableRow, ...]:
    """The states that training samples were in, most frequent first, at most `TABLE_ROWS` of them."""
    states, sums = own.states, own.totals(train.target, loops)
    seen = int(np.count_nonzero(states.samples))
    order = np.argsort(-states.samples, kind="stable")[: min(seen, TABLE_ROWS)]
    samples, firing = states.samples[order], states.firing[order]
    columns = (states.codes[order], samples, firing, sums[order] / samples, own.said[order])
    return tuple(
        TableRow(_on_or_off(code, len(own.literals)), int(samples), int(firing), mean, said)
        for code, samples, firing, mean, said in zip(*(c.tolist() for c in columns), strict=True)
    )


@lru_cache(maxsize=4096)
def _on_or_off(code: int, literals: int) -> tuple[bool, ...]:
    """A state by its literals, which many tables share."""
    return tuple(code >> i & 1 == 1 for i in range(literals))
