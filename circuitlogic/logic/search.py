"""Owns the search for the formula: which literals, by prefixes of two rankings and then hill climbing.

Only training states are looked at. Every subset of literals is scored at most once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias

import numpy as np

from circuitlogic.logic import canonical, truth
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.proposals import Finding, best_cells, f1_of, propose, templates
from circuitlogic.logic.repairs import repairs, together
from circuitlogic.logic.states import States

NEAR = 12
"""Findings looked at for another meaning."""
PREFIX = 7
SINGLES = 4
ROUNDS = 24
TABLE_INPUTS = 4
TABLE_GAIN = 0.02
NEAR_INPUTS = 8
REACHABLE = 5
PERFECT = 0.99
GOOD = 0.95
TELLING = 5
IMPROVES = 1e-9

NOTHING = Finding((), np.zeros(1, dtype=np.bool_), 0.0, 0, 1.0)
"""Never: what every formula must beat."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a search is given."""

    states: States
    effects: FloatArray
    """[literals] signed effect of each literal being on, in any one unit."""
    associations: FloatArray
    """[literals] phi of each literal with the target among active samples."""
    nested: tuple[tuple[int, int], ...]
    """Pairs (low, high) of literals of which the second implies the first."""
    price: float
    limit: int
    """Most literals of a formula."""

    @property
    def by_effect(self) -> IntArray:
        """Literals, strongest first."""
        return np.argsort(-np.abs(self.effects), kind="stable")

    @property
    def by_both(self) -> IntArray:
        """Literals by their effect and their association together, strongest first."""
        strength = np.abs(self.effects)
        both = strength / (2 * strength.max(initial=1e-30)) + np.abs(self.associations)
        return np.argsort(-both, kind="stable")

    @property
    def by_association(self) -> IntArray:
        """Literals, the most telling first."""
        return np.argsort(-np.abs(self.associations), kind="stable")


Answer: TypeAlias = tuple[Finding, Iterable[Finding]]
"""The best finding, and those next best that say something else in a state that was seen, best first."""


def search(question: Question) -> Answer:
    """The best formula, and what else came near."""
    if not question.effects.size:
        return NOTHING, ()
    searching = Search(question)
    best = searching.run()
    return best, searching.others(best)


