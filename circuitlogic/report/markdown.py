"""Owns the Markdown report: `report.md` with its pictures in `img/`, readable on GitHub and in a plain editor."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from circuitlogic.errors import MissingDependencyError
from circuitlogic.progress import SILENT, Progress
from circuitlogic.render.engines import write_diagram
from circuitlogic.render.images import image_grid
from circuitlogic.render.matrices import matrix_animation, matrix_strip
from circuitlogic.report.connector_pictures import connector_frames, thinned
from circuitlogic.report.diagrams import gate_picture
from circuitlogic.report.examples import ExampleBook
from circuitlogic.report.gate_rows import best_across_kinds, sorted_gates
from circuitlogic.report.markdown_text import code, definition_lines, plain, table, term
from circuitlogic.report.numbers import (
    NONE,
    count,
    interval,
    nats,
    score,
    scored,
    share,
    small,
    split_name,
    split_title,
)
from circuitlogic.report.rows import GateRow, StudyView, VariantRow
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
        *_feature_network(view),
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
    yield f"{plain(header.network)}, trained on {plain(header.dataset)}; features at {sites}; seed {header.seed}."
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
    yield f"{split_title(final.split)}, {count(final.samples)} samples. Thresholded at \\|w\\| > "
    yield f"{view.header.threshold:g} ({term('unit', 'unit scale')}). The last row is the graph, run as a network."
    yield ""
    heads = (
        "network",
        "thresholded",
        term("edges", "edges"),
        term("accuracy", "accuracy"),
        term("agreement", "agreement"),
        term("kl", "KL"),
        term("loss", "loss"),
        term("loss-recovered", "loss recovered"),
        term("loss-recovered", "against mean"),
    )
    rows = [
        (f"original, {plain(split_name(s.split))}", "", "", share(s.accuracy), "", "", small(s.loss), "", "")
        for s in view.header.scores
    ]
    rows += [_variant_cells(row, row is view.final) for row in view.variants]
    yield from table(heads, rows, left=2)


def _variant_cells(row: VariantRow, is_final: bool) -> tuple[str, ...]:
    scores, name = row.scores, plain(row.name)
    return (
        f"**{name}**" if is_final else name,
        "after" if row.thresholded else "before",
        NONE if row.edges is None else count(row.edges),
        share(scores.accuracy),
        share(scores.agreement),
        small(scores.kl),
        nats(scores.loss),
        share(scores.loss_recovered),
        share(scores.loss_recovered_mean),
    )


def _gates(view: StudyView) -> Iterator[str]:
    yield from ("## Gates", "", f"{count(len(view.gates))} {term('gate', 'gates')} by kind:", "")
    kinds = (
        (code(row.kind), plain(row.meaning), count(row.gates), share(row.share), score(row.f1_median))
        for row in view.kinds
    )
    heads = ("kind", "meaning", "gates", "share", term("precision", "median F1"))
    yield from table(heads, kinds, left=2)
    chosen = sorted_gates(view.gates)[:LISTED]
    yield "Best evidence first. `IF121` is input feature 121, `_high`: above the median of its firings."
    if len(chosen) < len(view.gates):
        yield f"{count(len(chosen))} of {count(len(view.gates))}; all are in `gates/gates.parquet`."
    yield ""
    heads = (
        "feature",
        "label",
        "kind",
        "formula",
        "inputs",
        term("precision", "F1"),
        "95 %",
        term("baseline", "single F1"),
        term("connector-f1", "row F1"),
        term("support", "support"),
        term("r2", "R²"),
    )
    yield from table(heads, (_gate_cells(row) for row in chosen), left=4)


def _gate_cells(row: GateRow) -> tuple[str, ...]:
    gate, evidence = row.gate, row.gate.evidence
    words = (code(str(gate.feature)), plain(row.label, 60), code(gate.kind))
    words = (*words, code(row.brief, 300) if row.claims else "", count(len(gate.inputs)))
    if evidence is None:
        return (*words, NONE, NONE, NONE, NONE, NONE, NONE)
    return (
        *words,
        score(evidence.f1) if row.claims else NONE,
        interval(evidence.f1_interval) if row.claims else NONE,
        score(evidence.baseline_f1),
        score(evidence.connector_f1),
        count(evidence.support),
        score(evidence.r2),
    )


def _drawn(view: StudyView, study: Study, folder: Path, progress: Progress) -> Iterator[str]:
    """The best gates of every kind with circuit and pictures."""
    rows = best_across_kinds(view.gates, DRAWN)
    books = (ExampleBook(study), TokenBook(study, view.labels))
    yield from ("## Circuits", "", "The best proven gate of each kind, then the second best, and so on.", "")
    for row in progress.track(rows, "gate diagrams", len(rows)):
        yield from _circuit(row, view, folder, *books)


def _circuit(
    row: GateRow, view: StudyView, folder: Path, book: ExampleBook, texts: TokenBook
) -> Iterator[str]:
    gate = row.gate
    name = str(gate.feature).replace("/", "-")
    title = f"### {code(str(gate.feature))} {plain(row.label, 80)}".rstrip()
    yield from (title, "", f"{plain(gate.kind)}: {plain(row.text)}", "")
    if row.claims:
        yield f"- formula: {code(row.expression)}"
    yield f"- graded: {code(row.graded)}"
    if gate.evidence is not None:
        yield f"- {_evidence(row)}"
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
    heads = (
        "connector",
        "state",
        term("edges", "edges"),
        "possible",
        term("in-degree", "in-degree"),
        term("reached", "reached"),
        term("unit", "\\|w\\| > 0.1 unit / raw"),
        term("l1", "l1"),
        term("mse", "mse"),
        term("fvu", "fvu"),
        term("r2", "median R²"),
        term("firing-f1", "firing F1"),
        term("copy-rate", "copy rate"),
    )
    yield from table(heads, _connector_rows(view), left=2)
    frames = connector_frames(study, view.header.sites, view.header.threshold or 0.0)
    for number, ((source, target), (snapshots, titles)) in enumerate(frames.items(), start=1):
        strip, film = f"connector-{number}.png", f"connector-{number}.gif"
        matrix_strip(*thinned(snapshots, titles, PANELS), folder / IMAGES / strip)
        matrix_animation(*thinned(snapshots, titles, FRAMES), folder / IMAGES / film)
        ends = f"{plain(source)} to {plain(target)}"
        yield from (f"![W from {ends} over the epochs]({IMAGES}/{strip})", "")
        yield from (f"![W from {ends}, animated]({IMAGES}/{film})", "")


def _connector_rows(view: StudyView) -> Iterator[tuple[str, ...]]:
    for row in view.connectors:
        sparsity, fidelity = row.sparsity, row.fidelity
        yield (
            f"{code(row.source)} → {code(row.target)}",
            plain(row.state),
            count(sparsity.edges),
            count(sparsity.entries),
            f"{sparsity.in_degree_mean:.1f} / {sparsity.in_degree_median:.0f} / {sparsity.in_degree_max}",
            f"{count(sparsity.reached)} / {count(row.live)}",
            f"{count(sparsity.above_unit)} / {count(sparsity.above_raw)}",
            small(sparsity.l1),
            small(fidelity.mse),
            small(fidelity.fvu),
            score(fidelity.r2_median),
            score(fidelity.firing_f1_median),
            share(fidelity.copy_rate),
        )


def _autoencoders(view: StudyView) -> Iterator[str]:
    metrics = view.saes[0].metrics
    yield from ("## Sparse autoencoders", "")
    yield from (
        f"{split_title(metrics.split)}, {count(metrics.samples)} samples; dead and live are counted on train.",
        "",
    )
    heads = (
        "site",
        "architecture",
        "neurons",
        term("feature", "features"),
        term("mse", "mse"),
        term("l1", "l1"),
        term("fvu", "fvu"),
        term("l0", "l0"),
        term("dead", "dead"),
        term("fires", "live"),
    )
    rows = (
        (
            code(row.site),
            plain(row.architecture),
            count(row.width),
            count(row.features),
            small(row.metrics.mse),
            small(row.metrics.l1),
            small(row.metrics.fvu),
            f"{row.metrics.l0:.1f}",
            share(row.metrics.dead),
            count(row.live),
        )
        for row in view.saes
    )
    yield from table(heads, rows, left=2)


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
