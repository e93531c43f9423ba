"""Owns the one way in which a Boolean function is written: read-once where it can be, counts, votes,
else a sum.

Equal functions over literals in one order give equal formulas.
Literals are written in the order given (strongest first), single literals before groups, negations last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from circuitlogic.features import FeatureId
from circuitlogic.logic import truth
from circuitlogic.logic.activity import BoolArray
from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Vote, Xor, evaluate, literals_of


def table_of(formula: Formula, literals: tuple[Literal, ...]) -> BoolArray:
    """The truth table of `formula` over `literals`.

    Raises:
        ValueError: more than `truth.MAX_INPUTS` literals.
    """
    if len(literals) > truth.MAX_INPUTS:
        raise ValueError(f"{len(literals)} literals: a table has at most {truth.MAX_INPUTS}")
    states = truth.cells(len(literals)) > 0.5
    return evaluate(formula, {lit: states[:, i] for i, lit in enumerate(literals)}, states.shape[0])


def canonical(formula: Formula) -> Formula:
    """`formula` in its canonical form; unchanged where it has more than `truth.MAX_INPUTS` literals."""
    literals = literals_of(formula)
    if len(literals) > truth.MAX_INPUTS:
        return formula
    return formula_of(table_of(formula, literals), literals)


def nested_pairs(literals: tuple[Literal, ...]) -> tuple[tuple[int, int], ...]:
    """Positions (low, high) of literals of which the second implies the first; innermost levels first."""
    if not any(literal.level for literal in literals):
        return ()
    pairs = [
        (i, j)
        for i, low in enumerate(literals)
        for j, high in enumerate(literals)
        if low.level < high.level and low.feature == high.feature
    ]
    return tuple(sorted(pairs, key=lambda pair: -literals[pair[1]].level))


def formula_of(table: BoolArray, literals: tuple[Literal, ...]) -> Formula:
    """The canonical formula of `table` over `literals`.

    States that nested magnitudes rule out do not count.
    """
    return written(table, tuple(range(len(literals))), nested_pairs(literals)).over(literals)


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A table as its canonical formula, with places for literals."""

    form: Formula
    places: tuple[int, ...]
    """The places that occur, in the order in which they are written."""
    table: BoolArray
    """What the formula says, over these."""

    def over(self, literals: Sequence[Literal]) -> Formula:
        """The formula with its places taken by `literals`."""
        return _filled(self.form, literals)


def written(table: BoolArray, order: tuple[int, ...], nested: tuple[tuple[int, int], ...]) -> Written:
    """The canonical formula of `table`, whose inputs are written in `order`; `nested` are pairs of places in it."""
    return _written_form(np.packbits(table).tobytes(), order, nested)


@lru_cache(maxsize=65536)
def _written_form(packed: bytes, order: tuple[int, ...], nested: tuple[tuple[int, int], ...]) -> Written:
    table = truth.reordered(_unpacked(packed, len(order)), order)
    kept, table, _ = settled(table, nested)
    used = tuple(_PLACES[i] for i in kept)
    form = _written(table, used) if used else Const(bool(table[0]))
    literals = literals_of(form)
    return Written(form, tuple(literal.feature.index for literal in literals), table_of(form, literals))


_PLACES = tuple(Literal(FeatureId("", at)) for at in range(truth.MAX_INPUTS))


def _filled(form: Formula, literals: Sequence[Literal]) -> Formula:
    """`form` with its places taken by `literals`."""
    if isinstance(form, Literal):  # not by `match`, which takes twice as long
        return literals[form.feature.index]
    if isinstance(form, Const):
        return form
    if isinstance(form, Not):
        return Not(_filled(form.operand, literals))
    operands = tuple([_filled(operand, literals) for operand in form.operands])
    return Vote(operands, form.weights, form.threshold) if isinstance(form, Vote) else type(form)(operands)


def _unpacked(packed: bytes, inputs: int) -> BoolArray:
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=1 << inputs).view(np.bool_)


