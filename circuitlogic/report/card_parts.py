"""Owns the parts of a gate card that come from outside the gate: histogram, counter-examples, interventions."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from circuitlogic.extract.gate_on_samples import CounterExamples, Histogram
from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import level_suffix, to_text
from circuitlogic.logic.gate import Gate
from circuitlogic.render.dot import composition_circuit
from circuitlogic.render.images import sprite_data_uri
from circuitlogic.report.counter_examples import CounterSort, counter_sorts
from circuitlogic.report.diagrams import svg_or_nothing
from circuitlogic.report.expansion import Expansion, evidence_lines, measured_lines
from circuitlogic.report.gate_figures import firing_text, same_text
from circuitlogic.report.literal_names import literal_name
from circuitlogic.report.looks import Looks
from circuitlogic.report.numbers import score, small
from circuitlogic.report.rows import StudyView
from circuitlogic.verify.intervention import GateIntervention, LiteralIntervention

WIDTH, HEIGHT = 240, 56
MAX_NESTED = 12
"""Gates that a nested diagram of a card draws at most."""
_STATES = 12


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram as two SVG paths in a box of WIDTH x HEIGHT."""

    below: str
    """Bars up to θ."""
    above: str
    theta: float
    """Where θ lies, in the box."""
    top: str
    """The largest activation."""
    peak: int
    """Samples of the highest bar."""
    zero: int


def bars_of(histogram: Histogram, threshold: float) -> Bars | None:
    """The histogram drawn; None where the feature is never active."""
    peak = max(histogram.counts, default=0)
    if not peak or histogram.top <= 0:
        return None
    step = WIDTH / len(histogram.counts)
    theta = min(WIDTH * threshold / histogram.top, float(WIDTH))
    paths = {False: "", True: ""}
    for place, samples in enumerate(histogram.counts):
        if samples:
            height = max(1.5, HEIGHT * samples / peak)
            middle = (place + 0.5) * step
            paths[middle > theta] += f"M{place * step:.0f} {HEIGHT}v{-height:.1f}h{step - 1:.0f}V{HEIGHT}z"
    return Bars(paths[False], paths[True], theta, small(histogram.top), peak, histogram.zero)


@dataclass(frozen=True, slots=True)
class Counter:
    """One sort of counter-examples, pictured."""

    sort: CounterSort
    sprite: str
    """CSS class of their pictures; empty where there are none."""


def counters_of(
    found: CounterExamples | None, looks: Looks, rules: list[str], name: str
) -> tuple[Counter, ...]:
    """The sorts that there are; adds a CSS rule per strip of pictures."""
    counters: list[Counter] = []
    for place, sort in enumerate(counter_sorts(found)):
        pictures, sprite = looks.pictures(sort.rows), ""
        if pictures is not None:
            sprite = f"{'fm'[place]}{name}"
            # Sixteen greys, as in the other sprites.
            uri = sprite_data_uri((pictures >> 4) * np.uint8(17), columns=len(sort.rows))
            rules.append(f".{sprite}{{--n:{len(sort.rows)};--s:url({uri})}}")
        counters.append(Counter(sort, sprite))
    return tuple(counters)


@dataclass(frozen=True, slots=True)
class CausalLiteral:
    """One literal under intervention, in words."""

    name: str
    sign: str
    verdict: str
    removed: str
    """Share of samples on which switching it off flips the output, and of how many."""
    inserted: str
    control: str


def causal_literals(found: GateIntervention, name: Callable[[FeatureId], str]) -> tuple[CausalLiteral, ...]:
    """The literals of an intervened gate, features called by `name`."""
    return tuple(
        CausalLiteral(
            name=name(one.feature) + level_suffix(one.level),
            sign={1: "+", -1: "−"}.get(one.sign, "±"),
            verdict="too few" if one.insufficient else "yes" if one.confirmed else "no",
            removed=_flips(one.removal.flips, one.removal.samples),
            inserted=_flips(one.insertion.flips, one.insertion.samples),
            control=_control(one),
        )
        for one in found.literals
    )


def _flips(share: float, samples: int) -> str:
    return f"{score(share)} of {samples}" if samples else score(None)


def _control(one: LiteralIntervention) -> str:
    return score(one.control if one.samples else None)


@dataclass(frozen=True, slots=True)
class ThresholdLine:
    """A gate at one firing threshold, in words."""

    firing: str
    kind: str
    f1: float | None
    same: str
    formula: str


def threshold_lines(gate: Gate, name: Callable[[FeatureId], str]) -> tuple[ThresholdLine, ...]:
    """The readings at other firing thresholds, features called by `name`."""
    return tuple(
        ThresholdLine(
            firing_text(one.firing),
            one.kind,
            one.f1,
            same_text(one),
            "" if one.formula is None else to_text(one.formula, lambda lit: literal_name(lit, name)),
        )
        for one in gate.at_thresholds
    )


@dataclass(frozen=True, slots=True)
class NestedPart:
    """The expansion of a gate on its card."""

    expansion: Expansion
    evidence: tuple[tuple[str, str, str], ...]
    measured: tuple[tuple[str, ...], ...]
    diagram: Markup
    """Inline SVG; empty where it is left out."""


def nested_part(expansion: Expansion, view: StudyView, number: int, drawn: bool) -> NestedPart:
    """The expansion, with a diagram if `drawn` and not too large."""
    svg = ""
    if drawn and len(expansion.composition.gates) <= MAX_NESTED:
        picture = composition_circuit(expansion.composition, view.labels, f"x{number}-")
        svg = svg_or_nothing(picture, f"What {expansion.composition.gates[0].feature} is made of")
    return NestedPart(expansion, evidence_lines(expansion), measured_lines(expansion), Markup(svg))  # noqa: S704
