"""Owns gate cards: everything the HTML page says of one gate, ready to be laid out."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from circuitlogic.features import FeatureId
from circuitlogic.logic.formula import literals_of, to_text
from circuitlogic.logic.gate import GateInput, TableRow
from circuitlogic.render.images import sprite_data_uri
from circuitlogic.report.card_parts import (
    Bars,
    CausalLiteral,
    Counter,
    NestedPart,
    ThresholdLine,
    bars_of,
    causal_literals,
    counters_of,
    nested_part,
    threshold_lines,
)
from circuitlogic.report.diagrams import gate_picture, svg_or_nothing
from circuitlogic.report.examples import ExampleBook
from circuitlogic.report.flags import given_text
from circuitlogic.report.gate_rows import brief_name
from circuitlogic.report.literal_names import literal_name
from circuitlogic.report.looks import Looks
from circuitlogic.report.margins import margin_text
from circuitlogic.report.numbers import small
from circuitlogic.report.rows import GateRow, StudyView
from circuitlogic.report.token_book import GateTokens
from circuitlogic.verify.intervention import GateIntervention, StateIntervention

MAX_INPUTS = 16
MAX_STATES = 16
_PICTURED_INPUTS = 4
_EXAMPLES = 8


@dataclass(frozen=True, slots=True)
class Sprite:
    """Pictures of one feature in one image: the optimised input, then the strongest examples."""

    name: str
    """CSS class that shows it."""
    feature: str
    label: str
    tiles: int
    """With the optimised input."""
    values: tuple[str, ...]
    """Activations of the examples."""


@dataclass(frozen=True, slots=True)
class CardInput:
    """One edge into the gate."""

    given: GateInput
    label: str
    used: bool
    """Whether the formula rests on it."""
    bar: float
    """|weight| as per cent of the strongest."""


@dataclass(frozen=True, slots=True)
class Card:
    """One gate of the page."""

    row: GateRow
    diagram: Markup
    """Inline SVG; empty where no layout engine is installed."""
    literals: tuple[str, ...]
    """Columns of the truth table."""
    states: tuple[TableRow, ...]
    hidden_states: int
    inputs: tuple[CardInput, ...]
    hidden_inputs: int
    runner_up: str
    margin: str
    """How far it is behind, and where it differs."""
    given: str
    """A shorter formula, given what the inputs are to each other; empty where there is none."""
    thresholds: tuple[ThresholdLine, ...]
    """What it is called at other firing thresholds."""
    bars: Bars | None
    counters: tuple[Counter, ...]
    causal: GateIntervention | None
    causal_literals: tuple[CausalLiteral, ...]
    causal_states: tuple[StateIntervention, ...]
    nested: NestedPart | None
    output: Sprite | None
    sources: tuple[tuple[CardInput, Sprite], ...]
    """Pictures of the inputs that the formula rests on."""
    tokens: GateTokens | None = None
    """Of a language model's gate."""


class SpriteSheet:
    """The pictures used on a page, each embedded once, as CSS."""

    def __init__(self, book: ExampleBook) -> None:
        self._book = book
        self._sprites: dict[FeatureId, Sprite | None] = {}
        self.rules: list[str] = []
        self.aspect = 1.0
        """Width over height of one picture."""

    def of(self, feature: FeatureId, label: str) -> Sprite | None:
        """The feature's sprite; None if there are no pictures of it."""
        if feature not in self._sprites:
            self._sprites[feature] = self._made(feature, label)
        return self._sprites[feature]

    def _made(self, feature: FeatureId, label: str) -> Sprite | None:
        found = self._book.of(feature)
        if found is None or not len(found.values):
            return None
        # Sixteen greys: the optimised image is noise to the PNG compressor otherwise.
        optimised = (found.optimised >> 4) * np.uint8(17)
        images = np.concatenate([optimised[None], found.images[:_EXAMPLES]])
        self.aspect = images.shape[2] / images.shape[1]
        name = f"x{len(self.rules)}"
        uri = sprite_data_uri(images, columns=len(images))
        self.rules.append(f".{name}{{--n:{len(images)};--s:url({uri})}}")
        values = tuple(small(float(value)) for value in found.values[:_EXAMPLES])
        return Sprite(name, str(feature), label, len(images), values)


def gate_card(
    row: GateRow, view: StudyView, sprites: SpriteSheet, looks: Looks, number: int, nested: bool = True
) -> Card:
    """The card of one gate.

    Args:
        row: The gate.
        view: Its study.
        sprites: Where pictures are collected.
        looks: What the study says of its gates besides.
        number: Keeps the element ids of its diagrams apart from others.
        nested: Whether its expansion is drawn.
    """
    look = looks.of(row)
    counter = None if look.samples is None else look.samples.counter
    gate = row.gate
    literals = () if gate.formula is None else literals_of(gate.formula)
    used = {literal.feature for literal in literals}
    strongest = max((abs(given.weight) for given in gate.inputs), default=1.0) or 1.0
    inputs = sorted(
        (
            CardInput(g, view.labels.get(g.feature, ""), g.feature in used, 100 * abs(g.weight) / strongest)
            for g in gate.inputs
        ),
        key=lambda one: not one.used,
    )
    pictured = [one for one in inputs if one.used or gate.formula is None][:_PICTURED_INPUTS]
    sources = ((one, sprites.of(one.given.feature, one.label)) for one in pictured)
    brief = brief_name(gate, view.labels)
    picture = gate_picture(gate, view.labels, prefix=f"d{number}-")
    return Card(
        row=row,
        diagram=Markup(svg_or_nothing(picture, f"Circuit of {gate.feature}")),  # noqa: S704
        literals=tuple(literal_name(literal, brief) for literal in literals),
        states=gate.table[:MAX_STATES],
        hidden_states=max(len(gate.table) - MAX_STATES, 0),
        inputs=tuple(inputs[:MAX_INPUTS]),
        hidden_inputs=max(len(inputs) - MAX_INPUTS, 0),
        runner_up=_runner_up(row, view),
        margin=margin_text(gate, view.name),
        given=given_text(gate, view.name),
        thresholds=threshold_lines(gate, brief),
        bars=None if look.samples is None else bars_of(look.samples.histogram, gate.threshold),
        counters=counters_of(counter, looks, sprites.rules, str(number)),
        causal=look.causal,
        causal_literals=() if look.causal is None else causal_literals(look.causal, brief),
        causal_states=() if look.causal is None else look.causal.states[:MAX_STATES],
        nested=None if look.expansion is None else nested_part(look.expansion, view, number, nested),
        output=sprites.of(gate.feature, row.label),
        sources=tuple((one, sprite) for one, sprite in sources if sprite is not None),
    )


def _runner_up(row: GateRow, view: StudyView) -> str:
    runner = row.gate.runner_up
    if runner is None:
        return ""
    return to_text(runner.formula, lambda literal: literal_name(literal, view.name))


def weight_path(row: GateRow, positive: bool, bars: int = 14) -> str:
    """An SVG path of the strongest weights as bars around the middle of a 14 high line, 5 apart."""
    inputs = row.gate.inputs[:bars]
    strongest = max((abs(given.weight) for given in inputs), default=0.0) or 1.0
    path = ""
    for place, given in enumerate(inputs):
        height = max(1, round(7 * abs(given.weight) / strongest))
        if (given.weight >= 0) == positive:
            path += f"M{5 * place} 7v{-height if positive else height}h4V7z"
    return path
