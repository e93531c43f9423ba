"""Owns the search for the formula: which literals, by prefixes of two rankings and then hill climbing.

Only training states are looked at. Every subset of literals is scored at most once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from circuitlogic.logic import canonical, truth
from circuitlogic.logic.activity import BoolArray, FloatArray, IntArray
from circuitlogic.logic.kernels import PLAIN, Kernels
from circuitlogic.logic.proposals import Finding, best_cells, f1_of, templates
from circuitlogic.logic.states import States

_PREFIX = 7
_SINGLES = 4
_ROUNDS = 24
_TABLE_INPUTS = 4
_TABLE_GAIN = 0.02
_REACHABLE = 5
_PERFECT = 0.99
_GOOD = 0.95
_TELLING = 5
_IMPROVES = 1e-9

NOTHING = Finding((), np.zeros(1, dtype=np.bool_), 0.0, 0, 1.0)
"""Never: what every formula must beat."""


@dataclass(slots=True, eq=False)
class Search:
    """One row's search; `best` after `run()`, everything scored in `memo`."""

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
    bar: float = np.inf
    """Objective to beat: what cannot, were each of its literals paid once, is not priced."""
    kernels: Kernels = PLAIN
    memo: dict[tuple[int, ...], Finding] = field(default_factory=dict[tuple[int, ...], Finding])
    total: float = field(init=False)
    """All firings of what is sought."""

    def __post_init__(self) -> None:
        """Sum once."""
        self.total = self.states.total

    def run(self) -> Finding:
        """The best formula found."""
        best = NOTHING
        for start in self._starts():
            best = self._better(best, start)
        best = self.climb(best)
        return self._any_table(best) if best.f1 < _PERFECT else best

    def ceiling(self) -> float:
        """Training F1 of the best table over states seen often enough not to be noise."""
        states = self.states
        never = np.zeros(states.samples.shape[0], dtype=np.bool_)
        table = best_cells(states.samples, states.firing, states.total, never, _REACHABLE)
        return f1_of(table, states.samples, states.firing, states.total)

    def _starts(self) -> Iterator[tuple[int, ...]]:
        by_effect = np.argsort(-np.abs(self.effects), kind="stable")
        for order in (by_effect, self._by_both()):
            for size in range(1, min(_PREFIX, self.limit, order.size) + 1):
                yield tuple(sorted(int(i) for i in order[:size]))

    def _by_both(self) -> IntArray:
        """Literals by their effect and their association together, strongest first."""
        strength = np.abs(self.effects)
        both = strength / (2 * strength.max(initial=1e-30)) + np.abs(self.associations)
        return np.argsort(-both, kind="stable")

    def _better(self, best: Finding, chosen: tuple[int, ...]) -> Finding:
        self.bar = best.objective
        found = self.score(chosen)
        return found if found.objective < best.objective - _IMPROVES else best

    def climb(self, best: Finding) -> Finding:
        """Drop, add, or add a pair while the objective falls; where that stops early, look further."""
        for _ in range(_ROUNDS):
            before = best
            for chosen in self._neighbours(before):
                best = self._better(best, chosen)
            if best is before and before.f1 < _GOOD:
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
        rank = np.argsort(-np.abs(self.associations), kind="stable")
        telling = [int(i) for i in rank if int(i) not in now.chosen][:_TELLING]
        for pair in combinations(telling, 2):
            if len(now.chosen) + 2 <= self.limit:
                yield tuple(sorted({*now.chosen, *pair}))

    def _neighbours(self, now: Finding) -> Iterator[tuple[int, ...]]:
        for gone in now.chosen:
            if len(now.chosen) > 1:
                yield tuple(i for i in now.chosen if i != gone)
        singles, pairs = self._repairs(now)
        for added in [*((s,) for s in singles), *pairs]:
            grown = set(now.chosen) | set(added)
            if len(now.chosen) < len(grown) <= self.limit:
                yield tuple(sorted(grown))
        for added in singles[:1]:
            for gone in now.chosen:
                yield tuple(sorted((set(now.chosen) - {gone}) | {added}))

    def _repairs(self, now: Finding) -> tuple[list[int], list[tuple[int, int]]]:
        """Literals, and pairs, that alone would mend most errors as one more Or, veto or And."""
        single, pairs = self.kernels.repairs(self.states, self.values(now), max(now.f1, 0.1) / 2)
        single[list(now.chosen)] = -np.inf
        order = (-single).argsort(kind="stable")[:_SINGLES].tolist()
        return [i for i in order if single[i] > -np.inf], pairs

    def values(self, finding: Finding) -> BoolArray:
        """[states] what the function says in every seen state."""
        return self.kernels.says(self.states, finding.chosen, finding.table)

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
        tried = self.kernels.propose(self.states, ordered, effects, ready, self.total, self.price)
        best = NOTHING
        if on:
            cost = int(ready.costs[tried.template])
            best = Finding(ordered, ready.tables[tried.template], tried.f1, cost, tried.objective)
        least = 1 - tried.swept_f1 + self.price * len(ordered)
        if on and (least >= min(best.objective, self.bar) or (tried.swept == best.table).all()):
            return best
        found = self.finding(ordered, tried.swept, tried.swept_f1)
        return found if found.objective < best.objective - _IMPROVES or not on else best

    def finding(self, chosen: tuple[int, ...], table: BoolArray, f1: float) -> Finding:
        """`table` over `chosen` with its price."""
        at = {literal: i for i, literal in enumerate(chosen)}
        nested = tuple((at[low], at[high]) for low, high in self.nested if low in at and high in at)
        cost = canonical.cost_of(table, nested)
        return Finding(chosen, table, f1, cost, 1 - f1 + self.price * cost)

    def _parities(self) -> list[Finding]:
        """The best exclusive or of two literals, and the best of none or both, from all pairs at once."""
        states = self.states
        if states.bits.shape[1] < 2:
            return []
        both = self.kernels.together(states, np.stack((states.samples, states.firing)))
        alone = np.einsum("kii->ki", both)
        one = alone[:, :, None] + alone[:, None, :] - 2 * both
        whole = np.array([states.samples.sum(), states.total])[:, None, None]
        found: list[Finding] = []
        for said, hits in (one, whole - one):
            f1 = np.triu(2 * hits / np.maximum(said + states.total, 1e-30), 1)
            at = int(np.argmax(f1))
            found.append(self._free((at // f1.shape[1], at % f1.shape[1])))
        return found

    def _any_table(self, best: Finding) -> Finding:
        """Functions that no threshold makes: parities of pairs,
        and the best table of any kind on up to 4 literals."""
        front = self._parities()
        size = min(len(best.chosen), _TABLE_INPUTS)
        if 2 <= size <= len(best.chosen) <= _TABLE_INPUTS + 2:
            front += [self._free(chosen) for chosen in combinations(sorted(best.chosen), size)]
        best = self._kept(front, best)
        if best.f1 + _TABLE_GAIN >= self.ceiling():
            return best
        near = sorted({*(int(i) for i in self._by_both()[:8]), *best.chosen[:4]})
        for _ in range(2, _TABLE_INPUTS):
            front.sort(key=lambda f: (f.objective, f.chosen))
            grown = {tuple(sorted({*f.chosen, i})) for f in front[:2] for i in near if i not in f.chosen}
            front = [self._free(chosen) for chosen in sorted(grown) if len(chosen) <= _TABLE_INPUTS]
            best = self._kept(front, best)
        return best

    def _kept(self, front: list[Finding], best: Finding) -> Finding:
        for finding in front:
            if finding.f1 >= best.f1 + _TABLE_GAIN and finding.objective < best.objective:
                self.memo[finding.chosen] = best = finding
        return best

    def _free(self, chosen: tuple[int, ...]) -> Finding:
        samples, firing = self.kernels.marginal(self.states, chosen)
        base = self.score(chosen)
        otherwise = truth.reordered(base.table, [base.chosen.index(literal) for literal in chosen])
        table = best_cells(samples, firing, self.total, otherwise, _REACHABLE)
        best = self.finding(chosen, table, f1_of(table, samples, firing, self.total))
        for cell in np.flatnonzero(samples < _REACHABLE):
            other = best.table.copy()
            other[cell] ^= True
            tried = self.finding(chosen, other, f1_of(other, samples, firing, self.total))
            best = tried if tried.objective < best.objective - _IMPROVES else best
        return best
