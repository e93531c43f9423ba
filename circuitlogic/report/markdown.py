"""Owns the Markdown report: `report.md` with its pictures in `img/`, readable on GitHub and in a plain editor."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from circuitlogic.errors import MissingDependencyError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.render.engines import write_diagram
from circuitlogic.render.images import image_grid
from circuitlogic.render.matrices import matrix_animation, matrix_strip
from circuitlogic.report.card_parts import threshold_lines
from circuitlogic.report.columns import (
    CONNECTOR_COLUMNS,
    SAE_COLUMNS,
    R,
    TableColumn,
    gate_numbers,
)
from circuitlogic.report.connector_pictures import connector_frames, thinned
from circuitlogic.report.counter_examples import counter_sorts
from circuitlogic.report.diagrams import gate_picture
from circuitlogic.report.examples import ExampleBook
from circuitlogic.report.flags import given_text
from circuitlogic.report.gate_figures import (
    FIDELITY_COLUMNS,
    FIDELITY_NOTE,
    STABILITY_COLUMNS,
    fidelity_rows,
    stability_rows,
    stability_text,
)
from circuitlogic.report.gate_rows import best_across_kinds, best_first, brief_name, sorted_gates
from circuitlogic.report.looks import GateLook, Looks
from circuitlogic.report.margins import margin_text
from circuitlogic.report.markdown_text import code, definition_lines, plain, table, term
from circuitlogic.report.network_lines import NETWORK_COLUMNS, network_lines
from circuitlogic.report.numbers import count, score, scored, share, split_title
from circuitlogic.report.rows import GateRow, StudyView
from circuitlogic.report.sweep_section import sweep_section
from circuitlogic.report.tiles import tiles
from circuitlogic.report.token_book import TokenBook
from circuitlogic.report.token_markdown import gate_lines
from circuitlogic.report.view import check_extracted
from circuitlogic.study import Study
from circuitlogic.whole_files import write_bytes

FILE = "report.md"
IMAGES = "img"
DRAWN = 12
LISTED = 60
PANELS = 6
FRAMES = 14


def write_markdown(view: StudyView, study: Study, folder: Path, progress: Progress = SILENT) -> Path:
    """Write `report.md` and `img/` into `folder`; links between them are relative.

    Raises:
        StudyError: the study is not extracted yet, or an artefact is damaged.
    """
    check_extracted(view, study)
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    lines = [
        *_top(view),
        *(_feature_network(view) if view.final else ()),
        *sweep_section(study, folder, IMAGES),
        *_gates(view),
        *_drawn(view, study, folder, progress),
        *_connectors(view, study, folder),
        *_autoencoders(view),
        *_reproduce(view),
        "## Definitions",
        "",
        *definition_lines(),
    ]
    write_bytes(folder / FILE, ("\n".join(lines).rstrip() + "\n").encode())
    return folder / FILE


def _top(view: StudyView) -> Iterator[str]:
    header = view.header
    yield from (f"# The logic in {plain(header.study)}", "")
    sites = " → ".join(code(site) for site in header.sites)
    yield f"{plain(header.network)}, studied on {plain(header.dataset)}; features at {sites}; seed {header.seed}."
    yield f"Numbers are {term('heldout', 'held out')} and after thresholding unless they say otherwise."
    yield ""
    rows = [(term(one.anchor, one.name), f"**{one.value}**", plain(one.meaning)) for one in tiles(view)]
    yield from table(("", "", ""), rows, left=3)
    yield from ("## Caveats", "")
    yield from (f"- {plain(sentence)}" for sentence in view.caveats)
    yield ""


def _feature_network(view: StudyView) -> Iterator[str]:
    final = view.variants[-1].scores
    yield from ("## Feature network", "")
    yield f"{split_title(final.split)}, {count(final.samples)} samples. Thresholded at"
    yield f"\\|w\\| > {view.header.threshold:g} ({term('unit', 'unit scale')})."
    yield "The last row is the graph, run as a network."
    if view.header.selection:
        yield f"Before the threshold it kept {view.header.selection}, and was not tuned again."
    yield ""
    rows = [
        tuple(f"**{cell}**" if at == 0 and line.is_final else cell for at, cell in enumerate(cells))
        for line, cells in ((line, _cells(NETWORK_COLUMNS, line)) for line in network_lines(view))
    ]
    yield from table(_heads(NETWORK_COLUMNS), rows, left=2)


def _heads(columns: Sequence[TableColumn[R]]) -> tuple[str, ...]:
    return tuple(term(c.anchor, plain(c.title)) if c.anchor else plain(c.title) for c in columns)


def _cells(columns: Sequence[TableColumn[R]], row: R) -> tuple[str, ...]:
    """One row; words are foreign text, numbers are our own."""
    return tuple(
        code(c.value(row)) if c.is_code else plain(c.value(row)) if c.is_word else c.value(row)
        for c in columns
    )


def _gates(view: StudyView) -> Iterator[str]:
    yield from ("## Gates", "", f"{count(len(view.gates))} {term('gate', 'gates')} by kind:", "")
    kinds = (
        (code(row.kind), plain(row.meaning), count(row.gates), share(row.share), score(row.f1_median))
        for row in view.kinds
    )
    heads = ("kind", "meaning", "gates", "share", term("precision", "median F1"))
    yield from table(heads, kinds, left=2)
    yield from _together(view)
    chosen = sorted_gates(view.gates)[:LISTED]
    yield best_first(view.gates)
    yield "`IF121` is input feature 121 where it has no label, `_high`: above the median of its firings."
    if len(chosen) < len(view.gates):
        yield f"{count(len(chosen))} of {count(len(view.gates))}; all are in `gates/gates.parquet`."
    yield ""
    numbers = gate_numbers(chosen)
    heads = ("feature", "label", "kind", "formula", *_heads(numbers))
    yield from table(heads, (_gate_cells(row, numbers) for row in chosen), left=4)


def _together(view: StudyView) -> Iterator[str]:
    """What all gates reach, and what becomes of them at other firing thresholds."""
    rows = (_cells(FIDELITY_COLUMNS, row) for row in fidelity_rows(view))
    yield from ("### Fidelity of formulas", "", plain(FIDELITY_NOTE), "")
    yield from table(_heads(FIDELITY_COLUMNS), rows)
    stable = stability_rows(view)
    if stable:
        yield from ("### Kinds at other firing thresholds", "", plain(stability_text(view)), "")
        yield from table(_heads(STABILITY_COLUMNS), (_cells(STABILITY_COLUMNS, row) for row in stable))


def _gate_cells(row: GateRow, numbers: Sequence[TableColumn[GateRow]]) -> tuple[str, ...]:
    gate = row.gate
    words = (code(str(gate.feature)), plain(row.label, 60), code(gate.kind))
    return (*words, code(row.brief, 300) if row.claims else "", *_cells(numbers, row))


def _drawn(view: StudyView, study: Study, folder: Path, progress: Progress) -> Iterator[str]:
    """The best gates of every kind with circuit and pictures."""
    rows = best_across_kinds(view.gates, DRAWN)
    books = (ExampleBook(study), TokenBook(study, view.labels))
    yield from ("## Circuits", "", "The best proven gate of each kind, then the second best, and so on.", "")
    looks = Looks(study, view)
    for row in progress.track(rows, "gate diagrams", len(rows)):
        yield from _circuit(row, view, folder, books, looks.of(row))


def _circuit(
    row: GateRow, view: StudyView, folder: Path, books: tuple[ExampleBook, TokenBook], look: GateLook
) -> Iterator[str]:
    book, texts = books
    gate = row.gate
    name = str(gate.feature).replace("/", "-")
    title = f"### {code(str(gate.feature))} {plain(row.label, 80)}".rstrip()
    yield from (title, "", f"{plain(gate.kind)}: {plain(row.text)}", "")
    if row.claims:
        yield f"- formula: {code(row.expression)}"
    yield f"- graded: {code(row.graded)}"
    if gate.evidence is not None:
        yield f"- {_evidence(row)}"
    yield from (f"- {line}" for line in _beside(row, view, look))
    yield from (f"- {plain(flag)}" for flag in row.flags)
    yield ""
    try:
        write_diagram(folder / IMAGES / f"gate-{name}.svg", gate_picture(gate, view.labels))
        yield from (f"![circuit of {plain(str(gate.feature))}]({IMAGES}/gate-{name}.svg)", "")
    except MissingDependencyError:
        yield from ("No diagram: no layout engine is installed.", "")
    found = book.of(gate.feature)
    if found is not None and len(found.values):
        tiles_of = np.concatenate([found.optimised[None], found.images])
        image_grid(tiles_of, len(tiles_of), folder / IMAGES / f"examples-{name}.png")
        yield "The input optimised for it, then its strongest held-out examples:"
        yield from ("", f"![examples of {plain(str(gate.feature))}]({IMAGES}/examples-{name}.png)", "")
    tokens = texts.gate(gate)
    if tokens is not None:
        yield from gate_lines(tokens, gate.evidence.f1 if row.claims and gate.evidence is not None else None)


def _beside(row: GateRow, view: StudyView, look: GateLook) -> Iterator[str]:
    """What the study says of the gate beside its own evidence."""
    if given := given_text(row.gate, view.name):
        yield plain(given)
    if look.expansion is not None and look.expansion.best is not None:
        found, best = look.expansion, look.expansion.best
        evidence = found.composition.evidence
        yield f"{found.composition.layers} layers back: {code(found.expression)}"
        yield (
            f"that formula itself, held out: {term('composed', 'F1')} {scored(best.f1, best.f1_interval)}; "
            f"product of its gates' F1 {score(evidence.product)}, weakest path {score(evidence.weakest_path)}"
        )
    for sort in counter_sorts(None if look.samples is None else look.samples.counter):
        yield f"{sort.title}, held out, {sort.text}"
    if look.causal is not None:
        signs = f"{look.causal.confirmed_literals} of {look.causal.decided_literals}"
        yield f"under intervention: sign confirmed for {signs} literals, kind: {look.causal.kind_confirmed}"
    if row.gate.at_thresholds:
        yield f"{term('thresholds', 'at other thresholds')}: {'; '.join(_at_thresholds(row, view))}"
    if margin := margin_text(row.gate, view.name):
        yield f"runner-up: {plain(margin)}"


def _at_thresholds(row: GateRow, view: StudyView) -> Iterator[str]:
    for one in threshold_lines(row.gate, brief_name(row.gate, view.labels)):
        formula = f" {code(one.formula, 300)}" if one.same == "other" else ""
        yield f"{plain(one.firing)} {plain(one.kind)}{formula}, F1 {score(one.f1)}"


def _evidence(row: GateRow) -> str:
    evidence = row.gate.evidence
    if evidence is None:
        return ""
    about = "held out" if row.claims else "held out, of the rejected formula"
    return (
        f"{about}, {count(evidence.samples)} samples, {count(evidence.support)} firings: "
        f"{term('precision', 'F1')} {scored(evidence.f1, evidence.f1_interval)}, "
        f"precision {score(evidence.precision)}, recall {score(evidence.recall)}, "
        f"{term('baseline', 'single input')} {score(evidence.baseline_f1)}, "
        f"{term('connector-f1', 'row')} {score(evidence.connector_f1)}, "
        f"{term('ceiling', 'ceiling')} {score(evidence.ceiling_f1)}, {term('r2', 'R²')} {score(evidence.r2)}, "
        f"{term('coverage', 'coverage')} {share(evidence.coverage, 0)}; train F1 {score(evidence.train_f1)}"
    )


def _connectors(view: StudyView, study: Study, folder: Path) -> Iterator[str]:
    yield from ("## Connectors", "")
    first = view.connectors[0].fidelity
    yield f"{split_title(first.split)}, {count(first.samples)} samples. As solved: true features in, before"
    yield "thresholding. Tuned: features predicted by the connectors before it in, after thresholding."
    yield ""
    rows = (_cells(CONNECTOR_COLUMNS, row) for row in view.connectors)
    yield from table(_heads(CONNECTOR_COLUMNS), rows, left=2)
    frames = connector_frames(study, view.header.sites, view.header.threshold or 0.0)
    for number, ((source, target), (snapshots, titles)) in enumerate(frames.items(), start=1):
        strip, film = f"connector-{number}.png", f"connector-{number}.gif"
        matrix_strip(*thinned(snapshots, titles, PANELS), folder / IMAGES / strip)
        matrix_animation(*thinned(snapshots, titles, FRAMES), folder / IMAGES / film)
        ends = f"{plain(source)} to {plain(target)}"
        yield from (f"![W from {ends} over the epochs]({IMAGES}/{strip})", "")
        yield from (f"![W from {ends}, animated]({IMAGES}/{film})", "")


def _autoencoders(view: StudyView) -> Iterator[str]:
    metrics = view.saes[0].metrics
    yield from ("## Sparse autoencoders", "")
    yield from (
        f"{split_title(metrics.split)}, {count(metrics.samples)} samples; dead and live are counted on train.",
        "",
    )
    yield from table(_heads(SAE_COLUMNS), (_cells(SAE_COLUMNS, row) for row in view.saes), left=2)


def _reproduce(view: StudyView) -> Iterator[str]:
    header = view.header
    yield from ("## Reproduce", "", f"In the folder above {code(header.study)}:", "", "```sh")
    yield from (command.replace("```", "'''") for command in header.commands)
    yield from ("```", "")
    yield from table(
        ("setting", "value"), [(code(name), code(value)) for name, value in header.settings], left=2
    )
    yield from table(
        ("artefact", "content hash, first 12 digits"),
        [(code(name), code(digest)) for name, digest in header.hashes],
        left=2,
    )
