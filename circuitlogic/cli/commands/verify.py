"""`circuitlogic verify`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from circuitlogic.cli.console import Streams
from circuitlogic.cli.options import Json, NoColor, Quiet, StudyArgument
from circuitlogic.errors import ConfigError

if TYPE_CHECKING:
    from circuitlogic.stages.network_metrics import NetworkMetrics


def verify(
    study: StudyArgument,
    split: Annotated[
        Literal["heldout", "test"],
        typer.Option(help="`test` is the official test set, which no other command touches."),
    ] = "heldout",
    threshold: Annotated[
        float | None, typer.Option(min=0.0, help="Default: the threshold that was extracted.")
    ] = None,
    min_accuracy: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Fail below it: a share, e.g. 0.9.")
    ] = None,
    min_agreement: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Fail below it: share of equal answers.")
    ] = None,
    causal: Annotated[
        bool,
        typer.Option(
            "--causal", help="Check the gates instead: switch their inputs in the original network."
        ),
    ] = False,
    feature: Annotated[
        str | None, typer.Option(metavar="SITE/INDEX", help="With --causal: one gate, with its truth tables.")
    ] = None,
    min_confirmed: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, help="With --causal, fail below it: share of inputs confirmed."),
    ] = None,
    controls: Annotated[
        bool,
        typer.Option(
            "--controls", help="Beside it: its neurons pruned alike, and its recipe on randomised weights."
        ),
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Run the graph as a network, against the original; or check its gates by intervention.

    Exit code 3 if it falls below a minimum.

    Example: circuitlogic verify runs/digits --split test --min-agreement 0.9

    Example: circuitlogic verify runs/digits --controls

    Example: circuitlogic verify runs/digits --causal --min-confirmed 0.6
    """
    streams = Streams(color=not no_color, quiet=quiet)
    if causal:
        _refuse("with --causal", threshold=threshold, min_accuracy=min_accuracy, min_agreement=min_agreement)
        _refuse("with --causal", controls=controls or None)
        _verify_gates(study, split, feature, min_confirmed, json, streams)
        return
    _refuse("without --causal", feature=feature, min_confirmed=min_confirmed)
    metrics = _verify_network(study, split, threshold, controls, json, streams)
    from circuitlogic.cli.summaries import check_minimum

    check_minimum(metrics, min_accuracy, min_agreement)


def _verify_network(
    study: Path, split: str, threshold: float | None, controls: bool, json: bool, streams: Streams
) -> "NetworkMetrics":
    from circuitlogic.study import Study

    opened = Study.open(study)

    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.documents import write_document
    from circuitlogic.cli.summaries import draw_controls, draw_network, gate_figures
    from circuitlogic.pipeline import controls as run_controls
    from circuitlogic.pipeline import verify as run

    with console_progress(streams) as progress:
        metrics = run(opened, split, threshold, progress)
        beside = run_controls(opened, progress) if controls else ()
    if json:
        document = {"study": str(study), "split": split, "metrics": metrics, "gates": gate_figures(opened)}
        write_document("verify", document | ({"controls": beside} if controls else {}))
    else:
        draw_network(streams, opened, metrics)
        draw_controls(streams, opened, beside)
    return metrics


def _verify_gates(
    study: Path, split: str, feature: str | None, least: float | None, json: bool, streams: Streams
) -> None:
    from circuitlogic.study import Study

    opened = Study.open(study)

    from circuitlogic.cli.causal_table import (
        check_confirmed,
        chosen,
        draw_gate,
        draw_gates,
        draw_rereading,
        rereading_line,
        summary_line,
    )
    from circuitlogic.cli.console_progress import console_progress
    from circuitlogic.cli.documents import write_document
    from circuitlogic.pipeline import verify_gates
    from circuitlogic.stages.causal import load_causal_rereadings
    from circuitlogic.verify.causal_summary import summarise
    from circuitlogic.verify.interventions_file import intervention_to_json, rereading_to_json
    from circuitlogic.verify.rereading import summarise_rereadings

    with console_progress(streams) as progress:
        gates = chosen(verify_gates(opened, None, split, progress), feature)
    shown = {gate.feature for gate in gates}
    again = [one for one in load_causal_rereadings(opened, split) if one.reading.gate.feature in shown]
    summary, rereadings = summarise(gates), summarise_rereadings(again)
    if json:
        rows = [intervention_to_json(gate) for gate in gates]
        left = [rereading_to_json(one) for one in again]
        content = {"study": str(study), "split": split, "summary": summary, "read_again": rereadings}
        write_document("causal", {**content, "gates": rows, "rereadings": left})
    else:
        if feature is None:
            draw_gates(streams, gates)
        else:
            draw_gate(streams, gates[0])
            for one in again:
                draw_rereading(streams, one)
        streams.draw(summary_line(summary))
        if feature is None and again:
            streams.draw(rereading_line(rereadings))
    check_confirmed(summary, least)


def _refuse(when: str, **given: object) -> None:
    """Options that mean nothing here are not ignored silently."""
    for name, value in given.items():
        if value is not None:
            raise ConfigError(f"--{name.replace('_', '-')} means nothing {when}: leave one of them out")
