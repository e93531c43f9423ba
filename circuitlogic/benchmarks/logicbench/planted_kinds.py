"""Owns the kinds of gates that are planted: their formula, the row that computes them, where inputs come from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from circuitlogic.logic.formula import And, Const, Formula, Literal, Not, Or, Xor, at_least
from circuitlogic.registry import Registry

Make: TypeAlias = Callable[[tuple[Literal, ...]], Formula]

_VETO = -5.0
"""A veto outweighs what it forbids."""


@dataclass(frozen=True, slots=True)
class PlantedKind:
    """One kind of planted gate."""

    name: str
    source: str
    """Group of the pool its inputs are drawn from; `any`: from all features."""
    weights: tuple[float, ...]
    """What each input adds to the row in typical firings; their number is the number of inputs."""
    threshold: float
    """The row fires for sums of weights of at least this."""
    formula: Make | None
    """None: no gate at all."""
    by_row: bool = True
    """Whether one ReLU row can compute it."""
    seen: bool = False
    """Where there is no gate: whether the inputs are all there is, in which case every one of them has to count;
    else unseen causes add to them."""
    drawn: str = ""
    """Where there is no gate: `mixture`, `smooth` or `noise`, taken as it is drawn and not chosen by any score."""
    nudge: tuple[float, ...] = ()
    """Inputs that only weaken the output: what each takes away, in typical firings; drawn after the others."""


def _any(literals: tuple[Literal, ...]) -> Formula:
    return Or(literals)


def _all(literals: tuple[Literal, ...]) -> Formula:
    return And(literals)


def _votes(k: int) -> Make:
    return lambda literals: at_least(k, literals)


_ALL = (
    PlantedKind("copy", "any", (1.0,), 1.0, lambda x: x[0]),
    PlantedKind("damped copy", "cofiring", (1.0,), 1.0, lambda x: x[0], nudge=(0.3,)),
    PlantedKind("or of 2, exclusive", "exclusive", (1.0,) * 2, 1.0, _any),
    PlantedKind("or of 3, exclusive", "exclusive", (1.0,) * 3, 1.0, _any),
    PlantedKind("or of 2, co-firing", "cofiring", (1.0,) * 2, 1.0, _any),
    PlantedKind("or of 3, co-firing", "cofiring", (1.0,) * 3, 1.0, _any),
    PlantedKind("or of 5", "any", (1.0,) * 5, 1.0, _any),
    PlantedKind("and of 2", "cofiring", (1.0,) * 2, 2.0, _all),
    PlantedKind("and of 3", "cofiring", (1.0,) * 3, 3.0, _all),
    PlantedKind("and not, subset", "nested", (1.0, _VETO), 1.0, lambda x: And((x[0], Not(x[1])))),
    PlantedKind("and not, overlap", "cofiring", (1.0, _VETO), 1.0, lambda x: And((x[0], Not(x[1])))),
    PlantedKind(
        "and not any of 2", "cofiring", (1.0, _VETO, _VETO), 1.0, lambda x: And((x[0], Not(x[1]), Not(x[2])))
    ),
    PlantedKind("inhibited or", "cofiring", (1.0, 1.0, _VETO), 1.0, lambda x: And((Or(x[:2]), Not(x[2])))),
    PlantedKind("inhibited and", "cofiring", (1.0, 1.0, _VETO), 2.0, lambda x: And((*x[:2], Not(x[2])))),
    PlantedKind("and-or", "cofiring", (1.0, 1.0, 2.0), 2.0, lambda x: Or((x[2], And(x[:2])))),
    PlantedKind("or-and", "cofiring", (1.0, 1.0, 2.0), 3.0, lambda x: And((x[2], Or(x[:2])))),
    PlantedKind("majority of 3", "cofiring", (1.0,) * 3, 2.0, _votes(2)),
    PlantedKind("2 of 4", "cofiring", (1.0,) * 4, 2.0, _votes(2)),
    PlantedKind("3 of 4", "cofiring", (1.0,) * 4, 3.0, _votes(3)),
    PlantedKind("majority of 5", "cofiring", (1.0,) * 5, 3.0, _votes(3)),
    PlantedKind("dead", "any", (0.5, 0.5, -0.5), 20.0, lambda _: Const(False)),
    PlantedKind("constant", "any", (0.1, 0.1, -0.1), -1.0, lambda _: Const(True)),
    PlantedKind("xor", "cofiring", (1.0, 1.0), 1.0, Xor, by_row=False),
    PlantedKind("mixed, no gate", "any", (1.0,) * 7 + (-1.0,) * 3, 1.0, None),
    PlantedKind("mixed, dense", "any", (1.0,) * 7 + (-1.0,) * 3, 1.0, None, seen=True),
    PlantedKind("mixed, as drawn", "any", (1.0,) * 7 + (-1.0,) * 3, 1.0, None, drawn="mixture"),
    PlantedKind("smooth sum", "any", (1.0,) * 20, 1.0, None, seen=True, drawn="smooth"),
    PlantedKind("noise", "any", (1.0,) * 6, 1.0, None, drawn="noise"),
)

MIXED, DENSE, MIXTURE, NOISE = "mixed, no gate", "mixed, dense", "mixed, as drawn", "noise"
UNPLANTED = tuple(kind.name for kind in _ALL if kind.formula is None)
OPEN_SUMS = tuple(kind.name for kind in _ALL if kind.seen)
"""Without a gate and without unseen causes: a vote or a mixture of signs is a fair account of them."""
AS_DRAWN = tuple(kind.name for kind in _ALL if kind.drawn)
PLANTED_KINDS = Registry("planted kind", {kind.name: kind for kind in _ALL})


def kinds_named(names: tuple[str, ...]) -> tuple[PlantedKind, ...]:
    """The planted kinds of these names; all, for none.

    Raises:
        UnknownNameError: there is none of such a name.
    """
    return PLANTED_KINDS.chosen(names)
