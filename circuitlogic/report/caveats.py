"""Owns the sentences that keep a reader from believing too much; all follow from the study's numbers."""

from dataclasses import replace

import numpy as np

from circuitlogic.logic.flags import OtherCauses, flags_of
from circuitlogic.report.gate_rows import SILENT_KINDS
from circuitlogic.report.numbers import count, share
from circuitlogic.report.rows import GAIN, GateRow, StudyView

_GOOD_F1 = 0.8
_FEW = 100
_MUCH_DEAD = 0.5
_OFFSET = 0.02


def with_caveats(view: StudyView) -> StudyView:
    """The view with its caveats."""
    found = (*_of_network(view), *_of_features(view), *_of_gates(view))
    return replace(view, caveats=found)


def unexplained_share(gates: tuple[GateRow, ...]) -> float | None:
    """Share of the gates that could be read for which nothing explains the output; None without gates."""
    read = [row for row in gates if row.gate.kind not in SILENT_KINDS]
    return sum(row.gate.kind == "unexplained" for row in read) / len(read) if read else None


def _of_network(view: StudyView) -> list[str]:
    found: list[str] = []
    if view.header.threshold is None:
        return ["The study is not extracted yet: there are no edges and no gates to report."]
    if view.final is None:
        return ["The model predicts no next tokens: what the graph does in its place is not measured."]
    scores = view.final.scores
    original = view.original_accuracy
    if original is None:
        return found
    lost = original - scores.accuracy
    found.append(
        f"The feature network is not the original: on {count(scores.samples)} held-out samples it is right on "
        f"{share(scores.accuracy)} against {share(original)}, and gives another answer on "
        f"{share(1 - scores.agreement)} of them."
    )
    alone = view.variants[0].scores
    if original - alone.accuracy > max(_OFFSET, lost / 2):
        found.append(
            f"The last autoencoder alone costs {share(original - alone.accuracy)} of accuracy: part of the "
            "loss is not the connectors'."
        )
    return found


def _of_features(view: StudyView) -> list[str]:
    found: list[str] = []
    dead = [(row.metrics.dead, row) for row in view.saes if row.metrics.dead > 0]
    if dead:
        parts = [f"{share(part)} of {count(row.features)} in {row.site}" for part, row in dead]
        much = ". A smaller dictionary would do" if max(part for part, _ in dead) > _MUCH_DEAD else ""
        found.append(f"Features that never fire on the training samples: {', '.join(parts)}{much}.")
    without = [(row.live - row.sparsity.reached, row) for row in view.cut]
    parts = [f"{count(n)} of {count(row.live)} in {row.target}" for n, row in without if n]
    if parts:
        found.append(
            f"Live features without an edge above the threshold, of which the graph says nothing: "
            f"{', '.join(parts)}."
        )
    return found


def _of_gates(view: StudyView) -> list[str]:
    silent = sum(row.gate.kind in SILENT_KINDS for row in view.gates)
    read = len(view.gates) - silent
    claimed = [row for row in view.gates if row.claims]
    found: list[str] = []
    if silent:
        found.append(
            f"{count(silent)} of {count(len(view.gates))} gates are not read: their features fire on too few "
            "training samples, or on no held-out one."
        )
    nothing = unexplained_share(view.gates)
    if nothing:
        found.append(
            f"{share(nothing)} of the {count(read)} gates that could be read are unexplained: neither a formula "
            "nor the weighted sum says when the feature fires."
        )
    if claimed:
        found += _of_claims(claimed)
        found += _of_classes(claimed, view.class_f1)
        found += _of_tokens(claimed)
    return found


def _of_tokens(claimed: list[GateRow]) -> list[str]:
    """Whether formulas say more than the current token does."""
    scores = [row.token_f1 for row in claimed if row.token_f1 is not None]
    if not scores:
        return []
    better = sum(not row.is_word_list for row in claimed if row.token_f1 is not None)
    return [
        f"{count(better)} of {count(len(scores))} formulas use context: they beat the current token alone by at "
        f"least {GAIN:.2f} F1. The others are word lists. The token alone has a median F1 of "
        f"{float(np.median(scores)):.2f}, with no circuit."
    ]


def _of_classes(claimed: list[GateRow], class_f1: dict[str, float]) -> list[str]:
    """Whether formulas say more than the image's class does."""
    pairs = [
        (row.gate.evidence.f1, class_f1[str(row.gate.feature)])
        for row in claimed
        if row.gate.evidence is not None and str(row.gate.feature) in class_f1
    ]
    if not pairs:
        return []
    better = sum(f1 >= alone + GAIN for f1, alone in pairs)
    median = float(np.median([alone for _, alone in pairs]))
    return [
        f"{count(better)} of {count(len(pairs))} formulas beat the image's class alone by at least {GAIN:.2f} F1; "
        f"the class alone has a median F1 of {median:.2f}, with no circuit."
    ]


def _of_claims(claimed: list[GateRow]) -> list[str]:
    pairs = [(row.gate.evidence, row.gain) for row in claimed]
    scores = [evidence.f1 for evidence, _ in pairs if evidence is not None]
    under = sum(score < _GOOD_F1 for score in scores)
    better = sum(gain is not None and gain >= GAIN for _, gain in pairs)
    copies = sum(row.gate.kind == "copy" and (row.gain or 0.0) < GAIN for row in claimed)
    few = sum(evidence is not None and evidence.support < _FEW for evidence, _ in pairs)
    total = count(len(claimed))
    found = [
        f"{count(better)} of {total} gates with a formula beat the best single input by at least {GAIN:.2f} F1"
        + (
            f"; {count(copies)} of the others {'copies' if copies == 1 else 'copy'} one input and cannot."
            if copies
            else "."
        ),
    ]
    if under:
        found.append(f"{count(under)} of {total} formulas have a held-out F1 under {_GOOD_F1:.2f}.")
    if gaps := [row for row in claimed if _has_other_causes(row)]:
        found.append(
            f"{count(len(gaps))} of {total} formulas leave out other causes: a tenth or more of the firings come "
            "with none of their inputs on."
        )
    if few:
        found.append(
            f"{count(few)} of {total} formulas are scored on fewer than {_FEW} held-out firings: look at their "
            "intervals."
        )
    return found


def _has_other_causes(row: GateRow) -> bool:
    return any(isinstance(flag, OtherCauses) for flag in flags_of(row.gate.flags))
