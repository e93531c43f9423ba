"""`circuitlogic show`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from circuitlogic.cli.options import MAX_LAYERS, Output, StudyArgument, output_options
from circuitlogic.errors import ConfigError
from circuitlogic.features import site_name

if TYPE_CHECKING:
    from circuitlogic.features import FeatureId
    from circuitlogic.graph.store import FeatureGraph
    from circuitlogic.logic.gate import Gate
    from circuitlogic.report.rows import GateRow
    from circuitlogic.study import Study

_PANEL = 100
"""Width of a gate's panel in a pipe."""


@output_options
def show(
    study: StudyArgument,
    feature: Annotated[
        str | None, typer.Argument(metavar="[FEATURE]", help="One gate, as SITE/INDEX.", show_default=False)
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only gates of this kind.")] = None,
    site: Annotated[str | None, typer.Option(help="Only features of this site.")] = None,
    min_f1: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Only gates with this held-out F1 or more.")
    ] = None,
    expand: Annotated[
        int | None,
        typer.Option(
            min=1, max=MAX_LAYERS, help="Write one gate over the inputs of its inputs, N layers back."
        ),
    ] = None,
    *,
    output: Output,
) -> None:
    """Show all gates, best proven first, or one gate.

    Example: circuitlogic show runs/digits --kind and-not --min-f1 0.8

    One gate over the inputs of its inputs: circuitlogic show runs/digits hidden.2/30 --expand 2
    """
    from circuitlogic.report.gate_rows import gate_rows
    from circuitlogic.stages.extracted import load_gates, load_graph
    from circuitlogic.study import Study

    if expand is not None and feature is None:
        raise ConfigError("--expand writes out one gate: name it, as SITE/INDEX")
    opened = Study.open(study)
    gates, graph = load_gates(opened), load_graph(opened)
    if feature is not None:
        from circuitlogic.cli.gate_lookup import gate_of

        if expand is not None:
            _expanded(opened, graph, gates, gate_of(graph, gates, feature), expand, output)
            return
        _one(opened, graph, gate_of(graph, gates, feature), output)
        return
    rows = gate_rows(gates, graph.labels(), _token_f1(opened))
    site = None if site is None else site_name(site)
    kept = _kept(graph, rows, kind, site, min_f1)
    asked = {"kind": kind, "site": site, "F1 at least": min_f1}
    words = ", ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
    nothing = f"none of {len(rows)} gates has {words}" if rows and not kept else ""
    _listing(opened, kept, len(kept) == len(rows), nothing, output)


def _token_f1(study: "Study") -> "Mapping[FeatureId, float]":
    """What the current token alone scores; nothing for images."""
    from circuitlogic.report.gate_rows import NO_TOKENS
    from circuitlogic.study import EVIDENCE

    if not study.has(EVIDENCE):
        return NO_TOKENS
    from circuitlogic.stages.token_evidence import load_token_evidence, token_f1

    return token_f1(load_token_evidence(study))


def _kept(
    graph: "FeatureGraph", rows: Sequence["GateRow"], kind: str | None, site: str | None, min_f1: float | None
) -> list["GateRow"]:
    """The rows that pass every filter.

    Raises:
        UnknownNameError: there is no such kind or site.
    """
    from circuitlogic.logic.kinds import kind_named

    if kind is not None:
        kind_named(kind)
    if site is not None:
        graph.members(site)
    return [
        row
        for row in rows
        if kind in (None, row.gate.kind)
        and site in (None, row.gate.feature.site)
        and (
            min_f1 is None
            or (row.claims and row.gate.evidence is not None and row.gate.evidence.f1 >= min_f1)
        )
    ]


