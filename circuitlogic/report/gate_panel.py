"""Owns one gate in the terminal: words, formula, evidence, inputs, truth table, runner-up, caveats, pictures."""

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from circuitlogic.extract.gate_on_samples import CounterExamples
from circuitlogic.features import FeatureId
from circuitlogic.logic.flags import Brake, Relation, parse_flag
from circuitlogic.logic.formula import literals_of, to_text
from circuitlogic.logic.gate import Evidence, Gate, GateInput, ThresholdReading
from circuitlogic.render.text import clean
from circuitlogic.report.counter_examples import counter_sorts
from circuitlogic.report.examples import FeatureExamples
from circuitlogic.report.fitting import Column, FittingTable, cells
from circuitlogic.report.flags import given_text
from circuitlogic.report.gate_figures import firing_text, same_text
from circuitlogic.report.gate_rows import brief_name, gate_row
from circuitlogic.report.literal_names import literal_name
from circuitlogic.report.margins import margin_text
from circuitlogic.report.numbers import NONE, count, score, scored, share, weight
from circuitlogic.report.pictures import PixelRow
from circuitlogic.report.rows import GateRow
from circuitlogic.report.tables import kind_text

_LONG = 2000
_BAR = 12


def gate_panel(
    gate: Gate,
    labels: Mapping[FeatureId, str],
    examples: FeatureExamples | None = None,
    counter: CounterExamples | None = None,
    max_inputs: int | None = 24,
    max_states: int | None = 16,
) -> RenderableType:
    """All that is known of one gate.

    Args:
        gate: The gate.
        labels: What people call features; foreign text.
        examples: Pictures of the output feature.
        counter: Samples on which the formula is wrong.
        max_inputs: Inputs to list, strongest first; None lists all. What is left out is counted.
        max_states: Rows of the truth table to list, most frequent first; None lists all.
    """
    row = gate_row(gate, labels)
    return Panel(
        Group(*_parts(row, labels, max_inputs, max_states), *_wrong(counter), *_pictures(examples)),
        title=_title(row),
        title_align="left",
        border_style="dim",
        padding=(1, 1),
    )


def _title(row: GateRow) -> Text:
    title = Text(str(row.gate.feature), style="bold")
    if row.label:
        title.append(f" {clean(row.label, 40)}", style="not bold")
    title.append(" · ", style="dim")
    return title.append_text(kind_text(row.gate.kind))


def _parts(
    row: GateRow,
    labels: Mapping[FeatureId, str],
    max_inputs: int | None,
    max_states: int | None,
) -> Iterator[RenderableType]:
    gate = row.gate
    yield Text(clean(row.text, _LONG), style="bold")
    yield Text()
    if row.expression:
        yield _line("formula", row.brief)
    if given := given_text(gate, brief_name(gate, labels)):
        yield _line("shorter", given)
    yield _line("graded", row.graded_brief)
    yield _line("fires above", f"θ = {gate.threshold:.3g}; typically {gate.scale:.3g} (raw units)")
    yield Text()
    yield from _evidence(row)
    if gate.inputs:
        yield _input_table(gate, labels, max_inputs)
        yield Text()
    if gate.table:
        yield _truth_table(gate, labels, max_states)
        yield Text()
    if gate.at_thresholds:
        yield _at_thresholds(gate, labels)
        yield Text()
    if gate.runner_up is not None:
        yield _runner_up(row, labels)
        if margin := margin_text(gate, brief_name(gate, labels)):
            yield Text(f"  {clean(margin, _LONG)}", style="dim")
    for flag, words in zip(gate.flags, row.flags, strict=True):
        relates = isinstance(parse_flag(flag), Relation | Brake)
        mark = ("· ", "dim") if relates else ("! ", "yellow")
        yield Text.assemble(mark, clean(words, _LONG))


def _line(name: str, words: str) -> Text:
    return Text.assemble((f"{name}  ", "dim"), clean(words, _LONG))


def _evidence(row: GateRow) -> Iterator[RenderableType]:
    evidence = row.gate.evidence
    if evidence is None:
        yield Text("No evidence: it fires too seldom to be scored.", style="yellow")
        return
    about = "formula" if row.claims else "rejected formula"
    yield Text(
        f"Evidence for the {about}, held out: {count(evidence.samples)} samples, "
        f"{count(evidence.support)} firings",
        style="bold",
    )
    yield _scores(evidence)
    yield Text()


def _scores(evidence: Evidence) -> Text:
    text = Text()
    for name, value in (
        ("F1", scored(evidence.f1, evidence.f1_interval)),
        ("precision", score(evidence.precision)),
        ("recall", score(evidence.recall)),
        ("single input", score(evidence.baseline_f1)),
        ("row", score(evidence.connector_f1)),
        ("ceiling", score(evidence.ceiling_f1)),
        ("IoU", score(evidence.iou)),
        ("MCC", score(evidence.mcc)),
        ("R²", score(evidence.r2)),
        ("coverage", share(evidence.coverage, 0)),
        ("train F1", score(evidence.train_f1)),
    ):
        text.append(f"{name} ".replace(" ", "\N{NO-BREAK SPACE}"), style="dim")
        text.append(f"{value}   ".replace(" ", "\N{NO-BREAK SPACE}", value.count(" ")))
    text.rstrip()
    return text


