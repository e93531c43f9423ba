"""Owns what the scores of single gates say about the formula composed of them: products, and bounds of F1."""

from dataclasses import dataclass
from math import isclose, prod

from circuitlogic.logic.branches import Branch, branches, cut_of
from circuitlogic.logic.gate import Evidence


@dataclass(frozen=True, slots=True)
class ComposedEvidence:
    """What the gates' own held-out scores say about the composed formula before anybody measures it."""

    product: float
    """F1 of all distinct gates multiplied: the low reading, every gate has to be right and errors never cancel."""
    weakest_path: float
    """The smallest product along one path: the high reading, only the errors of one path are ever felt."""
    least_f1: float | None
    """F1 that the composed formula cannot be below on these samples: every error of every gate shows. None where
    gates were not scored on the same samples and thresholds."""
    most_f1: float | None
    """F1 it cannot be above: all errors below do nothing but mend those of the gate itself."""


def composed_evidence(tree: Branch) -> ComposedEvidence:
    """Products and bounds over the gates that `tree` expands."""
    opened = [b for b in branches(tree) if not b.stop and b.gate is not None]
    scores = {b.gate.feature: b.gate.evidence for b in opened if b.gate is not None}
    known = [evidence for evidence in scores.values() if evidence is not None]
    least, most = _bounds(known) if len(known) == len(scores) and _comparable(tree) else (None, None)
    return ComposedEvidence(
        product=prod(evidence.f1 for evidence in known),
        weakest_path=min(branch.product for branch in branches(tree)),
        least_f1=least,
        most_f1=most,
    )


def _comparable(tree: Branch) -> bool:
    """Whether all gates were scored on equally many samples, and fire where the gates above take them to."""
    sizes = {b.gate.evidence.samples for b in branches(tree) if not b.stop and b.gate and b.gate.evidence}
    return len(sizes) == 1 and all(
        part.gate is not None
        and isclose(cut_of(branch.gate, part.literal), part.gate.threshold, rel_tol=1e-6)
        for branch in branches(tree)
        if branch.gate is not None
        for part in branch.parts
        if not part.stop
    )


def _bounds(scores: list[Evidence]) -> tuple[float | None, float | None]:
    """F1 at worst and at best, by the triangle inequality over the samples that each formula has wrong."""
    wrong = [_wrong(evidence) for evidence in scores]
    fires = scores[0].support
    if not fires or any(number is None for number in wrong):
        return None, None
    own, below = wrong[0] or 0, sum(number or 0 for number in wrong[1:])
    worst, best = own + below, max(0, own - below)
    least = 2 * (fires - worst) / (2 * fires - worst) if worst < fires else 0.0
    return least, 2 * fires / (2 * fires + best)


def _wrong(evidence: Evidence) -> int | None:
    """Held-out samples that a formula has wrong; None where its scores do not tell."""
    hits = round(evidence.recall * evidence.support)
    if not hits or evidence.precision <= 0:
        return None
    return round(hits / evidence.precision) - hits + evidence.support - hits
