"""Owns what a reading is called: whether held-out samples bear its formula out, and the kind if they do."""

from dataclasses import dataclass

from circuitlogic.logic.activity import Activity, ReadingOptions, Row
from circuitlogic.logic.decision import Decision
from circuitlogic.logic.formula import Const, Formula, Literal
from circuitlogic.logic.inhibition import Inhibition, inhibitions
from circuitlogic.logic.kinds.shape import shape_of
from circuitlogic.logic.loops import kernels
from circuitlogic.logic.own_states import OwnStates
from circuitlogic.logic.scores import Counts, wilson_low
from circuitlogic.logic.training import Training

OTHER_CAUSES = 0.1
"""Share of firings with none of the formula's inputs on from which a gate is said to have other causes."""


def has_other_causes(unprompted: int, firings: int) -> bool:
    """Whether demonstrably a tenth of the `firings` or more comes while no input of the formula is on."""
    return wilson_low(unprompted, firings) >= OTHER_CAUSES


@dataclass(frozen=True, slots=True)
class Held:
    """What held-out samples say."""

    counts: Counts
    """Of the formula."""
    r2: float
    """Of the connector row."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a reading is called."""

    kind: str
    formula: Formula | None
    """The formula that is claimed; None for none."""
    flags: tuple[str, ...] = ()
    """Inputs that weaken or half block the gate."""
    brakes: tuple[Inhibition, ...] = ()


def name_of(
    row: Row,
    train: Activity,
    known: tuple[Training, Decision, OwnStates],
    held: Held,
    options: ReadingOptions,
) -> Name:
    """The kind of the decision's formula where it is claimed; else constant, graded or unexplained.

    Args:
        row: What is read.
        train: Training activity.
        known: What training data say, the formula chosen there, and the states of its literals.
        held: What held-out samples say.
        options: As for the reading.
    """
    training, decision, own = known
    if _claimed(held.counts, training, decision.formula, options):
        brakes = inhibitions(row, train, training, own, kernels(options.compiled))
        kind, flags = _kind(decision, brakes)
        return Name(kind, decision.formula, flags, brakes)
    if training.firings / training.samples > options.constant_rate:
        return Name("constant", Const(True))
    return Name("graded" if held.r2 >= options.min_r2 and row.sources else "unexplained", None)


def _claimed(counts: Counts, training: Training, formula: Formula, options: ReadingOptions) -> bool:
    if isinstance(formula, Const):
        return False
    f1 = min(counts.f1, counts.off_f1) if training.inverted else counts.f1
    return f1 >= options.min_f1


def _kind(decision: Decision, brakes: tuple[Inhibition, ...]) -> tuple[str, tuple[str, ...]]:
    """The kind of the formula, changed where an input was measured to weaken or half block;
    and flags saying so."""
    kind = decision.kind
    flags = tuple(f"damped:{b.feature}={b.keep:.2f}" for b in brakes if b.damps and not b.in_formula)
    partly = [b for b in brakes if b.blocks_partly]
    flags += tuple(f"partial:{b.feature}={b.kill:.2f}" for b in partly)
    if kind == "copy" and flags:
        return ("partial-inhibition" if partly else "damped-copy"), flags
    vetoes = {f.feature for f in shape_of(decision.formula).vetoes if isinstance(f, Literal)}
    if kind == "and-not" and vetoes <= {b.feature for b in partly}:
        return "partial-inhibition", flags
    return kind, flags
