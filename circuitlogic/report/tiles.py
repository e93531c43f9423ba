"""Owns the four numbers that head a report: sparsity, gates, fidelity, what is left unexplained."""

from dataclasses import dataclass

from circuitlogic.report.caveats import unexplained_share
from circuitlogic.report.numbers import NONE, count, share
from circuitlogic.report.rows import GAIN, StudyView
from circuitlogic.verify.scores import Faithfulness


@dataclass(frozen=True, slots=True)
class Tile:
    """One of the four numbers."""

    anchor: str
    """Of its definition."""
    name: str
    value: str
    meaning: str
    """What the number says, on what, before or after thresholding."""


def tiles(view: StudyView) -> tuple[Tile, ...]:
    """Sparsity, gates, fidelity (where the graph runs as a network), unexplained; none before extraction."""
    if view.header.threshold is None:
        return ()
    fidelity = () if view.final is None else (_fidelity(view, view.final.scores),)
    return (_sparsity(view), _gates(view), *fidelity, _unexplained(view))


def _sparsity(view: StudyView) -> Tile:
    edges = sum(row.sparsity.edges for row in view.cut)
    entries = sum(row.sparsity.entries for row in view.cut)
    kept = share(edges / entries if entries else None)
    meaning = f"of {count(entries)} possible ({kept}), after thresholding at |w| > {view.header.threshold:g}"
    return Tile("edges", "Edges", count(edges), meaning)


def _gates(view: StudyView) -> Tile:
    claimed = sum(row.claims for row in view.gates)
    kinds = {row.gate.kind for row in view.gates if row.claims}
    gains = [row.gain for row in view.gates if row.gain is not None]
    better = sum(gain >= GAIN for gain in gains)
    part = share(better / len(gains) if gains else None, 0)
    beside = f"; {part} of them beat the best single input by {GAIN:.2f} F1" if gains else ""
    top = [f"{row.kind} {count(row.gates)}" for row in view.kinds if row.kind in kinds][:4]
    more = ", …" if len(kinds) > len(top) else ""
    words = f": {', '.join(top)}{more}" if top else ""
    return Tile(
        "gate", "Gates with a formula", count(claimed), f"of {count(len(view.gates))} gates{words}{beside}"
    )


def _fidelity(view: StudyView, scores: Faithfulness) -> Tile:
    answers = f"original {share(view.original_accuracy)}; same answer on {share(scores.agreement)}"
    if view.original is not None:
        meaning = (
            "of the loss that ablating costs is recovered by the thresholded feature network, "
            f"{count(scores.samples)} held-out tokens; next token right: {share(scores.accuracy)}, {answers}"
        )
        return Tile("loss-recovered", "Fidelity", share(scores.loss_recovered), meaning)
    meaning = (
        f"accuracy of the thresholded feature network, {count(scores.samples)} held-out samples; {answers}"
    )
    return Tile("feature-network", "Fidelity", share(scores.accuracy), meaning)


def _unexplained(view: StudyView) -> Tile:
    fvu = [f"{row.fidelity.fvu:.2f} at {row.target}" for row in view.cut[-1:]]
    meaning = "of the gates that fire often enough to be read; variance the graph leaves unexplained: "
    return Tile(
        "unexplained",
        "Unexplained",
        share(unexplained_share(view.gates)),
        meaning + (fvu[0] if fvu else NONE),
    )