def _input_table(gate: Gate, labels: Mapping[FeatureId, str], limit: int | None) -> FittingTable:
    used = set() if gate.formula is None else {literal.feature for literal in literals_of(gate.formula)}
    first = [given for given in gate.inputs if given.feature in used]
    others = [given for given in gate.inputs if given.feature not in used]
    room = None if limit is None else max(limit - len(first), 0)
    shown = [*first, *others[:room]]
    strongest = max((abs(given.weight) for given in shown), default=1.0)
    columns = [
        Column("input", right=False),
        Column("label", 1, right=False, least=12),
        Column("weight"),
        Column("", 2, right=False),
        Column("raw", 5),
        Column("fires (train)", 4),
        Column("in formula", 3, right=False),
    ]
    rows = tuple(_input_cells(given, labels, strongest, given.feature in used) for given in shown)
    if not any(given.feature in labels for given in shown):
        del columns[1]
        rows = tuple((*row[:1], *row[2:]) for row in rows)
    hidden = len(gate.inputs) - len(shown)
    which = "inputs outside the formula" if used else "weaker inputs"
    notes = (f"{hidden} {which} not shown",) if hidden else ()
    return FittingTable(f"Inputs ({len(gate.inputs)})", tuple(columns), rows, notes)


def _input_cells(
    given: GateInput, labels: Mapping[FeatureId, str], strongest: float, used: bool
) -> tuple[Text, ...]:
    colour = "blue" if given.weight >= 0 else "red"
    bar = Text(("█" if given.weight >= 0 else "▒") * _bar_length(given.weight, strongest), style=colour)
    return (
        *cells(str(given.feature), clean(labels.get(given.feature, ""))),
        Text(weight(given.weight), style=colour),
        bar,
        *cells(f"{given.raw_weight:+.3f}".replace("-", "−"), share(given.firing_rate), "yes" if used else ""),
    )


def _bar_length(value: float, strongest: float) -> int:
    return max(1, round(_BAR * abs(value) / strongest)) if strongest > 0 else 0


def _truth_table(gate: Gate, labels: Mapping[FeatureId, str], limit: int | None) -> FittingTable:
    """States as columns of dots, which stay narrow however many literals there are."""
    literals = () if gate.formula is None else literals_of(gate.formula)
    names = [literal_name(literal, brief_name(gate, labels)) for literal in literals]
    shown = gate.table[:limit]
    columns = (
        Column(" ".join(_letter(i) for i in range(len(names))), right=False),
        Column("samples"),
        Column("fires"),
        Column("share"),
        Column("mean", 1),
        Column("formula says", right=False),
    )
    rows = tuple(
        (
            Text(" ".join("●" if on else "·" for on in row.state)),
            *cells(
                count(row.samples),
                count(row.firing),
                share(row.firing / row.samples if row.samples else None, 0),
                f"{row.mean:.3g}",
            ),
            Text("fires" if row.predicted else "silent", style="green" if row.predicted else "dim"),
        )
        for row in shown
    )
    notes = [", ".join(f"{_letter(i)} = {clean(name)}" for i, name in enumerate(names))]
    if len(shown) < len(gate.table):
        notes.append(f"{len(gate.table) - len(shown)} rarer states not shown")
    return FittingTable("Truth table, as seen in training", columns, rows, tuple(notes))


def _at_thresholds(gate: Gate, labels: Mapping[FeatureId, str]) -> FittingTable:
    """What the row is called when features fire earlier or later."""
    columns = (
        Column("fires above", right=False),
        Column("kind", right=False),
        Column("F1"),
        Column("function", 2, right=False),
        Column("formula", 1, right=False, least=20),
    )
    rows = tuple(
        cells(
            firing_text(one.firing),
            clean(one.kind, 24),
            score(one.f1),
            same_text(one),
            _formula_text(one, gate, labels),
        )
        for one in gate.at_thresholds
    )
    return FittingTable("At other firing thresholds, held out", columns, rows)


def _formula_text(reading: ThresholdReading, gate: Gate, labels: Mapping[FeatureId, str]) -> str:
    if reading.formula is None:
        return NONE
    brief = brief_name(gate, labels)
    return clean(to_text(reading.formula, lambda literal: literal_name(literal, brief)), _LONG)


def _letter(position: int) -> str:
    return chr(ord("A") + position) if position < 26 else f"{chr(ord('a') + position % 26)}"


def _runner_up(row: GateRow, labels: Mapping[FeatureId, str]) -> Text:
    runner = row.gate.runner_up
    if runner is None:
        return Text()
    words = to_text(runner.formula, lambda lit: literal_name(lit, lambda f: labels.get(f) or str(f)))
    verb = "runner-up" if row.claims else "rejected"
    return _line(verb, f"{words} ({runner.kind}, train F1 {score(runner.train_f1)})")


def _wrong(counter: CounterExamples | None) -> Iterator[RenderableType]:
    """The samples on which the formula is wrong, by number."""
    sorts = counter_sorts(counter)
    if sorts:
        yield Text()
        yield Text("Counter-examples, held out", style="bold")
        yield from (_line(sort.title, sort.text) for sort in sorts)


def _pictures(examples: FeatureExamples | None) -> Iterator[RenderableType]:
    if examples is None:
        return
    yield Text()
    yield Text("Optimised input, then the strongest held-out examples with their activations", style="bold")
    captions = ["optimised", *(f"{value:.2f}" for value in examples.values)]
    yield PixelRow([examples.optimised, *examples.images], captions)