def settled(table: BoolArray, nested: tuple[tuple[int, int], ...]) -> tuple[tuple[int, ...], BoolArray, int]:
    """The inputs that matter, the table over them, and its price.

    Impossible states are filled in the cheapest way.
    """
    if not nested:
        kept, table, _ = truth.drop_idle(table)
        return kept, table, _price(table, votes=True)
    kept, merged, _ = truth.drop_idle(table, truth.possible_cells(nested, truth.inputs_of(table)))
    pairs = tuple((kept.index(i), kept.index(j)) for i, j in nested if i in kept and j in kept)
    own = _without(table, kept, nested)
    own = truth.raised(merged, pairs) if own is None else own
    ways: list[tuple[tuple[int, ...], BoolArray, int]] = []
    for filled in (without_implied(own, pairs), truth.raised(own, pairs), own):
        essential, small, _ = truth.drop_idle(filled)
        ways.append((tuple(kept[i] for i in essential), small, _price(small, votes=filled is own)))
    return min(ways, key=lambda way: way[2])


def _without(
    table: BoolArray, kept: tuple[int, ...], nested: tuple[tuple[int, int], ...]
) -> BoolArray | None:
    """`table` with its idle inputs fixed so that every possible state stays possible; None if impossible.

    A fixed threshold function stays one, which merging halves would not grant.
    """
    for at in range(truth.inputs_of(table) - 1, -1, -1):
        if at not in kept:
            above = any(low == at and high in kept for low, high in nested)
            below = any(high == at and low in kept for low, high in nested)
            if above and below:
                return None
            table = truth.split(table, at)[int(above)]
    return table


def without_implied(table: BoolArray, nested: tuple[tuple[int, int], ...]) -> BoolArray:
    """Fill the states that nesting rules out so that no product names a literal another one of it implies."""
    table = truth.raised(table, nested)
    found = truth.signs(table)
    if None in found:
        return table
    negative = tuple(i for i, sign in enumerate(found) if sign == -1)
    implied = [(high, low) for low, high in nested if found[low] == found[high] == 1]
    implied += [(low, high) for low, high in nested if found[low] == found[high] == -1]
    if not implied:
        return table
    return truth.flip(truth.stripped(truth.flip(table, negative), tuple(implied)), negative)


def _written(table: BoolArray, used: tuple[Literal, ...]) -> Formula:
    found = truth.signs(table)
    if None in found:
        return _not_unate(table, used)
    negative = tuple(i for i, sign in enumerate(found) if sign == -1)
    if len(negative) == len(used) and len(used) > 1:
        return Not(_written(~table, used))
    leaves: list[Formula] = [Not(lit) if i in negative else lit for i, lit in enumerate(used)]
    return _monotone(truth.flip(table, negative), tuple(range(len(used))), leaves)


def _not_unate(table: BoolArray, used: tuple[Literal, ...]) -> Formula:
    if truth.is_parity(table):
        return Xor(used)
    if truth.is_parity(~table):
        return Not(Xor(used))
    products: list[Formula] = []
    for on, off in truth.prime_cover(table):
        factors = [lit for i, lit in enumerate(used) if on >> i & 1]
        vetoes = [Not(lit) for i, lit in enumerate(used) if off >> i & 1]
        products.append(_join(And, [*factors, *vetoes]))
    return _join(Or, products)


def _monotone(table: BoolArray, at: tuple[int, ...], leaves: list[Formula]) -> Formula:
    """A monotone table over the inputs `at` (positions in `leaves`), all essential."""
    if len(at) == 1:
        return leaves[at[0]]
    primes = truth.minimal_true(table)
    blocks = components(primes, len(at))
    if len(blocks) > 1:
        return _join(Or, [_part(table, at, block, False, leaves) for block in blocks])
    blocks = components(truth.minimal_true(truth.dual(table)), len(at))
    if len(blocks) > 1:
        return _join(And, [_part(table, at, block, True, leaves) for block in blocks])
    return _indecomposable(table, primes, [leaves[i] for i in at])