def _one(study: "Study", graph: "FeatureGraph", gate: "Gate", output: Output) -> None:
    from circuitlogic.cli.documents import write_document
    from circuitlogic.cli.gate_listing import COLUMNS, SHOWN, gate_values
    from circuitlogic.cli.listing import Listing, write_listing
    from circuitlogic.extract.gates_file import gate_to_json
    from circuitlogic.report.examples import ExampleBook
    from circuitlogic.report.gate_panel import gate_panel
    from circuitlogic.report.gate_rows import gate_row
    from circuitlogic.stages.extracted import load_samples
    from circuitlogic.study import EVIDENCE

    labels = graph.labels()
    row = gate_row(gate, labels)
    seen = load_samples(study).get(gate.feature)
    counter = None if seen is None else seen.counter
    tokens = None
    if study.has(EVIDENCE):
        from circuitlogic.report.token_book import TokenBook

        tokens = TokenBook(study, labels).gate(gate)
    if output.is_default or (output.chosen == "table" and output.columns is None):
        pictures = ExampleBook(study).of(gate.feature) if output.streams.interactive else None
        by_number = counter if tokens is None else None  # tokens are shown in their contexts
        output.streams.draw(gate_panel(gate, labels, pictures, by_number), pipe_width=_PANEL)
        if tokens is not None:
            from circuitlogic.report.token_panel import gate_tokens

            f1 = gate.evidence.f1 if row.claims and gate.evidence is not None else None
            output.streams.draw(gate_tokens(tokens, f1), pipe_width=_PANEL)
    elif output.chosen == "json" and output.columns is None:
        about: dict[str, object] = {
            "study": str(study.root),
            "label": row.label,
            "gate": gate_to_json(gate),
            "counter_examples": counter,
        }
        if tokens is not None:
            from circuitlogic.report.token_book import gate_tokens_json

            about["tokens"] = gate_tokens_json(tokens)
        write_document("gate", about)
    else:
        write_listing(Listing("show", COLUMNS, gate_values([row]), SHOWN), output)


def _expanded(
    study: "Study",
    graph: "FeatureGraph",
    gates: Sequence["Gate"],
    gate: "Gate",
    layers: int,
    output: Output,
) -> None:
    """One gate over deeper inputs, with its score measured at every depth.

    Raises:
        ConfigError: the gate has no formula, or rows are asked for.
    """
    from circuitlogic.cli.documents import write_document
    from circuitlogic.report.expansion import expansion_to_json
    from circuitlogic.report.expansion_panel import expansion_panel
    from circuitlogic.report.expansions import Expander

    plain = output.is_default or output.chosen == "table"
    if output.columns is not None or not (plain or output.chosen == "json"):
        raise ConfigError("--expand prints one gate as text, or with --json as a document; it has no rows")
    expansion = Expander(study, gates, graph.labels()).of(gate.feature, layers)
    if plain:
        output.streams.draw(expansion_panel(expansion), pipe_width=_PANEL)
    else:
        write_document("expansion", {"study": str(study.root), **expansion_to_json(expansion)})


def _listing(study: "Study", rows: Sequence["GateRow"], whole: bool, nothing: str, output: Output) -> None:
    from circuitlogic.cli.gate_listing import COLUMNS, SHOWN, gate_values
    from circuitlogic.cli.listing import Listing, write_listing
    from circuitlogic.report.gate_rows import SORTS, sorted_gates
    from circuitlogic.report.tables import gate_table, study_tables

    known = output.sort is None or output.sort in SORTS
    order = output.sort if output.sort in SORTS else "evidence"
    limit = output.limit or (20 if output.is_default else None)
    if known and not nothing and output.chosen == "table" and output.columns is None:
        if whole:
            from circuitlogic.report.view import study_view

            parts = study_tables(study_view(study), limit, order)
        else:
            parts = [gate_table(rows, limit, order)]
        for part in parts:
            output.streams.draw(part)
        return
    values = gate_values(sorted_gates(rows, order))
    about = {"study": str(study.root), "gates": len(rows)}
    unsorted = replace(output, sort=None) if known else output
    write_listing(Listing("show", COLUMNS, values, SHOWN, about, nothing), unsorted)
