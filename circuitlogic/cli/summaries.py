"""Owns the short tables that `extract`, `verify` and `demo` end with."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from circuitlogic.cli.console import Streams
from circuitlogic.errors import CheckFailedError

if TYPE_CHECKING:
    from circuitlogic.stages.controls import Control
    from circuitlogic.stages.network_metrics import NetworkMetrics
    from circuitlogic.study import Study


@dataclass(frozen=True, slots=True)
class Extraction:
    """What `extract` made."""

    edges: int
    kinds: Mapping[str, int]
    """Gates of each kind, most frequent first."""
    document: Mapping[str, Any]
    """All of it for `--json`."""


def extraction(study: "Study", metrics: "NetworkMetrics") -> Extraction:
    """Count the study's edges and gates."""
    from circuitlogic.stages.extracted import load_gates, load_graph

    graph = load_graph(study)
    counts = Counter(gate.kind for gate in load_gates(study))
    kinds = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
    document = {
        "study": str(study.root),
        "threshold": metrics.threshold,
        "edges": graph.edge_count,
        "gates": kinds,
        "metrics": metrics,
    }
    return Extraction(graph.edge_count, kinds, document)


def draw_extraction(streams: Streams, study: "Study", result: Extraction) -> None:
    """Gate kinds and the feature network, ending with one line of totals."""
    from rich.padding import Padding

    from circuitlogic.report.tables import feature_network_table, kind_table
    from circuitlogic.report.view import study_view

    view = study_view(study)
    streams.draw(Padding(kind_table(view), (0, 0, 1, 0)))
    if view.variants:
        streams.draw(feature_network_table(view))
    threshold, gates = result.document["threshold"], sum(result.kinds.values())
    kept = f" ({view.header.selection})" if view.header.selection else ""
    streams.draw(f"{result.edges:,} edges with |weight| above {threshold:g}{kept}, {gates:,} gates")


def draw_network(streams: Streams, study: "Study", metrics: "NetworkMetrics") -> None:
    """The feature network in every state, from one autoencoder alone to the thresholded graph."""
    from rich.padding import Padding

    from circuitlogic.report.gate_figures import fidelity_table, stability_table
    from circuitlogic.report.guards import guards_table
    from circuitlogic.report.tables import feature_network_table
    from circuitlogic.report.view import study_view, variant_rows

    view = study_view(study)
    header = replace(view.header, threshold=metrics.threshold)
    if metrics.original is not None and header.accuracy(metrics.original.split) is None:
        header = replace(header, scores=(*header.scores, metrics.original))
    if metrics.variants:
        streams.draw(feature_network_table(replace(view, header=header, variants=variant_rows(metrics))))
    if metrics.dictionaries:
        streams.draw(guards_table(metrics))
    if view.gates:
        streams.draw(Padding(fidelity_table(view), (1, 0, 0, 0)))
        stability = stability_table(view)
        if stability is not None:
            streams.draw(Padding(stability, (1, 0, 0, 0)))


def gate_figures(study: "Study") -> dict[str, Any] | None:
    """What all gates reach together, held out; None before there are any."""
    from circuitlogic.logic.gate_summary import fidelity_of, stability_by_kind
    from circuitlogic.stages.extracted import GATES, load_gates

    if not study.has(GATES):
        return None
    gates = load_gates(study)
    return {"fidelity": fidelity_of(gates), "stability": stability_by_kind(gates)}


def draw_controls(streams: Streams, study: "Study", controls: "tuple[Control, ...]") -> None:
    """The controls beside the held-out feature network, where there are any."""
    if not controls:
        return
    from circuitlogic.report.guards import controls_table
    from circuitlogic.stages.network_metrics import FIDELITY, load_metrics
    from circuitlogic.stages.sweep import original_of

    streams.draw(controls_table(load_metrics(study, FIDELITY), original_of(study), controls))


def check_minimum(metrics: "NetworkMetrics", min_accuracy: float | None, min_agreement: float | None) -> None:
    """Hold the thresholded network to what the user demands.

    Raises:
        CheckFailedError: it is below, or the model has no answers to compare.
    """
    if min_accuracy is None and min_agreement is None:
        return
    if not metrics.variants:
        raise CheckFailedError(
            "check failed: the model predicts no next tokens, so nothing is right or agrees"
        )
    final = metrics.variants[-1]
    failed = [
        f"{name} {value:.4f} is below the minimum {least:g}"
        for name, value, least in (
            ("accuracy", final.accuracy, min_accuracy),
            ("agreement", final.agreement, min_agreement),
        )
        if least is not None and value < least
    ]
    if failed:
        raise CheckFailedError(f"check failed on {final.split}: {', '.join(failed)}")