def _part(
    table: BoolArray, at: tuple[int, ...], block: tuple[int, ...], others: bool, leaves: list[Formula]
) -> Formula:
    return _monotone(truth.restrict(table, block, others), tuple(at[i] for i in block), leaves)


def _indecomposable(table: BoolArray, primes: np.ndarray, operands: list[Formula]) -> Formula:
    count = level_of_count(primes, len(operands))
    if count is not None:
        if all(isinstance(f, Not) for f in operands):
            bare = tuple(f.operand for f in operands if isinstance(f, Not))
            return Not(Vote(bare, (1,) * len(bare), len(bare) - count + 1))
        return Vote(tuple(operands), (1,) * len(operands), count)
    votes = truth.integer_votes(table)
    if votes is not None:
        weights, threshold = votes
        order = sorted(range(len(operands)), key=lambda i: (-weights[i], i))
        return Vote(tuple(operands[i] for i in order), tuple(weights[i] for i in order), threshold)
    return _join(Or, [_join(And, [f for i, f in enumerate(operands) if int(p) >> i & 1]) for p in primes])


def level_of_count(primes: np.ndarray, inputs: int) -> int | None:
    """k, if the prime implicants are all k-subsets of the inputs."""
    sizes = {int(p).bit_count() for p in primes}
    if len(sizes) != 1:
        return None
    size = sizes.pop()
    return size if len(primes) == sum(1 for _ in combinations(range(inputs), size)) else None


def components(primes: np.ndarray, inputs: int) -> list[tuple[int, ...]]:
    """Inputs that prime implicants link, as blocks ordered by their first input."""
    blocks: list[int] = []
    for prime in primes:
        merged = int(prime)
        apart: list[int] = []
        for block in blocks:
            if block & merged:
                merged |= block
            else:
                apart.append(block)
        blocks = [*apart, merged]
    found = [tuple(i for i in range(inputs) if block >> i & 1) for block in blocks]
    return sorted(found)


def _join(joint: type[And] | type[Or], parts: list[Formula]) -> Formula:
    """`parts` joined: literals, then groups, then negations; a join of negations alone is a negated join."""
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, Not) for part in parts):
        other = Or if joint is And else And
        return Not(_join(other, [part.operand for part in parts if isinstance(part, Not)]))
    return joint(tuple(sorted(parts, key=_written_rank)))


def _written_rank(part: Formula) -> int:
    return 0 if isinstance(part, Literal) else 2 if isinstance(part, Not) else 1


def cost_of(table: BoolArray, nested: tuple[tuple[int, int], ...] = ()) -> int:
    """Price of a table in literals: inputs once where read-once (+1 per count),
    else the literals of its sum."""
    return _cost(np.packbits(table).tobytes(), truth.inputs_of(table), nested)


@lru_cache(maxsize=65536)
def _cost(packed: bytes, inputs: int, nested: tuple[tuple[int, int], ...]) -> int:
    return settled(_unpacked(packed, inputs), nested)[2]


def _price(table: BoolArray, votes: bool) -> int:
    """Price of a table without idle inputs; `votes`: a weighted vote may say it."""
    found = truth.signs(table)
    if None in found:
        if truth.is_parity(table) or truth.is_parity(~table):
            return len(found) + 1
        return sum(on.bit_count() + off.bit_count() for on, off in truth.prime_cover(table))
    return _monotone_cost(truth.flip(table, tuple(i for i, s in enumerate(found) if s == -1)), votes)


def _monotone_cost(table: BoolArray, votes: bool) -> int:
    inputs = truth.inputs_of(table)
    if inputs <= 1:
        return inputs
    primes = truth.minimal_true(table)
    for candidate, others in ((primes, False), (truth.minimal_true(truth.dual(table)), True)):
        blocks = components(candidate, inputs)
        if len(blocks) > 1:
            return sum(_monotone_cost(truth.restrict(table, block, others), votes) for block in blocks)
    if level_of_count(primes, inputs) is not None:
        return inputs + 1
    products = sum(int(p).bit_count() for p in primes)
    return min(products, 2 * inputs + 1) if votes else products