@dataclass(slots=True, eq=False)
class Search:
    """One row's search; everything scored is in `memo`."""

    question: Question
    bar: float = np.inf
    """Objective to beat: what cannot, were each of its literals paid once, is not priced."""
    memo: dict[tuple[int, ...], Finding] = field(default_factory=dict[tuple[int, ...], Finding])
    states: States = field(init=False)
    effects: FloatArray = field(init=False)
    total: float = field(init=False)
    """All firings of what is sought."""

    def __post_init__(self) -> None:
        """What is asked for often."""
        self.states, self.effects = self.question.states, self.question.effects
        self.total = self.states.total

    def run(self) -> Finding:
        """The best formula found."""
        best = NOTHING
        for start in self._starts():
            best = self._better(best, start)
        best = self.climb(best)
        return self._any_table(best) if best.f1 < PERFECT else best

    def ceiling(self) -> float:
        """Training F1 of the best table over states seen often enough not to be noise."""
        states = self.states
        never = np.zeros(states.samples.shape[0], dtype=np.bool_)
        table = best_cells(states.samples, states.firing, states.total, never, REACHABLE)
        return f1_of(table, states.samples, states.firing, states.total)

    def others(self, best: Finding) -> Iterator[Finding]:
        """Of the findings nearest to `best`, those that say something else in a state that was seen."""
        said = best.values(self.states) if best.chosen else None
        ranked = sorted(self.memo.values(), key=lambda f: (f.objective, len(f.chosen), f.chosen))
        for finding in ranked[:NEAR]:
            if said is None or not (finding.values(self.states) == said).all():
                yield finding

    def _starts(self) -> Iterator[tuple[int, ...]]:
        for order in (self.question.by_effect.tolist(), self.question.by_both.tolist()):
            for size in range(1, min(PREFIX, self.question.limit, len(order)) + 1):
                yield tuple(sorted(order[:size]))

    def _better(self, best: Finding, chosen: tuple[int, ...]) -> Finding:
        self.bar = best.objective
        found = self.score(chosen)
        return found if found.objective < best.objective - IMPROVES else best

    def climb(self, best: Finding) -> Finding:
        """Drop, add, or add a pair while the objective falls; where that stops early, look further."""
        for _ in range(ROUNDS):
            before = best
            for chosen in self._neighbours(before):
                best = self._better(best, chosen)
            if best is before and before.f1 < GOOD:
                for chosen in self._farther(before):
                    best = self._better(best, chosen)
            if best is before:
                break
        return best

    def _farther(self, now: Finding) -> Iterator[tuple[int, ...]]:
        """Exchanges of one literal, and pairs of the most telling literals added."""
        singles, _ = self._repairs(now)
        for added in singles:
            for gone in now.chosen:
                yield tuple(sorted((set(now.chosen) - {gone}) | {added}))
        telling = [i for i in self.question.by_association.tolist() if i not in now.chosen][:TELLING]
        for pair in combinations(telling, 2):
            if len(now.chosen) + 2 <= self.question.limit:
                yield tuple(sorted({*now.chosen, *pair}))

    def _neighbours(self, now: Finding) -> Iterator[tuple[int, ...]]:
        for gone in now.chosen:
            if len(now.chosen) > 1:
                yield tuple(sorted(i for i in now.chosen if i != gone))
        singles, pairs = self._repairs(now)
        for added in [*((s,) for s in singles), *pairs]:
            grown = set(now.chosen) | set(added)
            if len(now.chosen) < len(grown) <= self.question.limit:
                yield tuple(sorted(grown))
        for added in singles[:1]:
            for gone in now.chosen:
                yield tuple(sorted((set(now.chosen) - {gone}) | {added}))

    def _repairs(self, now: Finding) -> tuple[list[int], list[tuple[int, int]]]:
        """Literals, and pairs, that alone would mend most errors as one more Or, veto or And."""
        single, pairs = repairs(self.states, now.values(self.states), max(now.f1, 0.1) / 2)
        single[list(now.chosen)] = -np.inf
        order = (-single).argsort(kind="stable")[:SINGLES].tolist()
        return [i for i in order if single[i] > -np.inf], pairs

    def score(self, chosen: tuple[int, ...]) -> Finding:
        """The best proposal over the literals `chosen` (ascending)."""
        found = self.memo.get(chosen)
        if found is None:
            found = self._propose(chosen)
            self.memo[chosen] = found
        return found

    def _propose(self, chosen: tuple[int, ...]) -> Finding:
        on = [i for i in chosen if self.effects[i] > 0]
        ordered = (*on, *(i for i in chosen if self.effects[i] <= 0))
        ready = templates(len(on), len(ordered) - len(on))
        effects = self.effects[list(ordered)]
        tried = propose(self.states, ordered, effects, ready, self.total, self.question.price)
        best = NOTHING
        if on:
            cost = int(ready.costs[tried.template])
            best = Finding(ordered, ready.tables[tried.template], tried.f1, cost, tried.objective)
        least = 1 - tried.swept_f1 + self.question.price * len(ordered)
        if on and (least >= min(best.objective, self.bar) or (tried.swept == best.table).all()):
            return best
        found = self.finding(ordered, tried.swept, tried.swept_f1)
        return found if found.objective < best.objective - IMPROVES or not on else best

    def finding(self, chosen: tuple[int, ...], table: BoolArray, f1: float) -> Finding:
        """`table` over `chosen` with its price."""
        at = {literal: i for i, literal in enumerate(chosen)}
        nested = tuple((at[low], at[high]) for low, high in self.question.nested if low in at and high in at)
        cost = canonical.cost_of(table, nested)
        return Finding(chosen, table, f1, cost, 1 - f1 + self.question.price * cost)

    def _parities(self) -> list[Finding]:
        """The best exclusive or of two literals, and the best of none or both, from all pairs at once."""
        states = self.states
        if states.literals < 2:
            return []
        both = together(states, np.stack((states.samples, states.firing)))
        alone = np.einsum("kii->ki", both)
        one = alone[:, :, None] + alone[:, None, :] - 2 * both
        whole = np.array([states.samples.sum(), states.total])[:, None, None]
        found: list[Finding] = []
        for said, hits in (one, whole - one):
            f1 = np.triu(2 * hits / np.maximum(said + states.total, 1e-30), 1)
            at = max(int(np.argmax(f1)), 1)  # the first pair, where no pair says anything
            found.append(self._free((at // f1.shape[1], at % f1.shape[1])))
        return found

    def _any_table(self, best: Finding) -> Finding:
        """Functions that no threshold makes: parities of pairs,
        and the best table of any kind on up to 4 literals."""
        self.bar = best.objective
        front = self._parities()
        size = min(len(best.chosen), TABLE_INPUTS)
        if 2 <= size <= len(best.chosen) <= TABLE_INPUTS + 2:
            front += [self._free(chosen) for chosen in combinations(sorted(best.chosen), size)]
        best = self._kept(front, best)
        if best.f1 + TABLE_GAIN >= self.ceiling():
            return best
        near = sorted({*self.question.by_both[:NEAR_INPUTS].tolist(), *best.chosen[:TABLE_INPUTS]})
        for _ in range(2, TABLE_INPUTS):
            front.sort(key=lambda f: (f.objective, f.chosen))
            grown = {tuple(sorted({*f.chosen, i})) for f in front[:2] for i in near if i not in f.chosen}
            front = [self._free(chosen) for chosen in sorted(grown) if len(chosen) <= TABLE_INPUTS]
            best = self._kept(front, best)
        return best

    def _kept(self, front: list[Finding], best: Finding) -> Finding:
        for finding in front:
            if finding.f1 >= best.f1 + TABLE_GAIN and finding.objective < best.objective:
                self.memo[finding.chosen] = best = finding
        return best

    def _free(self, chosen: tuple[int, ...]) -> Finding:
        samples, firing = self.states.marginal(chosen)
        base = self.score(chosen)
        otherwise = truth.reordered(base.table, [base.chosen.index(literal) for literal in chosen])
        table = best_cells(samples, firing, self.total, otherwise, REACHABLE)
        best = self.finding(chosen, table, f1_of(table, samples, firing, self.total))
        for cell in np.flatnonzero(samples < REACHABLE):
            other = best.table.copy()
            other[cell] ^= True
            tried = self.finding(chosen, other, f1_of(other, samples, firing, self.total))
            best = tried if tried.objective < best.objective - IMPROVES else best
        return best
